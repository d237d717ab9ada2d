"""What the actors of one process wait for: their links in one epoll, their alarms, and calls asked for soon.

One trio task makes rounds: each link that can be read, each alarm that is due and each call asked for has
one call. After a round that has found nothing it waits in trio: for the epoll, the next alarm, or a task that
asks for a call. Where the actors are `alone` it waits in the epoll itself, which costs a tenth of a pass
of trio, as long as no other task of trio has anything to do (`other_tasks`).

Rules: a call does not raise. Alone is who has no threads and no signal handlers that speak to trio, which are
heard after `LONGEST_S` only, and no clock but that of the system.
Source: epoll(7), level triggered.
"""

import math
import select
from collections.abc import Callable

import trio

from actors.runtime.alarm import Alarm
from actors.runtime.other_tasks import OtherTasks

RECEIVE_BYTES = 64 * 1024
ROUNDS_PER_CHECKPOINT = 8
LONGEST_S = 1.0
"""So long nothing but the epoll is looked at, at most."""

Call = Callable[[], object]


class Waiting:
    """Whose calls come, one after the other. `buffer` is for what they receive."""

    def __init__(self, *, alone: bool = False) -> None:
        self.alarms: list[Alarm] = []
        self.buffer = memoryview(bytearray(RECEIVE_BYTES))
        self.started = False
        self._alone = alone
        self._epoll = select.epoll()
        self._calls: dict[int, Call] = {}
        self._soon: dict[Call, int] = {}
        self._others = OtherTasks()
        self._rounds_left = 0
        self._nap: trio.CancelScope | None = None

    def start(self, nursery: trio.Nursery) -> None:
        """Have a task make rounds until it is cancelled."""
        self.started = True
        nursery.start_soon(self._run)

    def register(self, fd: int, call: Call) -> None:
        """Have it called in each round in which there is something to read, or the end."""
        self._calls[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def unregister(self, fd: int) -> None:
        """No more; to be called before `fd` is closed."""
        del self._calls[fd]
        self._epoll.unregister(fd)

    def soon(self, call: Call, passes: int = 0) -> None:
        """Have it called once, when all other tasks have had so many passes; by any task of this trio run."""
        self._soon[call] = passes
        if self._nap is not None:
            self._nap.cancel()

    def give_way(self) -> None:
        """Let trio's other tasks run, and be cancelled by them, before the next round."""
        self._others.idle = False
        self._rounds_left = 0

    async def _run(self) -> None:
        self._others.watch()
        calls, poll, others = self._calls, self._epoll.poll, self._others
        try:
            while True:
                wait_s = self._ring()
                if others.idle:
                    ready = poll(min(wait_s, LONGEST_S))
                    if not ready and wait_s > LONGEST_S:
                        self.give_way()
                else:
                    ready = await self._wait(wait_s)
                for fd, _ in ready:
                    call = calls.get(fd)  # none for a link that a call before it has closed
                    if call is not None:
                        call()
                if self._soon:
                    self._call_soon()
        finally:
            self._others.unwatch()

    def close(self) -> None:
        """Nothing is waited for any more."""
        self._epoll.close()

    def _ring(self) -> float:
        """Ring the alarms that are due; for how many seconds there is nothing to do but to read links."""
        wait_s = 0.0 if self._soon else math.inf
        for alarm in self.alarms:
            if alarm.due_ns is not None:
                left_ns = alarm.due_ns - alarm.clock()
                if left_ns <= 0:
                    alarm.ring()
                    wait_s = 0.0
                elif left_ns < wait_s * 1e9:
                    wait_s = left_ns / 1e9
        return wait_s

    async def _wait(self, wait_s: float) -> list[tuple[int, int]]:
        """What can be read, after at most `wait_s`; others have their turns meanwhile."""
        ready = self._epoll.poll(0)
        if ready or not wait_s:
            self._rounds_left -= 1
            if self._rounds_left <= 0:
                self._rounds_left = ROUNDS_PER_CHECKPOINT
                await trio.lowlevel.checkpoint()
            return ready
        if self._alone:
            await self._others.look()
        if not (self._others.idle or self._soon):
            with trio.CancelScope(deadline=trio.current_time() + wait_s) as self._nap:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
            self._nap = None
        return self._epoll.poll(0)

    def _call_soon(self) -> None:
        asked, self._soon = self._soon, {}
        for call, passes in asked.items():
            if passes:
                self._soon[call] = passes - 1
                self.give_way()
            else:
                call()
