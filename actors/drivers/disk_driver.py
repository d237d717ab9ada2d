"""The driver of the disk controller: fills its submission queue, takes its completions.

Rules: it checks nothing about a command but room in the queue; `flush_doorbell` and `interrupt` ring
a doorbell at most once each. A command's `done` is called exactly once, with a CommandStatus, or with
DISK_LOST if the disk went away.
Source: `actors/abi/disk_controller.py`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from actors.abi.disk_controller import COMMANDS_PER_FRAME, COMPLETIONS_PER_FRAME, FLAG_FUA, Register
from actors.abi.trace import OPCODE_SHIFT, TracePoint
from actors.drivers.completion_queue import CompletionQueue
from actors.drivers.controller_setup import ControllerSetup
from actors.drivers.submission_queue import Command, Segment, SubmissionQueue
from actors.messages import MmioReadReply, MmioWrite
from actors.runtime.machine import Tracepoint
from actors.runtime.memory import Memory

LAZY_COMPLETIONS: Final = 128
"""With an edge interrupt nothing waits for the completion doorbell but room in the queue."""

DISK_LOST: Final = 0xFFFF
"""The status of a command that the disk can no longer answer."""

Done = Callable[[int], None]
_Waiting = tuple[int, int, int, Sequence[Segment], Done, bool]

_MAX_SQ_FRAMES = COMPLETIONS_PER_FRAME // COMMANDS_PER_FRAME


class DiskDriver:
    """Drives one disk through `send`, which takes messages for its link.

    `queue_frames` are 2 to 17 machine frames in a row: the last one becomes the completion queue, the
    others the submission queue of 32 entries each. The caller feeds `receive` and `interrupt`, and has
    `at_turn_end` call `flush_doorbell` once all that a turn brings is submitted. With an
    `edge` interrupt completions are acknowledged with the next submission, to spare the disk a wake-up.
    It asks for its volumes one by one, or for all `at_once`, which is sooner known and more at a time for the
    disk. `number` tells the disks of a host apart at its tracepoints.
    """

    def __init__(
        self,
        name: str,
        memory: Memory,
        queue_frames: list[int],
        send: Callable[[object], None],
        *,
        at_turn_end: Callable[[Callable[[], None]], None],
        edge: bool = False,
        at_once: bool = False,
    ) -> None:
        first, *_, last = queue_frames
        assert queue_frames == list(range(first, last + 1)), "queue frames must be in a row"
        assert 2 <= len(queue_frames) <= _MAX_SQ_FRAMES + 1, "2 to 17 queue frames"
        self.name = name
        self.ready = False
        self.on_ready: Callable[[], None] = _nobody_waits
        self.tracepoint: Tracepoint | None = None
        self.number = 0
        self._send = send
        self._at_turn_end = at_turn_end
        self._owed_max = LAZY_COMPLETIONS if edge else 0
        self._submissions = SubmissionQueue(memory, queue_frames[:-1])
        self._completions = CompletionQueue(memory, last)
        self._setup = ControllerSetup(name, self._submissions, self._completions, send, at_once=at_once)
        self._waiting: deque[_Waiting] = deque()
        self._new: list[Command] = []
        self._done: dict[int, Done] = {}
        self._free: list[int] = []

    @property
    def volumes(self) -> list[tuple[int, bool]]:
        """Its volumes once it is ready: (sectors, read only) each."""
        return self._setup.volumes

    @property
    def write_cache(self) -> bool:
        """Whether a write is stable only after a flush, once it is ready."""
        return self._setup.write_cache

    @property
    def error(self) -> str | None:
        """Why the controller did not start."""
        return self._setup.error

    @property
    def in_flight(self) -> int:
        """Commands that have not been answered, without those that wait for room."""
        return len(self._done)

    @property
    def waiting(self) -> int:
        """Commands that wait for room in the submission queue."""
        return len(self._waiting)

    def start(self) -> None:
        """Reset the controller, give it the queues and learn its volumes.

        `on_ready` is called at the end of it: `ready` says if it worked, `error` why not. Commands
        submitted before are kept until then; those of an earlier start end as DISK_LOST.
        """
        self.disk_lost()
        self._setup.start(self._started)

    def receive(self, message: object) -> None:
        """Take a message from the disk's link; AssertionError if a disk does not send such."""
        assert isinstance(message, MmioReadReply), f"{self.name}: a disk sent {type(message).__name__}"
        self._setup.receive(message)

    def submit(  # noqa: PLR0917, keywords cost time here
        self,
        opcode: int,
        volume: int,
        sector: int,
        segments: Sequence[Segment],
        done: Done,
        fua: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Queue a command for the next doorbell, or until there is room.

        Segments are at most 11. `done(status)` is called from `interrupt`.
        """
        if not self._free:
            self._waiting.append((opcode, volume, sector, segments, done, fua))
            return
        command_id = self._free.pop()
        self._done[command_id] = done
        if self.tracepoint is not None:
            self.tracepoint(_DISK_SUBMIT, volume, command_id | opcode << OPCODE_SHIFT, sector, self.number)
        new = self._new
        if not new:
            self._at_turn_end(self.flush_doorbell)
        new.append((opcode, FLAG_FUA if fua else 0, command_id, volume, sector, segments))

    def flush_doorbell(self) -> None:
        """Write what is new into the queue, and ring the submission doorbell, if there is something."""
        new = self._new
        if new:
            tail = self._submissions.write(new)
            new.clear()
            if self._completions.owed:
                self._acknowledge()
            self._send(MmioWrite(_SQ_TAIL, tail))

    def interrupt(self) -> None:
        """Take all completions, acknowledge them, and tell whoever submitted; `done` may submit again."""
        if not self.ready:
            return
        completions, take_out, free = self._completions, self._done.pop, self._free
        taken = completions.take()
        if not taken:
            return
        ended: list[tuple[Done, int]] = []
        for command_id, status in taken:
            ended.append((take_out(command_id), status))
            free.append(command_id)
            if self.tracepoint is not None:
                self.tracepoint(_DISK_COMPLETE, 0, command_id, status, self.number)
        if completions.owed > self._owed_max:
            self._acknowledge()
        if self._waiting:
            self._submit_waiting()
        for done, status in ended:
            done(status)

    def disk_lost(self) -> None:
        """The disk is gone: every command in flight ends as DISK_LOST, in the order of submission."""
        lost = list(self._done.values())
        self.ready = False
        self._setup.abandon()
        self._free, self._new, self._done = [], [], {}
        for done in lost:
            done(DISK_LOST)

    def _acknowledge(self) -> None:
        self._completions.owed = 0
        self._send(MmioWrite(_CQ_HEAD, self._completions.head))

    def _submit_waiting(self) -> None:
        while self._waiting and self._free:
            self.submit(*self._waiting.popleft())

    def _started(self) -> None:
        if self.error is None:
            self.ready = True
            self._free = list(range(self._submissions.entries - 1))
            self._submit_waiting()
        self.on_ready()


def _nobody_waits() -> None:
    """What `on_ready` does until somebody sets it."""


_SQ_TAIL, _CQ_HEAD = int(Register.sq_tail), int(Register.cq_head)
_DISK_SUBMIT, _DISK_COMPLETE = int(TracePoint.DISK_SUBMIT), int(TracePoint.DISK_COMPLETE)
