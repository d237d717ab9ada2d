"""The doorbell of a ring."""

from collections.abc import Callable
from typing import Any

import pytest

from actors.abi.blkif import BLKIF_SLOT_BYTES
from actors.abi.ring import REQ_EVENT, REQ_PROD
from actors.abi.types import PAGE_SIZE
from actors.kernel.doorbell import Doorbell
from actors.kernel.ring import FrontRing


class Turn:
    """A kernel, as far as a doorbell knows it, and the ring that it is of."""

    def __init__(self) -> None:
        self.ends: list[Callable[[], None]] = []
        self.at_turn_end = self.ends.append
        self.events = 0
        self.words = memoryview(bytearray(PAGE_SIZE)).cast("I")
        self.words[REQ_EVENT] = 1
        self.ring = FrontRing(self.words, BLKIF_SLOT_BYTES)
        kernel: Any = self
        self.bell = Doorbell(kernel, self.ring, self.notify)

    def notify(self) -> None:
        self.events += 1

    def put(self, count: int) -> None:
        for _ in range(count):
            self.ring.put()
            if not self.bell.due:
                self.bell.ring_at_turn_end()

    def end(self) -> None:
        for callback in self.ends:
            callback()
        self.ends.clear()


@pytest.mark.parametrize("count", [1, 2, 32])
def test_what_a_turn_puts_is_shown_at_its_end_with_one_event(count: int) -> None:
    turn = Turn()
    turn.put(count)
    assert (turn.words[REQ_PROD], turn.events, len(turn.ends)) == (0, 0, 1)
    turn.end()
    assert (turn.words[REQ_PROD], turn.events) == (count, 1)


def test_an_event_that_nobody_waits_for_is_not_sent() -> None:
    turn = Turn()
    turn.put(1)
    turn.end()
    turn.put(1)
    turn.end()
    assert (turn.words[REQ_PROD], turn.events) == (2, 1)


def test_a_bell_that_is_silenced_shows_nothing() -> None:
    turn = Turn()
    turn.put(1)
    turn.bell.silence()
    turn.end()
    assert (turn.words[REQ_PROD], turn.events) == (0, 0)
