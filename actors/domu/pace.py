"""The pace of a workload that is to issue so many requests a second."""

from actors.runtime.units import NS_PER_S


class Pace:
    """When the next request is due. An outage is not made up for: at most the requests of a second are."""

    __slots__ = ("_interval_ns", "due_ns")

    def __init__(self, rate: float, now_ns: int) -> None:
        self.due_ns = now_ns
        self._interval_ns = int(NS_PER_S / rate)

    def take(self, now_ns: int) -> bool:
        """Whether a request is due; if so, the next one is due later."""
        if self.due_ns > now_ns:
            return False
        self.due_ns = max(self.due_ns, now_ns - NS_PER_S) + self._interval_ns
        return True
