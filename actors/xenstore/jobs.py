"""What a daemon does that takes several steps: one after the other, but for what is about single domains.

Rules: jobs about domains of which each is another one, and with nothing else between, are done side by side.

Source: ours; the C daemon does such things in place, since its hypercalls do not return later.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from actors.kernel.threads import Future, Signal, Threads

Job = Callable[[], Awaitable[None]]


class Jobs:
    """The jobs of one daemon. `ended` is set when the last one is done."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[Job, int | None]] = deque()
        self._came = Signal()
        self._last: Job | None = None
        self.ended: Future[None] = Future()

    def start(self, threads: Threads) -> None:
        """Begin with what there is."""
        threads.spawn("xenstored", self._work(threads))

    def add(self, job: Job, domid: int | None = None) -> None:
        """Do this when all before it is done; nothing after the last. `domid`: it is about this domain."""
        if self._last is None:
            self._jobs.append((job, domid))
            self._came.set()

    def end_with(self, job: Job) -> None:
        """Finish what is under way, then do this, and nothing more."""
        self._jobs.clear()
        self.add(job)
        self._last = job

    async def _work(self, threads: Threads) -> None:
        while not self.ended.done:
            await self._came.wait()
            while self._jobs:
                along = self._take_along()
                if along:
                    for each in [threads.spawn("xenstored", _done(job)) for job in along]:
                        await each.finished
                    continue
                job, _ = self._jobs.popleft()
                await job()
                if job is self._last:
                    self.ended.set(None)

    def _take_along(self) -> list[Job]:
        """The jobs that come next and are each about another domain."""
        along: dict[int, Job] = {}
        while self._jobs:
            job, domid = self._jobs[0]
            if domid is None or domid in along:
                break
            along[domid] = job
            self._jobs.popleft()
        return list(along.values())


async def _done(job: Job) -> None:
    await job()
