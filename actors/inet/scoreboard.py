"""What the peer has and what is lost, of what is in flight (RFC 6675; without SACK, RFC 6582).

A position below `lost_edge` that was not SACKed is lost; below `resent_to` it has been sent again. That a
retransmission is lost, too, shows only when the timer expires.
"""

from actors.inet.ranges import Ranges

DUPLICATES = 3
"""DupThresh."""


class Scoreboard:
    """Of a connection; positions are those of what it sends."""

    def __init__(self) -> None:
        self.sacked = Ranges()
        self.lost_edge = 0
        self.resent_to = 0
        self.duplicates = 0
        """Acknowledgements in a row that acknowledged nothing new."""

    def record(self, blocks: list[tuple[int, int]]) -> int:
        """Blocks that lie within what is in flight; how many bytes are newly known to have come."""
        return sum(self.sacked.add(start, end) for start, end in blocks)

    def advance(self, position: int) -> None:
        """All before a position was acknowledged."""
        self.sacked.drop_below(position)
        self.lost_edge = max(self.lost_edge, position)
        self.resent_to = max(self.resent_to, position)
        self.duplicates = 0

    def find_lost(self, mss: int) -> None:
        """Move the edge up to where DupThresh ranges, or as many segments, have come above it."""
        above = 0
        for ranges, (start, end) in enumerate(reversed(list(self.sacked)), 1):
            above += end - start
            if ranges >= DUPLICATES or above > (DUPLICATES - 1) * mss:
                self.lost_edge = max(self.lost_edge, start)
                return

    def all_lost(self, first: int, end: int) -> None:
        """The timer has expired: all that was not SACKed counts as lost, and as not sent again.

        A peer that SACKed the first byte and does not acknowledge it has thrown it away (RFC 2018, 8).
        """
        if self.sacked.around(first) is not None:
            self.sacked.clear()
        self.lost_edge = end
        self.resent_to = first
        self.duplicates = 0

    def hole(self) -> tuple[int, int] | None:
        """The first range that is lost and was not sent again."""
        if self.resent_to >= self.lost_edge:
            return None
        gaps = self.sacked.gaps(self.resent_to, self.lost_edge)
        return gaps[0] if gaps else None

    def pipe(self, first: int, end: int) -> int:
        """How many bytes of [first, end) are thought to be on their way."""
        flight = end - first - self.sacked.size
        if self.resent_to < self.lost_edge:
            flight -= sum(stop - start for start, stop in self.sacked.gaps(self.resent_to, self.lost_edge))
        return flight
