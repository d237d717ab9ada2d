"""What is known of all rings of a guest: from what it tells the store, its grants, and its own count."""

from dataclasses import fields
from types import SimpleNamespace

import pytest

from actors.abi.netif import TX_REQUEST, TX_RESPONSE
from actors.abi.ring import REQ_PROD, RSP_EVENT, RSP_PROD
from actors.abi.xs_wire import XsType
from actors.runtime.memory import SparseMemory
from actors.vif.netfront_statistics import NetfrontStatistics
from cluster.studies.campaign.ring_record import RingRecord

GUEST, MFN, REF = "host0/dom3", 17, 5


def counts(lost: int) -> NetfrontStatistics:
    names = [each.name for each in fields(NetfrontStatistics)]
    return NetfrontStatistics(**dict.fromkeys(names, 0) | {"state": "Connected", "lost": lost})  # type: ignore[arg-type]


class Seen:
    """A guest with one ring of transmits, on which there are three requests with one answer."""

    def __init__(self, lost: int) -> None:
        self.record = RingRecord()
        self.memory = SparseMemory(32)
        self.granted: dict[tuple[int, int], int] = {(3, REF): MFN}
        self.words, self.page = self.memory.words(MFN), self.memory.frame(MFN)
        hypervisor = SimpleNamespace(
            memory=self.memory, granted_frame=lambda domid, ref: self.granted.get((domid, ref))
        )
        devices = {"vif": {"eth0": counts(lost)}}
        guest = SimpleNamespace(statistics=lambda: SimpleNamespace(devices=devices))
        self.record.hypervisor("host0", hypervisor)  # type: ignore[arg-type]
        self.record.guest(GUEST, guest)  # type: ignore[arg-type]
        self.record.backends("host0/dom0")
        self.words[RSP_EVENT] = 1
        self.tell()
        for ident in range(3):
            TX_REQUEST.pack_into(self.page, 64 + 12 * ident, 9, 0, 0, ident, 100)
        self.words[REQ_PROD] = 3
        self.record.turned(GUEST)
        TX_RESPONSE.pack_into(self.page, 64, 0, 0)
        self.words[RSP_PROD] = 1
        self.record.turned("host0/dom0")

    def tell(self) -> None:
        self.record.told(GUEST, XsType.WRITE, b"device/vif/0/queue-1/tx-ring-ref\0%d" % REF)

    def revoke(self) -> None:
        del self.granted[3, REF]
        self.record.replied(GUEST)


@pytest.mark.parametrize(("lost", "held"), [(1, False), (2, True), (3, True), (67, True), (68, False)])
def test_what_died_with_a_backend_has_to_be_counted(lost: int, held: bool) -> None:
    """The answer to the first may have come too late to be taken, and more may not have been shown."""
    seen = Seen(lost)
    seen.revoke()

    assert (seen.record.violations() == []) is held


def test_what_lies_on_a_ring_has_not_died() -> None:
    assert Seen(0).record.violations() == []


def test_a_ring_that_is_told_again_is_the_same_and_others_see_to_their_own() -> None:
    seen = Seen(2)
    seen.tell()
    seen.record.told(GUEST, XsType.WRITE, b"device/vif/0/state\0004")
    seen.record.told(GUEST, XsType.WRITE, b"device/vif/0/tx-ring-ref\0nonsense")
    seen.record.told(GUEST, XsType.READ, b"device/vif/0/rx-ring-ref\0")
    seen.record.turned("host1/dom0")
    seen.revoke()

    assert seen.record.violations() == []


def test_a_guest_that_was_misled_is_not_judged_by_its_count() -> None:
    seen = Seen(99)
    TX_RESPONSE.pack_into(seen.page, 64 + 12, 2, 0)
    seen.words[RSP_PROD] = 2
    seen.record.turned("host0/dom0")

    (found,) = seen.record.violations()
    assert found.startswith(f"{GUEST}/vif/0/queue-1/tx has an answer to request 2 in the slot of request 1")
    seen.revoke()
    assert seen.record.violations() == [found]


def test_the_rings_of_a_dead_guest_die_with_it() -> None:
    seen = Seen(0)
    seen.memory.scrub(MFN, 1)
    seen.record.turned("host0/dom0")
    seen.record.guest(GUEST, SimpleNamespace(statistics=lambda: SimpleNamespace(devices={})))  # type: ignore[arg-type]

    assert seen.record.violations() == []
