"""What an IP stack counts, for metrics and reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StackStatistics:
    """Counters since the stack was made, over all of its connections, and `connections`: how many there are.

    `connections` has every state, `drops` every reason (`actors.inet.drops`); `timeouts` and
    `fast_retransmits` are what `retransmitted` segments were sent again for.
    """

    segments_in: int
    segments_out: int
    retransmitted: int
    fast_retransmits: int
    timeouts: int
    resets_in: int
    resets_out: int
    aborted: int
    connections: dict[str, int]
    drops: dict[str, int]
