"""How a packet is taken out of a ring of transmits, whatever lies in it."""

from random import Random

import pytest

from actors.abi.netif import EXTRA, TX_REQUEST, TX_SLOT_BYTES
from actors.abi.ring import REQ_PROD, RING_HEADER_BYTES
from actors.abi.types import PAGE_SIZE
from actors.kernel.ring import BackRing
from actors.vif.tx_chain import EXTRA_SLOT, BadChainError, take_chain

MORE, EXTRA_INFO = 4, 8


class Taker:
    """A ring with these slots: requests (ref, offset, flags, id, size), extras (type, flags, size, gso)."""

    def __init__(self, *slots):
        self.page = bytearray(PAGE_SIZE)
        self.view = memoryview(self.page)
        self.words = self.view.cast("I")
        for index, slot in enumerate(slots):
            at = RING_HEADER_BYTES + index * TX_SLOT_BYTES
            if len(slot) == 5:
                TX_REQUEST.pack_into(self.page, at, *slot)
            else:
                EXTRA.pack_into(self.page, at, *slot, 0, 0)
        self.words[REQ_PROD] = len(slots)
        self.ring = BackRing(self.words, TX_SLOT_BYTES)

    def take(self):
        return take_chain(self.ring, self.view, self.ring.available())


def test_a_chain_has_its_pieces_ids_and_extras_in_order():
    chain = Taker(
        (1, 10, MORE | EXTRA_INFO, 7, 600), (1, 0, 1448, 1), (2, 20, MORE, 8, 200), (3, 30, 0, 9, 300)
    ).take()
    assert chain.ids == [7, EXTRA_SLOT, 8, 9]
    assert chain.pieces == [(1, 10, 100), (2, 20, 200), (3, 30, 300)]
    assert (chain.size, chain.segment_bytes, chain.fault) == (600, 1448, "")


@pytest.mark.parametrize(
    ("slots", "what"),
    [
        ([(1, 0, MORE, 0, 100)], "slots that are there"),
        ([(1, 0, MORE, 0, 100), (1, 0, MORE, 1, 10)], "slots that are there"),
        ([(1, 0, EXTRA_INFO, 0, 100)], "extra is missing"),
        ([(1, 0, EXTRA_INFO, 0, 100), (1, 1, 1448, 1)], "extra is missing"),
        ([(1, 0, MORE, 0, 1000)] + [(1, 0, MORE, 1, 10)] * 30, "more than 21 slots"),
    ],
)
def test_what_is_fatal_is_so_at_once(slots, what):
    taker = Taker(*slots)
    with pytest.raises(BadChainError, match=what):
        taker.take()


def test_no_more_is_taken_than_there_is_whatever_lies_in_a_ring():
    for seed in range(60):
        random = Random(seed)
        taker = Taker()
        for index in range(RING_HEADER_BYTES, PAGE_SIZE):
            taker.page[index] = random.choice((0, 0, 0, 1, 4, 8, random.randrange(256)))
        taker.words[REQ_PROD] = random.randrange(1, 256)
        while taker.ring.available():
            try:
                chain = taker.take()
            except BadChainError:
                break
            if not chain.fault:
                assert sum(length for _, _, length in chain.pieces) == chain.size
                assert all(first + length <= PAGE_SIZE for _, first, length in chain.pieces)
            assert len(chain.pieces) <= 21
            for _ in chain.ids:
                taker.ring.put()
