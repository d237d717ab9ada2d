"""The rings of all network interfaces: each request is answered once, lies there, or died with a backend.

Rules: a ring is known from what its guest tells XenStore of it and from the guest's grant table, and is read
where it lies. It is one for as long as its grant is not taken back: what has no answer then has died with the
backend that it was offered to, and its frontend has to have counted it as lost; it may count what it had put
and not shown yet, too. A dead guest's rings die with it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from actors.abi.xs_wire import XsType
from actors.address import Address
from actors.domu.guest import Guest
from actors.hypervisor.hypervisor import Hypervisor
from actors.kernel.xs_nodes import decode
from actors.vif.netfront_statistics import NetfrontStatistics
from cluster.studies.campaign.netif_ring import NetifRing, ReceiveRing, TransmitRing

_KEY: Final = re.compile(rb"(?:/local/domain/\d+/)?device/(vif/\d+(?:/queue-\d+)?)/(tx|rx)-ring-ref\0(?=\d)")
_KINDS: Final = {b"tx": TransmitRing, b"rx": ReceiveRing}

UNSHOWN_MAX: Final = 64
"""What a frontend may put into a ring in a turn: as many slots as it has frames to send from."""


@dataclass(slots=True)
class _Life:
    """One life of a guest, with its rings by their grants, and the frames of those.

    `died_min`, `died_max`: requests for data on rings that are no more, for which nothing has come; it cannot
    count them once it was `misled` by what was answered.
    """

    guest: Guest
    rings: dict[int, tuple[int, NetifRing]] = field(default_factory=dict)
    died_min: int = 0
    died_max: int = 0
    misled: bool = False


class RingRecord:
    """What was seen of the rings of every life of every guest. `wrong`: of those that are no more."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._hypervisors: dict[str, Hypervisor] = {}
        self._lives: dict[str, _Life] = {}
        self._past: list[tuple[str, _Life]] = []
        self._turns: dict[str, Callable[[], None]] = {}

    def hypervisor(self, host: str, hypervisor: Hypervisor) -> None:
        """A host is powered on."""
        self._hypervisors[host] = hypervisor

    def guest(self, address: str, guest: Guest) -> None:
        """A guest begins a life."""
        if address in self._lives:  # of a host that was powered on again
            self._past.append((address, self._lives[address]))
        life = self._lives[address] = _Life(guest)
        self._turns[address] = partial(_look, life)

    def backends(self, address: str) -> None:
        """A domain begins a life in which it may serve rings of all guests of its host."""
        self._turns[address] = partial(self._look_at_host, Address.parse(address).host)

    def turned(self, address: str) -> None:
        """A turn of somebody is over."""
        look = self._turns.get(address)
        if look is not None:
            look()

    def told(self, address: str, kind: XsType, payload: bytes) -> None:
        """A guest asks the store for something: to write down a ring of its own, perhaps."""
        key = _KEY.match(payload) if kind is XsType.WRITE else None
        if key is None:
            return
        ref, life = int(payload[key.end() :]), self._lives[address]
        hypervisor, mfn = self._frame(address, ref)
        if mfn is None or ref in life.rings:  # what is told again is no other ring
            return
        memory, name = hypervisor.memory, f"{address}/{decode(key[1])}/{decode(key[2])}"
        life.rings[ref] = mfn, _KINDS[key[2]](name, memory.words(mfn), memory.frame(mfn))

    def replied(self, address: str) -> None:
        """Somebody is about to hear what came of a hypercall: it may have taken a ring back."""
        life = self._lives.get(address)
        if life is None:
            return  # it is no guest
        for ref, (mfn, ring) in list(life.rings.items()):
            if self._frame(address, ref)[1] != mfn:
                self._end(life, ref, ring)

    def violations(self) -> list[str]:
        """Answers against the rules, and guests that have not counted what died."""
        found = [*self.wrong]
        for address, life in (*self._past, *self._lives.items()):
            rings = [ring for _, ring in life.rings.values()]
            found += [each.wrong for each in rings if each.wrong]
            most = life.died_max + sum(
                each.without_taker() + UNSHOWN_MAX for each in rings if isinstance(each, TransmitRing)
            )
            lost = _lost(life.guest)
            misled = life.misled or any(each.wrong for each in rings)
            if not misled and not life.died_min <= lost <= most:
                found.append(
                    f"{address} counts {lost} slots lost with a backend, not {life.died_min} to {most}"
                )
        return found

    def _frame(self, address: str, ref: int) -> tuple[Hypervisor, int | None]:
        place = Address.parse(address)
        hypervisor, domid = self._hypervisors[place.host], place.domid
        assert domid is not None, "a guest is a domain"
        return hypervisor, hypervisor.granted_frame(domid, ref)

    def _look_at_host(self, host: str) -> None:
        for address, life in self._lives.items():
            if address.startswith(f"{host}/"):
                _look(life)

    def _end(self, life: _Life, ref: int, ring: NetifRing) -> None:
        del life.rings[ref]
        if ring.wrong:
            self.wrong.append(ring.wrong)
            life.misled = True
        elif isinstance(ring, TransmitRing):
            life.died_min += ring.without_answer()
            life.died_max += ring.without_taker() + UNSHOWN_MAX


def _look(life: _Life) -> None:
    for ref, (_, ring) in list(life.rings.items()):
        if ring.went_back:  # the guest is dead, and its frames were scrubbed
            del life.rings[ref]
        else:
            ring.look()


def _lost(guest: Guest) -> int:
    fronts = guest.statistics().devices.get("vif", {}).values()
    return sum(each.lost for each in fronts if isinstance(each, NetfrontStatistics))
