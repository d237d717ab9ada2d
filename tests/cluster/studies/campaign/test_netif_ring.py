"""The rings of network interfaces, judged by their pages alone."""

from collections.abc import Callable

import pytest

from actors.abi.netif import (
    EXTRA,
    RX_REQUEST,
    RX_RESPONSE,
    TX_REQUEST,
    TX_RESPONSE,
    NetifStatus,
    RxFlags,
    TxFlags,
)
from actors.abi.ring import REQ_PROD, RSP_EVENT, RSP_PROD
from actors.runtime.memory import SparseMemory
from cluster.studies.campaign.netif_ring import NetifRing, ReceiveRing, TransmitRing

INFO, MORE = int(TxFlags.EXTRA_INFO), int(TxFlags.MORE_DATA)
HEADER = 64


class Page:
    """A ring that both ends write by hand."""

    def __init__(self, kind: type[NetifRing]) -> None:
        memory = SparseMemory(1)
        self.words, self.bytes = memory.words(0), memory.frame(0)
        self.words[RSP_EVENT] = 1
        self.ring = kind("ring", self.words, self.bytes)
        self._put = {REQ_PROD: 0, RSP_PROD: 0}

    def ask(self, *slots: bytes) -> None:
        self._write(REQ_PROD, slots)

    def answer(self, *slots: bytes) -> None:
        self._write(RSP_PROD, slots)

    def taken(self, count: int) -> None:
        self.words[RSP_EVENT] = count + 1
        self.ring.look()

    def _write(self, which: int, slots: tuple[bytes, ...]) -> None:
        for slot in slots:
            at = HEADER + self.words[which] % 256 * self.ring.slot_bytes
            self.bytes[at : at + len(slot)] = slot
            self.words[which] += 1
        self.ring.look()


def tx(ident: int, flags: int = 0) -> bytes:
    return TX_REQUEST.pack(9, 0, flags, ident, 100)


def sent(ident: int, status: int = NetifStatus.OKAY) -> bytes:
    return TX_RESPONSE.pack(ident, status)


def rx(ident: int) -> bytes:
    return RX_REQUEST.pack(ident, 0, 9)


def filled(ident: int, flags: int = 0) -> bytes:
    return RX_RESPONSE.pack(ident, 0, flags, 100)


EXTRA_SLOT = EXTRA.pack(1, 0, 1000, 1, 0, 0)
NULL = sent(0, NetifStatus.NULL)


def test_packets_with_extras_and_several_slots_are_answered_slot_by_slot() -> None:
    page = Page(TransmitRing)
    page.ask(tx(5, INFO | MORE), EXTRA_SLOT, tx(7, INFO), tx(1))
    page.answer(sent(5), NULL, sent(7))

    assert (page.ring.wrong, page.ring.without_answer(), page.ring.without_taker()) == ("", 1, 3)
    page.taken(3)
    assert (page.ring.without_answer(), page.ring.without_taker()) == (1, 1)
    page.answer(sent(1, NetifStatus.ERROR))
    assert (page.ring.wrong, page.ring.without_answer()) == ("", 0)


def test_buffers_that_lie_there_wait_and_an_extra_takes_one_without_naming_it() -> None:
    page = Page(ReceiveRing)
    page.ask(*[rx(each) for each in range(4)])
    page.answer(filled(0, RxFlags.EXTRA_INFO), EXTRA_SLOT, filled(2))

    assert (page.ring.wrong, page.ring.without_answer()) == ("", 1)


@pytest.mark.parametrize(
    ("kind", "asked", "answers", "says"),
    [
        (TransmitRing, tx, [sent(0), sent(0)], "an answer to request 0 in the slot of request 1"),
        (TransmitRing, tx, [sent(1)], "an answer to request 1 in the slot of request 0"),
        (TransmitRing, tx, [NULL], "an answer to an extra in the slot of request 0"),
        (TransmitRing, tx, [sent(0), sent(1), sent(0)], "an answer to request 2, which was not asked"),
        (ReceiveRing, rx, [filled(0), filled(0)], "an answer to request 0 in the slot of request 1"),
        (ReceiveRing, rx, [filled(1)], "an answer to request 1 in the slot of request 0"),
        (ReceiveRing, rx, [filled(0), filled(1), filled(2)], "an answer to request 2, which was not asked"),
    ],
)
def test_an_answer_too_many_or_to_another_request_is_found(
    kind: type[NetifRing], asked: Callable[[int], bytes], answers: list[bytes], says: str
) -> None:
    page = Page(kind)
    page.ask(asked(0), asked(1))
    page.answer(*answers)

    assert says in page.ring.wrong


def test_indices_run_over_the_end_of_the_ring_and_slots_are_used_again() -> None:
    page = Page(TransmitRing)
    for index in range(600):
        page.ask(tx(index % 64))
        page.answer(sent(index % 64))
        page.taken(index + 1)

    assert (page.ring.wrong, page.ring.without_taker()) == ("", 0)


def test_a_ring_whose_indices_go_back_is_another_one() -> None:
    page = Page(TransmitRing)
    assert not page.ring.went_back
    page.ask(tx(1), tx(2))
    assert not page.ring.went_back
    page.words[REQ_PROD] = 0
    assert page.ring.went_back
