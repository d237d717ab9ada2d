"""The driver's end of a ring of frames to send.

Rules: one descriptor always stays free; whoever puts in a frame has seen that there is room. What the
controller answers it answers in order.
Source: `actors/abi/network_controller.py`.
"""

from collections import deque
from collections.abc import Callable, Sequence

from actors.abi.network_controller import (
    DESCRIPTORS_PER_FRAME,
    DONE,
    END,
    STATUS_MASK,
    STATUS_SHIFT,
    buffer_word,
)
from actors.runtime.memory import Memory

Segment = tuple[int, int, int]
"""The mfn of a frame, the first byte in it, and how many bytes."""

Done = Callable[[int], None]


class TransmitRing:
    """A ring in machine frames that lie in a row. `tail` is what its doorbell is to be rung with."""

    __slots__ = ("_frames", "_used", "_waiting", "entries", "first_mfn", "tail")

    def __init__(self, memory: Memory, mfns: Sequence[int]) -> None:
        self.first_mfn = mfns[0]
        self.entries = DESCRIPTORS_PER_FRAME * len(mfns)
        self.tail = 0
        self._frames = [memory.frame(mfn).cast("Q") for mfn in mfns]
        self._used = 0
        self._waiting: deque[tuple[int, int, Done]] = deque()  # last descriptor, how many, whom to tell

    @property
    def room(self) -> int:
        """How many descriptors may be put in."""
        return self.entries - 1 - self._used

    @property
    def in_flight(self) -> int:
        """Frames that are not answered."""
        return len(self._waiting)

    def reset(self) -> list[Done]:
        """The ring is empty and begins again; who waits for an answer that does not come, in order."""
        lost = [done for _, _, done in self._waiting]
        self._waiting.clear()
        self.tail = self._used = 0
        return lost

    def put(self, segments: Sequence[Segment], done: Done) -> None:
        """Add one frame."""
        tail, end = self.tail, len(segments) - 1
        for place, (mfn, first, length) in enumerate(segments):
            words, at = self._frames[tail >> 8], (tail & 255) << 1
            words[at] = buffer_word(mfn, first, length)
            words[at | 1] = END if place == end else 0
            last = tail
            tail = tail + 1 if tail + 1 < self.entries else 0
        self._waiting.append((last, end + 1, done))
        self._used += end + 1
        self.tail = tail

    def take(self) -> list[tuple[Done, int]]:
        """Frames that were answered: whom to tell what DescriptorStatus."""
        taken: list[tuple[Done, int]] = []
        waiting, frames = self._waiting, self._frames
        while waiting:
            last, count, done = waiting[0]
            word = frames[last >> 8][(last & 255) << 1 | 1]
            if not word & DONE:
                break
            waiting.popleft()
            self._used -= count
            taken.append((done, word >> STATUS_SHIFT & STATUS_MASK))
        return taken
