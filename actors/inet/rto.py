"""When to retransmit (RFC 6298).

Source: Linux's `tcp_set_rto` and `include/net/tcp.h`: TCP_RTO_MIN 200 ms, TCP_RTO_MAX 120 s,
TCP_TIMEOUT_INIT 1 s, TCP_TIMEOUT_FALLBACK 3 s. Linux holds the variance term at 200 ms at least, so that a
round trip of zero gives 200 ms.
Left out: its decay of the variance by the largest deviation of a round trip.
"""

from actors.inet.durations import MILLISECOND

RTO_MIN_NS = 200 * MILLISECOND
RTO_MAX_NS = 120_000 * MILLISECOND
RTO_INIT_NS = 1000 * MILLISECOND
RTO_FALLBACK_NS = 3000 * MILLISECOND
"""After a SYN that was lost, without a sample (RFC 6298, 5.7)."""


class RtoEstimator:
    """Smoothed round-trip time, its variance, and the backoff."""

    def __init__(self) -> None:
        self.smoothed_ns: int | None = None
        self.variance_ns = 0
        self.backoff = 0
        """How often the timer has expired in a row."""
        self._initial_ns = RTO_INIT_NS

    def sample(self, round_trip_ns: int) -> None:
        """A round trip that was measured on what was sent once (Karn)."""
        if self.smoothed_ns is None:
            self.smoothed_ns = round_trip_ns
            self.variance_ns = round_trip_ns // 2
            return
        deviation = abs(self.smoothed_ns - round_trip_ns)
        self.variance_ns += (deviation - self.variance_ns) // 4
        self.smoothed_ns += (round_trip_ns - self.smoothed_ns) // 8

    def fall_back(self) -> None:
        """The SYN was lost, and nothing has been measured."""
        if self.smoothed_ns is None:
            self._initial_ns = RTO_FALLBACK_NS

    @property
    def base_ns(self) -> int:
        """The timeout without backoff."""
        if self.smoothed_ns is None:
            return self._initial_ns
        return min(self.smoothed_ns + max(4 * self.variance_ns, RTO_MIN_NS), RTO_MAX_NS)

    @property
    def timeout_ns(self) -> int:
        """The timeout as backed off."""
        return min(self.base_ns << min(self.backoff, 20), RTO_MAX_NS)
