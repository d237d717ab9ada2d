"""The way that the messages of a live link take while rules break it.

Rules: what is not late and has nothing late before it goes straight on. Late messages wait here and leave
one by one; `run` is the task that sends them. The order among those that keep theirs is that of sending.
"""

import heapq
from collections.abc import Callable

import trio

from actors.runtime.link_rules import LinkRules
from actors.runtime.units import NS_PER_S


class LateMessages:
    """`pass_on(message)` puts a message into the link at once, `flush()` sends what was put."""

    def __init__(
        self,
        rules: LinkRules,
        clock: Callable[[], int],
        pass_on: Callable[[object], object],
        flush: Callable[[], object],
    ) -> None:
        self.rules = rules
        self._clock = clock
        self._pass_on = pass_on
        self._flush = flush
        self._late: list[tuple[int, int, object]] = []
        self._number = 0
        self._last_due_ns = 0
        self._filled = trio.Event()
        self._closed = False

    def send(self, message: object) -> None:
        """Take one message that the machine sends."""
        now_ns = self._clock()
        for each in self.rules.decide(message):
            due_ns = now_ns + each.late_ns
            if each.in_order:
                due_ns = self._last_due_ns = max(due_ns, self._last_due_ns)
            if due_ns <= now_ns:
                self._pass_on(each.message)
                continue
            self._number += 1
            heapq.heappush(self._late, (due_ns, self._number, each.message))
            self._filled.set()

    def close(self) -> None:
        """Its link has ended: what is late is lost."""
        self._closed = True
        self._late.clear()
        self._filled.set()

    async def run(self) -> None:
        """Send late messages when they are due, until it is closed."""
        while not self._closed:
            await self._filled.wait()
            self._filled = trio.Event()
            while self._late:
                wait_ns = self._late[0][0] - self._clock()
                if wait_ns > 0:
                    # One that is due earlier may come while this one waits.
                    with trio.move_on_after(wait_ns / NS_PER_S):
                        await self._filled.wait()
                        self._filled = trio.Event()
                    continue
                self._pass_on(heapq.heappop(self._late)[2])
                self._flush()
            await trio.lowlevel.checkpoint()
