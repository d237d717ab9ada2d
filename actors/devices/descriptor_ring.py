"""The network controller's view of one ring of descriptors in machine memory.

Rules: what the host writes is hostile: a descriptor is read once, and nothing in it is trusted here.
Source: `actors/abi/network_controller.py`.
"""

from actors.abi.network_controller import DESCRIPTORS_PER_FRAME, MAX_RING_ENTRIES, MIN_RING_ENTRIES
from actors.runtime.memory import FRAME_BYTES, Memory

Descriptor = tuple[int, int, int, int]
"""The mfn of a buffer, the first byte in it, how many bytes, and the second word as the host wrote it."""


class BadRingError(Exception):
    """The host set up or filled a ring that cannot be; the message says which value."""


class DescriptorRing:
    """One ring; BadRingError unless it lies in memory and has a legal size. `which`: its name for people."""

    def __init__(self, memory: Memory, which: str, mfn: int, entries: int) -> None:
        if not MIN_RING_ENTRIES <= entries <= MAX_RING_ENTRIES:
            raise BadRingError(f"{which} ring of {entries} entries")
        frames = range(mfn, mfn + -(-entries // DESCRIPTORS_PER_FRAME))
        if frames.stop > memory.nr_frames:
            raise BadRingError(f"{which} ring at frame {mfn:#x}, beyond memory")
        self._nr_frames = memory.nr_frames
        self._which = which
        self._frames = [memory.frame(each).cast("Q") for each in frames]
        self._entries = entries
        self._head = self._tail = 0

    @property
    def waiting(self) -> int:
        """Descriptors that the host has put in and nobody has taken."""
        return (self._tail - self._head) % self._entries

    def ring(self, tail: int) -> None:
        """The host put in descriptors up to `tail`; BadRingError if that is outside of the ring."""
        if tail >= self._entries:
            raise BadRingError(f"{self._which} tail {tail} of {self._entries} entries")
        self._tail = tail

    def look(self, ahead: int) -> Descriptor:
        """Read the descriptor that is `ahead` of the first one that waits."""
        index = (self._head + ahead) % self._entries
        words, at = self._frames[index >> 8], (index & 255) << 1
        buffer = words[at]
        return buffer & 0xFFFFFFFF, buffer >> 32 & 0xFFFF, buffer >> 48, words[at + 1]

    def take(self, count: int) -> int:
        """The first `count` that wait do not any more; the index of the first of them."""
        assert count <= self.waiting, "descriptors that the host has not put in"
        first = self._head
        self._head = (first + count) % self._entries
        return first

    def write_back(self, index: int, word: int) -> None:
        """Say what became of a descriptor, which is the host's again."""
        index %= self._entries
        self._frames[index >> 8][(index & 255) << 1 | 1] = word

    def is_buffer(self, mfn: int, first: int, length: int) -> bool:
        """Whether a descriptor names bytes of memory, at least one."""
        return mfn < self._nr_frames and 0 < length <= FRAME_BYTES - first

    def check(self) -> None:
        """Head and tail lie in the ring."""
        assert 0 <= self._head < self._entries, "a head outside of its ring"
        assert 0 <= self._tail < self._entries, "a tail outside of its ring"
