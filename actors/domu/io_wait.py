"""How long a workload has waited for its disk: the time in which a request of it had no answer.

Rules: a guest's instructions take no time of their own, so a workload with a request under way does
nothing but wait, and the time without one is what its rate leaves over.
"""

from actors.kernel.threads import Threads


class IoWait:
    """The waiting of one workload for one disk; `in_flight` is how many of its requests have no answer."""

    __slots__ = ("_since_ns", "_threads", "_waited_ns", "in_flight")

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self.in_flight = 0
        self._since_ns = 0
        self._waited_ns = 0

    def begin(self) -> None:
        """A request is issued."""
        if not self.in_flight:
            self._since_ns = self._threads.now_ns
        self.in_flight += 1

    def end(self) -> None:
        """One is answered."""
        self.in_flight -= 1
        if not self.in_flight:
            self._waited_ns += self._threads.now_ns - self._since_ns

    def waited_ns(self) -> int:
        """How long there was a request without an answer, up to now."""
        return self._waited_ns + (self._threads.now_ns - self._since_ns if self.in_flight else 0)
