"""How much may be in flight: NewReno (RFC 5681 and 6582).

Counted in bytes (RFC 3465), from 10 segments on (RFC 6928).
"""

INITIAL_SEGMENTS = 10


class Congestion:
    """A congestion window and its threshold."""

    def __init__(self, mss: int) -> None:
        self.begin(mss)
        self.threshold = 1 << 30
        self._counted = 0

    def begin(self, mss: int) -> None:
        """The peer has said how large a segment may be."""
        self.mss = mss
        self.window = INITIAL_SEGMENTS * mss

    def acknowledged(self, size: int, flight: int) -> None:
        """New data was acknowledged outside of a recovery, of `flight` bytes that were in flight before.

        A window that is not used does not grow (RFC 7661; the factor is Linux's `tcp_is_cwnd_limited`).
        """
        if self.window >= 2 * flight:
            return
        if self.window < self.threshold:
            self.window += size
            return
        self._counted += size
        if self._counted >= self.window:
            self._counted -= self.window
            self.window += self.mss

    def _halve(self) -> None:
        """The window, as Linux's `tcp_reno_ssthresh`; RFC 5681 has what is in flight."""
        self.threshold = max(self.window // self.mss // 2, 2) * self.mss

    def lost(self) -> None:
        """A segment was lost and others came through: halve."""
        self._halve()
        self.window = self.threshold
        self._counted = 0

    def timed_out(self, *, again: bool) -> None:
        """Nothing came through: start from one segment; `again` if the window was halved for that before."""
        if not again:
            self._halve()
        self.window = self.mss
        self._counted = 0

    def idle(self) -> None:
        """Nothing was sent for a timeout (RFC 5681, 4.1)."""
        self.window = min(self.window, INITIAL_SEGMENTS * self.mss)
