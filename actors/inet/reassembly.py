"""Bytes that have come from the peer, put into order until the user takes them."""

from collections import deque

from actors.inet.checksum import Buffer
from actors.inet.ranges import Ranges

_RECENT = 8
"""Arrivals beyond a gap whose order is remembered."""


class Reassembly:
    """The bytes before `next` wait for the user; what has come beyond it waits for what is missing."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.next = 0
        """The first position that has not come."""
        self.ready = 0
        """How many bytes are in order and not yet taken."""
        self._ordered: deque[Buffer] = deque()
        self._pieces: dict[int, Buffer] = {}
        self._ranges = Ranges()
        self._recent: list[int] = []

    @property
    def room(self) -> int:
        """How far beyond `next` the peer may send. What waits out of order lies within."""
        return max(self.limit - self.ready, 0)

    @property
    def has_gap(self) -> bool:
        """Whether something waits for what is missing."""
        return bool(self._ranges)

    def insert(self, position: int, data: Buffer) -> int:
        """Take data that lies within the window; how many bytes it brought into order."""
        end = position + len(data)
        if position <= self.next and not self._ranges:
            fresh = data[self.next - position :]
            self._take(fresh)
            return len(fresh)
        for start, stop in self._ranges.gaps(max(position, self.next), end):
            self._pieces[start] = data[start - position : stop - position]
        before = self.next
        if end > before:
            self._ranges.add(max(position, before), end)
        while (piece := self._pieces.pop(self.next, None)) is not None:
            self._take(piece)
        self._ranges.drop_below(self.next)
        if position > self.next:
            self._recent = [position, *self._recent[: _RECENT - 1]]
        return self.next - before

    def _take(self, data: Buffer) -> None:
        if data:
            self._ordered.append(data)
            self.next += len(data)
            self.ready += len(data)

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes in order."""
        pieces = []
        missing = min(limit, self.ready)
        self.ready -= missing
        while missing:
            piece = self._ordered.popleft()
            if len(piece) > missing:
                self._ordered.appendleft(memoryview(piece)[missing:])
                piece = memoryview(piece)[:missing]
            pieces.append(piece)
            missing -= len(piece)
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)

    def sack_blocks(self, most: int) -> tuple[tuple[int, int], ...]:
        """What has come beyond a gap, the range that grew last first (RFC 2018, 4)."""
        found: list[tuple[int, int]] = []
        for position in self._recent:
            block = self._ranges.around(position)
            if block is not None and block not in found:
                found.append(block)
        for block in self._ranges:
            if len(found) >= most:
                break
            if block not in found:
                found.append(block)
        return tuple(found[:most])

    def clear(self) -> None:
        """Nobody will read it."""
        self._ordered.clear()
        self._pieces.clear()
        self._ranges.clear()
        self.ready = 0

    def check(self) -> None:
        """What waits is what the ranges say, beyond a gap."""
        self._ranges.check()
        assert sum(map(len, self._ordered)) == self.ready
        assert sum(map(len, self._pieces.values())) == self._ranges.size
        assert all(start > self.next for start, _ in self._ranges)
