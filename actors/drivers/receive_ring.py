"""The driver's end of a ring of buffers to receive into; each buffer is a frame of memory.

Rules: one descriptor always stays free; whoever puts in a buffer has seen that there is room. When the
first buffer of a frame is done, all are.
Source: `actors/abi/network_controller.py`.
"""

from collections import deque
from collections.abc import Sequence

from actors.abi.network_controller import DESCRIPTORS_PER_FRAME, DONE, END, LENGTH_MASK, buffer_word
from actors.drivers.transmit_ring import Segment
from actors.runtime.memory import FRAME_BYTES, Memory


class ReceiveRing:
    """A ring in machine frames that lie in a row. `tail` is what its doorbell is to be rung with."""

    __slots__ = ("_frames", "_head", "_posted", "entries", "first_mfn", "tail")

    def __init__(self, memory: Memory, mfns: Sequence[int]) -> None:
        self.first_mfn = mfns[0]
        self.entries = DESCRIPTORS_PER_FRAME * len(mfns)
        self.tail = 0
        self._frames = [memory.frame(mfn).cast("Q") for mfn in mfns]
        self._head = 0
        self._posted: deque[int] = deque()

    @property
    def posted(self) -> int:
        """Buffers that are in the ring."""
        return len(self._posted)

    def reset(self) -> list[int]:
        """The ring is empty and begins again; the buffers that were in it."""
        posted = list(self._posted)
        self._posted.clear()
        self.tail = self._head = 0
        return posted

    def put(self, mfn: int) -> None:
        """Add a buffer."""
        tail = self.tail
        words, at = self._frames[tail >> 8], (tail & 255) << 1
        words[at] = buffer_word(mfn, 0, FRAME_BYTES)
        words[at | 1] = 0
        self._posted.append(mfn)
        self.tail = tail + 1 if tail + 1 < self.entries else 0

    def take(self) -> list[list[Segment]]:
        """Frames that have come, in order: the buffers of each are out of the ring."""
        frames: list[list[Segment]] = []
        posted = self._posted
        while posted:
            word = self._word()
            if not word & DONE:
                break
            segments: list[Segment] = []
            while True:
                assert word & DONE, "the first buffer of a frame was done, and another one is not"
                segments.append((posted.popleft(), 0, word & LENGTH_MASK))
                self._head = self._head + 1 if self._head + 1 < self.entries else 0
                if word & END:
                    break
                word = self._word()
            frames.append(segments)
        return frames

    def _word(self) -> int:
        head = self._head
        return self._frames[head >> 8][(head & 255) << 1 | 1]
