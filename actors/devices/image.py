"""Where a disk's bytes are kept, and the kind that keeps them in memory.

A killed disk loses its cache but never its image: the image stands for the platters.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol


class ImageError(Exception):
    """An image cannot be used: it is missing, locked, or too small. The message names it."""


class Image(Protocol):
    """An array of bytes that outlives its disk. Offsets and sizes in bytes; failures are OSError."""

    @property
    def size_bytes(self) -> int:
        """How much it holds; it does not grow."""
        ...

    def read(self, offset: int, buffers: Sequence[memoryview]) -> int:
        """Fill the buffers one after the other from `offset` on; how many bytes were read."""
        ...

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        """Store the buffers one after the other from `offset` on; how many bytes were written."""
        ...

    def sync(self) -> None:
        """Return when all that was written is stable."""
        ...

    def close(self) -> None:
        """Let go of it, and of its lock."""
        ...


OpenImage = Callable[[str, bool], Image]
"""Opens the image of a path, for reading only if the second argument says so; raises ImageError."""

_CHUNK: Final = 4096
_ZEROS: Final = bytes(_CHUNK)


class MemoryImage:
    """A sparse image in memory, for the simulated driver and tests."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._chunks: dict[int, bytearray] = {}

    @property
    def size_bytes(self) -> int:
        """How much it holds."""
        return self._size_bytes

    def read(self, offset: int, buffers: Sequence[memoryview]) -> int:
        """As `Image.read`; what was never written is zero."""
        start = offset
        for buffer in buffers:
            for piece, chunk, first in self._pieces(offset, buffer):
                stored = self._chunks.get(chunk, _ZEROS)
                piece[:] = stored[first : first + len(piece)]
                offset += len(piece)
        return offset - start

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        """As `Image.write`."""
        start = offset
        for buffer in buffers:
            for piece, chunk, first in self._pieces(offset, memoryview(buffer)):
                stored = self._chunks.get(chunk)
                if stored is None:
                    stored = self._chunks[chunk] = bytearray(_CHUNK)
                stored[first : first + len(piece)] = piece
                offset += len(piece)
        return offset - start

    def sync(self) -> None:
        """Nothing to do: what is here is what survives."""

    def close(self) -> None:
        """Nothing to let go of: the next disk opens the same object."""

    def content(self, offset: int, length: int) -> bytes:
        """A copy of `length` bytes from `offset` on."""
        copy = bytearray(length)
        self.read(offset, [memoryview(copy)])
        return bytes(copy)

    def _pieces(self, offset: int, buffer: memoryview) -> list[tuple[memoryview, int, int]]:
        """Cut a buffer where chunks end (and where the image does): (piece, chunk, first byte in it)."""
        pieces = []
        done = 0
        end = min(len(buffer), self._size_bytes - offset)
        while done < end:
            chunk, first = divmod(offset + done, _CHUNK)
            length = min(_CHUNK - first, end - done)
            pieces.append((buffer[done : done + length], chunk, first))
            done += length
        return pieces
