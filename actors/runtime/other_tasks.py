"""Whether any other task of a trio run has anything to do, as trio itself says.

Rules: `idle` holds until a task becomes runnable, of which trio tells its instruments. Those that are to
run in the pass of the one that looks are not in trio's statistics, but they were in the pass before, or have
become runnable since. A task can begin to wait for I/O or a time only by running: what was not found does not
come about later.
Source: trio.lowlevel.current_statistics, trio.abc.Instrument.task_scheduled.
"""

import math

import trio

OWN_READERS = 1
"""trio's own: the task that waits for what other threads and signal handlers ask for."""


class OtherTasks(trio.abc.Instrument):
    """Those beside the one that calls `watch`."""

    def __init__(self) -> None:
        self.idle = False
        self._task: trio.lowlevel.Task | None = None

    def watch(self) -> None:
        """Be told of the tasks of this run, from now on."""
        self._task = trio.lowlevel.current_task()
        trio.lowlevel.add_instrument(self)

    def unwatch(self) -> None:
        """Be told no more."""
        trio.lowlevel.remove_instrument(self)

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """Take note that a task can run."""
        if task is not self._task:
            self.idle = False

    async def look(self) -> None:
        """Find out in a pass of trio whether none can run, or will before who asks does something."""
        self.idle = not trio.lowlevel.current_statistics().tasks_runnable
        await trio.lowlevel.checkpoint()
        if self.idle:
            now = trio.lowlevel.current_statistics()
            waiting = now.io_statistics
            self.idle = (
                not now.tasks_runnable
                and not now.run_sync_soon_queue_size
                and now.seconds_to_next_deadline == math.inf
                and waiting.backend == "epoll"
                and waiting.tasks_waiting_read <= OWN_READERS
                and not waiting.tasks_waiting_write
            )
