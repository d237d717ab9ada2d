"""Bytes that the user has given, until the peer has acknowledged them."""

from bisect import bisect_right

SMALL_BYTES = 4096
"""Writes are joined up to this size, so that many tiny ones make no long list."""


class SendBuffer:
    """The bytes of positions [start, end), in the chunks that they came in."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.start = 0
        self.end = 0
        self._chunks: list[bytes] = []
        self._starts: list[int] = []

    def begin(self, position: int) -> None:
        """The first byte has this position; what was given before the connection stands moves there."""
        shift = position - self.start
        self.start += shift
        self.end += shift
        self._starts = [each + shift for each in self._starts]

    @property
    def room(self) -> int:
        """How much it takes."""
        return max(self.limit - (self.end - self.start), 0)

    def append(self, data: bytes) -> int:
        """Take what there is room for; how many bytes that was."""
        if len(data) > self.room:
            data = data[: self.room]
        if not data:
            return 0
        if self._chunks and len(self._chunks[-1]) + len(data) <= SMALL_BYTES:
            self._chunks[-1] += data
        else:
            self._chunks.append(data)
            self._starts.append(self.end)
        self.end += len(data)
        return len(data)

    def pieces(self, position: int, size: int) -> list[bytes | memoryview]:
        """The bytes of [position, position + size), which are in here: views of the chunks that hold them."""
        index = bisect_right(self._starts, position) - 1
        offset = position - self._starts[index]
        chunk = self._chunks[index]
        if offset + size <= len(chunk):
            return [chunk if size == len(chunk) else memoryview(chunk)[offset : offset + size]]
        pieces: list[bytes | memoryview] = [memoryview(chunk)[offset:]]
        missing = size - (len(chunk) - offset)
        while missing:
            index += 1
            pieces.append(memoryview(self._chunks[index])[:missing])
            missing -= len(pieces[-1])
        return pieces

    def release(self, position: int) -> None:
        """All before a position has been acknowledged."""
        self.start = min(position, self.end)
        gone = bisect_right(self._starts, self.start) - 1
        if self.start == self.end:
            gone = len(self._chunks)
        if gone > 0:
            del self._chunks[:gone], self._starts[:gone]

    def clear(self) -> None:
        """Nobody will ask for it any more."""
        self.release(self.end)
