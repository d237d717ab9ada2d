"""What a daemon does that takes several steps: one after the other, in one thread.

Source: ours; the C daemon does such things in place, since its hypercalls do not return later.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from actors.kernel.threads import Future, Signal, Threads

Job = Callable[[], Awaitable[None]]


class Jobs:
    """The jobs of one daemon. `ended` is set when the last one is done."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._came = Signal()
        self._last: Job | None = None
        self.ended: Future[None] = Future()

    def start(self, threads: Threads) -> None:
        """Begin with what there is."""
        threads.spawn("xenstored", self._work())

    def add(self, job: Job) -> None:
        """Do this when all before it is done; nothing after the last."""
        if self._last is None:
            self._jobs.append(job)
            self._came.set()

    def end_with(self, job: Job) -> None:
        """Finish what is under way, then do this, and nothing more."""
        self._jobs.clear()
        self.add(job)
        self._last = job

    async def _work(self) -> None:
        while not self.ended.done:
            await self._came.wait()
            while self._jobs:
                job = self._jobs.popleft()
                await job()
                if job is self._last:
                    self.ended.set(None)
