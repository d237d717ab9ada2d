"""Machine memory of a host: one sparse shared file, or its in-memory twin.

Rules: frames are 4096 bytes; a machine frame number outside of the memory is an IndexError; every
frame reads as zero until it is written. All frames are reachable by whoever holds the memory: that
a domain uses only what it owns or has mapped is discipline, as it is with a wire.
"""

import contextlib
import mmap
import os
from typing import Protocol

FRAME_BYTES = 4096
FRAME_SHIFT = 12
WORDS_SHIFT = 10


class Memory(Protocol):
    """What machines see of it."""

    @property
    def nr_frames(self) -> int:
        """How many frames there are."""
        ...

    def frame(self, mfn: int) -> memoryview:
        """The 4096 writable bytes of a frame."""
        ...

    def words(self, mfn: int) -> memoryview:
        """The same frame as 1024 aligned u32: each index is one access."""
        ...

    def scrub(self, mfn: int, count: int) -> None:
        """Make frames zero and give their backing store back."""
        ...


class SharedMemory:
    """The frames of a memory file, mapped whole; every process that holds the file sees the same."""

    def __init__(self, fd: int, nr_frames: int) -> None:
        """Map a file of at least `nr_frames` frames; `fd` stays the caller's."""
        self.nr_frames = nr_frames
        self._map = mmap.mmap(fd, nr_frames << FRAME_SHIFT)
        self._bytes = memoryview(self._map)
        self._words = self._bytes.cast("I")

    @classmethod
    def create(cls, nr_frames: int, name: str = "machine-memory") -> tuple["SharedMemory", int]:
        """A new memory file with nothing in it, and its file descriptor (the caller's to close)."""
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        os.ftruncate(fd, nr_frames << FRAME_SHIFT)
        return cls(fd, nr_frames), fd

    def frame(self, mfn: int) -> memoryview:
        """The 4096 writable bytes of a frame."""
        if not 0 <= mfn < self.nr_frames:
            raise IndexError(f"mfn {mfn} of {self.nr_frames}")
        start = mfn << FRAME_SHIFT
        return self._bytes[start : start + FRAME_BYTES]

    def words(self, mfn: int) -> memoryview:
        """The same frame as 1024 aligned u32."""
        if not 0 <= mfn < self.nr_frames:
            raise IndexError(f"mfn {mfn} of {self.nr_frames}")
        start = mfn << WORDS_SHIFT
        return self._words[start : start + 1024]

    def scrub(self, mfn: int, count: int) -> None:
        """Punch a hole into the file: the frames read as zero and take no memory."""
        _check_range(mfn, count, self.nr_frames)
        if count:
            self._map.madvise(mmap.MADV_REMOVE, mfn << FRAME_SHIFT, count << FRAME_SHIFT)

    def close(self) -> None:
        """Unmap; if views of frames are still held, the map goes with the last of them."""
        self._words.release()
        self._bytes.release()
        with contextlib.suppress(BufferError):
            self._map.close()


class SparseMemory:
    """The twin within one process: a byte array for each frame that was touched."""

    def __init__(self, nr_frames: int) -> None:
        self.nr_frames = nr_frames
        self._frames: dict[int, memoryview] = {}
        self._words: dict[int, memoryview] = {}

    def frame(self, mfn: int) -> memoryview:
        """The 4096 writable bytes of a frame."""
        view = self._frames.get(mfn)
        return view if view is not None else self._touch(mfn)

    def words(self, mfn: int) -> memoryview:
        """The same frame as 1024 u32."""
        view = self._words.get(mfn)
        if view is None:
            self._touch(mfn)
            view = self._words[mfn]
        return view

    def scrub(self, mfn: int, count: int) -> None:
        """Make frames zero, also for who still holds a view of them, and forget them."""
        _check_range(mfn, count, self.nr_frames)
        wanted = range(mfn, mfn + count)
        touched = [each for each in self._frames if each in wanted] if count > len(self._frames) else wanted
        for each in touched:
            view = self._frames.pop(each, None)
            if view is not None:
                view[:] = bytes(FRAME_BYTES)
                del self._words[each]

    def touched(self, mfn: int, count: int) -> list[tuple[int, memoryview]]:
        """Those of the frames that were ever used since they were scrubbed."""
        frames = self._frames
        if count > len(frames):
            return [(each, view) for each, view in frames.items() if mfn <= each < mfn + count]
        return [(each, frames[each]) for each in range(mfn, mfn + count) if each in frames]

    def _touch(self, mfn: int) -> memoryview:
        if not 0 <= mfn < self.nr_frames:
            raise IndexError(f"mfn {mfn} of {self.nr_frames}")
        view = self._frames[mfn] = memoryview(bytearray(FRAME_BYTES))
        self._words[mfn] = view.cast("I")
        return view


def _check_range(mfn: int, count: int, nr_frames: int) -> None:
    if not 0 <= mfn <= mfn + count <= nr_frames:
        raise IndexError(f"mfns {mfn} to {mfn + count - 1} of {nr_frames}")
