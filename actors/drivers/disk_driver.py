"""The driver of the disk controller: fills its submission queue, takes its completions.

Rules: it checks nothing about a command but room in the queue; `flush_doorbell` and `interrupt` ring
a doorbell at most once each. A command's `done` is called exactly once, with a CommandStatus, or with
DISK_LOST if the disk went away.
Source: `actors/abi/disk_controller.py`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from actors.abi.disk_controller import (
    COMMAND_BYTES,
    COMMANDS,
    COMMANDS_PER_FRAME,
    COMPLETION_ID_MASK,
    COMPLETION_PHASE_SHIFT,
    COMPLETION_STATUS_MASK,
    COMPLETION_STATUS_SHIFT,
    COMPLETIONS_PER_FRAME,
    ENABLE,
    FLAG_FUA,
    ControllerStatus,
    Register,
    VolumeFlags,
)
from actors.abi.trace import OPCODE_SHIFT, TracePoint
from actors.messages import MmioRead, MmioReadReply, MmioWrite
from actors.runtime.machine import Tracepoint
from actors.runtime.memory import Memory

LAZY_COMPLETIONS: Final = 128
"""With an edge interrupt nothing waits for the completion doorbell but room in the queue."""

DISK_LOST: Final = 0xFFFF
"""The status of a command that the disk can no longer answer."""

Segment = tuple[int, int, int]
Done = Callable[[int], None]
_Waiting = tuple[int, int, int, Sequence[Segment], Done, bool]

_ONE_SEGMENT = COMMANDS[1]
_CQ_ENTRIES = COMPLETIONS_PER_FRAME
_MAX_SQ_FRAMES = _CQ_ENTRIES // COMMANDS_PER_FRAME


class DiskDriver:
    """Drives one disk through `send`, which takes messages for its link.

    `queue_frames` are 2 to 17 machine frames in a row: the last one becomes the completion queue, the
    others the submission queue of 32 entries each. The caller feeds `receive` and `interrupt`, and has
    `at_turn_end` call `flush_doorbell` once all that a turn brings is submitted. With an
    `edge` interrupt completions are acknowledged with the next submission, to spare the disk a wake-up.
    `number` tells the disks of a host apart at its tracepoints.
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
    ) -> None:
        first, *_, last = queue_frames
        assert queue_frames == list(range(first, last + 1)), "queue frames must be in a row"
        assert 2 <= len(queue_frames) <= _MAX_SQ_FRAMES + 1, "2 to 17 queue frames"
        self.name = name
        self.ready = False
        self.error: str | None = None
        self.volumes: list[tuple[int, bool]] = []
        self.write_cache = False
        self.on_ready: Callable[[], None] = _nobody_waits
        self.tracepoint: Tracepoint | None = None
        self.number = 0
        self._send = send
        self._at_turn_end = at_turn_end
        self._sq_mfn = first
        self._cq_mfn = last
        self._slots = [
            (memory.frame(mfn), offset)
            for mfn in queue_frames[:-1]
            for offset in range(0, COMMANDS_PER_FRAME * COMMAND_BYTES, COMMAND_BYTES)
        ]
        self._completions = memory.frame(last).cast("Q")
        self._owed_max = LAZY_COMPLETIONS if edge else 0
        self._sequence = 0
        self._reads: dict[int, Callable[[int], None]] = {}
        self._waiting: deque[_Waiting] = deque()
        self._free: list[int] = []
        self._done: dict[int, Done] = {}
        self._sq_tail = self._sq_rung = self._cq_head = self._owed = 0
        self._phase = 1

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
        self.error = None
        self._write(Register.control, 0)
        self._read(Register.status, self._set_up)

    def receive(self, message: object) -> None:
        """Take a message from the disk's link; AssertionError if a disk does not send such."""
        assert isinstance(message, MmioReadReply), f"{self.name}: a disk sent {type(message).__name__}"
        taker = self._reads.pop(message.sequence, None)
        if taker is not None:
            taker(message.value)

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

        Segments are (mfn, first byte, bytes) rows, at most 11. `done(status)` is called from `interrupt`.
        """
        if not self._free:
            self._waiting.append((opcode, volume, sector, segments, done, fua))
            return
        command_id = self._free.pop()
        self._done[command_id] = done
        if self.tracepoint is not None:
            self.tracepoint(_DISK_SUBMIT, volume, command_id | opcode << OPCODE_SHIFT, sector, self.number)
        tail = self._sq_tail
        if tail == self._sq_rung:
            self._at_turn_end(self.flush_doorbell)
        frame, offset = self._slots[tail]
        flags = FLAG_FUA if fua else 0
        if len(segments) == 1:
            mfn, first, length = segments[0]
            _ONE_SEGMENT.pack_into(
                frame, offset, opcode, flags, command_id, volume, sector, 1, mfn, first, length
            )
        else:
            fields = [field for segment in segments for field in segment]
            COMMANDS[len(segments)].pack_into(
                frame, offset, opcode, flags, command_id, volume, sector, len(segments), *fields
            )
        tail += 1
        self._sq_tail = tail if tail < len(self._slots) else 0

    def flush_doorbell(self) -> None:
        """Ring the submission doorbell if there is something new."""
        if self._sq_tail != self._sq_rung:
            self._sq_rung = self._sq_tail
            if self._owed:
                self._acknowledge()
            self._send(MmioWrite(_SQ_TAIL, self._sq_tail))

    def interrupt(self) -> None:
        """Take all completions, acknowledge them, and tell whoever submitted; `done` may submit again."""
        if not self.ready:
            return
        taken: list[tuple[Done, int]] = []
        head = self._cq_head
        word = self._completions[head]
        while word >> COMPLETION_PHASE_SHIFT == self._phase:
            command_id = word & COMPLETION_ID_MASK
            taken.append(
                (self._done.pop(command_id), word >> COMPLETION_STATUS_SHIFT & COMPLETION_STATUS_MASK)
            )
            self._free.append(command_id)
            if self.tracepoint is not None:
                self.tracepoint(_DISK_COMPLETE, 0, command_id, taken[-1][1], self.number)
            head += 1
            if head == _CQ_ENTRIES:
                head = 0
                self._phase ^= 1
            word = self._completions[head]
        if not taken:
            return
        self._cq_head = head
        self._owed += len(taken)
        if self._owed > self._owed_max:
            self._acknowledge()
        if self._waiting:
            self._submit_waiting()
        for done, status in taken:
            done(status)

    def _acknowledge(self) -> None:
        self._owed = 0
        self._send(MmioWrite(_CQ_HEAD, self._cq_head))

    def disk_lost(self) -> None:
        """The disk is gone: every command in flight ends as DISK_LOST, in the order of submission."""
        lost = list(self._done.values())
        self._forget()
        for done in lost:
            done(DISK_LOST)

    def _forget(self) -> None:
        """Empty queues that nobody may use before the controller is ready."""
        self.ready = False
        self._reads.clear()
        self._free = []
        self._done = {}
        self._sq_tail = self._sq_rung = self._cq_head = self._owed = 0
        self._phase = 1

    def _submit_waiting(self) -> None:
        while self._waiting and self._free:
            self.submit(*self._waiting.popleft())

    def _write(self, register: Register, value: int) -> None:
        self._send(MmioWrite(int(register), value))

    def _read(self, register: Register, taker: Callable[[int], None]) -> None:
        self._sequence += 1
        self._reads[self._sequence] = taker
        self._send(MmioRead(self._sequence, int(register)))

    def _set_up(self, _status: int) -> None:
        """The controller has forgotten what it had: nothing writes into the queues any more."""
        for index in range(_CQ_ENTRIES):
            self._completions[index] = 0
        self._write(Register.sq_mfn, self._sq_mfn)
        self._write(Register.sq_entries, len(self._slots))
        self._write(Register.cq_mfn, self._cq_mfn)
        self._write(Register.cq_entries, _CQ_ENTRIES)
        self._write(Register.control, ENABLE)
        self._read(Register.status, self._take_status)

    def _take_status(self, value: int) -> None:
        status = ControllerStatus(value)
        if ControllerStatus.ready not in status:
            self.error = f"{self.name}: the controller did not start, status {value:#x}"
            self.on_ready()
            return
        self.write_cache = ControllerStatus.write_cache in status
        self._read(Register.volumes, self._take_nr_volumes)

    def _take_nr_volumes(self, nr_volumes: int) -> None:
        self.volumes = []
        self._ask_volume(nr_volumes)

    def _ask_volume(self, nr_volumes: int) -> None:
        """Ask for the volume after the last one known; all of them known, the driver is ready."""
        if len(self.volumes) == nr_volumes:
            self._become_ready()
            return
        answers: list[int] = []

        def take(value: int) -> None:
            answers.append(value)
            if len(answers) == 3:
                low, high, flags = answers
                self.volumes.append((low | high << 32, bool(flags & VolumeFlags.read_only)))
                self._ask_volume(nr_volumes)

        self._write(Register.volume_select, len(self.volumes))
        self._read(Register.volume_sectors_low, take)
        self._read(Register.volume_sectors_high, take)
        self._read(Register.volume_flags, take)

    def _become_ready(self) -> None:
        self.ready = True
        self._free = list(range(len(self._slots) - 1))
        self._submit_waiting()
        self.on_ready()


def _nobody_waits() -> None:
    """What `on_ready` does until somebody sets it."""


_SQ_TAIL = int(Register.sq_tail)
_DISK_SUBMIT, _DISK_COMPLETE = int(TracePoint.DISK_SUBMIT), int(TracePoint.DISK_COMPLETE)
_CQ_HEAD = int(Register.cq_head)
