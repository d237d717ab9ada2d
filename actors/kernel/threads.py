"""Coroutines on a deterministic scheduler: kernel code that waits, without an event loop.

A thread is a coroutine; the only things it may await are the ones of this file. Threads run one
after the other, in the order in which they became ready, until all of them wait.
Rules: nothing here knows wall time; the kernel hands `now_ns` in. An exception that leaves a thread
is a kernel panic and leaves `run`.
"""

import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Generic, Protocol, TypeVar

from actors.runtime.machine import Tracepoint

T = TypeVar("T")


class Timeout(Exception):  # noqa: N818 (it names what happened)
    """What was waited for did not come in time."""


class Future(Generic[T]):
    """A value that is there later. Set once; any number of threads may await it.

    `forsaken`: a thread was cancelled while it waited for it.
    """

    __slots__ = ("_callbacks", "_error", "_value", "done", "forsaken")

    def __init__(self) -> None:
        self.done = False
        self.forsaken = False
        self._value: T | None = None
        self._error: Exception | None = None
        self._callbacks: list[Callable[[], None]] = []

    def set(self, value: T) -> None:
        """Give the value; whoever waits becomes ready. A second value is ignored."""
        if not self.done:
            self._value = value
            self._finish()

    def fail(self, error: Exception) -> None:
        """Give an exception instead of a value."""
        if not self.done:
            self._error = error
            self._finish()

    def result(self) -> T:
        """The value, or the exception raised. Only when done."""
        assert self.done, "the value is not there yet"
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back once the value is there, at once if it is."""
        if self.done:
            callback()
        else:
            self._callbacks.append(callback)

    def _finish(self) -> None:
        self.done = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def __await__(self) -> Generator["Future[T]", None, T]:
        if not self.done:
            try:
                yield self
            except GeneratorExit:
                self.forsaken = True
                raise
        return self.result()


class Answers(Generic[T]):
    """Several futures, awaited until each is done, whatever it has: the results are to be asked for then."""

    __slots__ = ("_futures",)

    def __init__(self, futures: Sequence[Future[T]]) -> None:
        self._futures = futures

    def __await__(self) -> Generator[Future[T], None, None]:
        try:
            for each in self._futures:
                if not each.done:
                    yield each
        except GeneratorExit:
            for each in self._futures:
                each.forsaken = True
            raise


class Signal:
    """Something happened: any number of `set`s before a `wait` wake it once."""

    __slots__ = ("_flag", "_waiter")

    def __init__(self) -> None:
        self._flag = False
        self._waiter: Future[None] | None = None

    def set(self) -> None:
        """Wake the waiting thread, or the next one that waits."""
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            waiter.set(None)
        else:
            self._flag = True

    async def wait(self) -> None:
        """Wait until it is set, and clear it. One thread at a time."""
        assert self._waiter is None, "two threads wait for one signal"
        if not self._flag:
            self._waiter = Future()
            await self._waiter
        self._flag = False


class Thread:
    """A running coroutine. `finished` is set when it ends."""

    __slots__ = ("_coroutine", "_step", "finished", "name")

    def __init__(
        self, name: str, coroutine: Coroutine[Future[object], None, None], step: Callable[["Thread"], None]
    ) -> None:
        self.name = name
        self.finished: Future[None] = Future()
        self._coroutine = coroutine
        self._step = step

    def advance(self) -> None:
        """Run until the thread waits or ends."""
        if self.finished.done:
            return
        try:
            waits_for = self._coroutine.send(None)
        except StopIteration:
            self.finished.set(None)
            return
        waits_for.when_done(self.wake)

    def wake(self) -> None:
        """Make the thread ready to run."""
        self._step(self)

    def cancel(self) -> None:
        """Stop the thread where it waits; its `finally` blocks run and may not wait."""
        if not self.finished.done:
            self.finished.set(None)
            self._coroutine.close()


class Clocked(Protocol):
    """What has deadlines of its own, which others may change at any time."""

    def next_deadline_ns(self) -> int | None:
        """When `deadline` is to be called; None while there is nothing to wait for."""
        ...

    def deadline(self, now_ns: int) -> None:
        """Do all that was to be done until now."""
        ...


class Threads:
    """The scheduler of one kernel. `tracepoint` is for whoever has points and knows these threads."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.tracepoint: Tracepoint | None = None
        self._ready: deque[Thread] = deque()
        self._deadlines: list[tuple[int, int, Future[None]]] = []
        self._deadline_number = 0
        self._kept: list[Clocked] = []

    def keep(self, clocked: Clocked) -> None:
        """Look after the deadlines of this, too, from now on."""
        self._kept.append(clocked)

    def spawn(self, name: str, coroutine: Coroutine[Future[object], None, None]) -> Thread:
        """Start a thread; it first runs in the next `run`."""
        thread = Thread(name, coroutine, self._ready.append)
        self._ready.append(thread)
        return thread

    @property
    def ready(self) -> bool:
        """Whether a thread could run now."""
        return bool(self._ready)

    def run(self, now_ns: int) -> None:
        """Let time be `now_ns` and run every thread that can."""
        self.now_ns = now_ns
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now_ns:
            heapq.heappop(deadlines)[2].set(None)
        for each in self._kept:
            due_ns = each.next_deadline_ns()
            if due_ns is not None and due_ns <= now_ns:
                each.deadline(now_ns)
        ready = self._ready
        while ready:
            ready.popleft().advance()

    def next_deadline_ns(self) -> int | None:
        """When the next sleeping thread wants to wake, or what else is kept; None if nothing does."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][2].done:
            heapq.heappop(deadlines)
        found = deadlines[0][0] if deadlines else None
        for each in self._kept:
            due_ns = each.next_deadline_ns()
            if due_ns is not None and (found is None or due_ns < found):
                found = due_ns
        return found

    def at(self, when_ns: int) -> Future[None]:
        """A future that is set at `when_ns`; set it yourself to give the deadline up."""
        future: Future[None] = Future()
        self._deadline_number += 1
        heapq.heappush(self._deadlines, (when_ns, self._deadline_number, future))
        return future

    async def sleep(self, duration_ns: int) -> None:
        """Wait for `duration_ns` from now."""
        await self.at(self.now_ns + duration_ns)

    async def within(self, duration_ns: int, future: Future[T]) -> T:
        """Await `future` for at most `duration_ns`; `Timeout` if it is not there by then."""
        deadline = self.at(self.now_ns + duration_ns)
        either: Future[None] = Future()
        future.when_done(lambda: either.set(None))
        deadline.when_done(lambda: either.set(None))
        await either
        if not future.done:
            raise Timeout
        deadline.set(None)
        return future.result()
