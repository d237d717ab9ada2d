"""The disk: a controller that serves volumes of images, by DMA between them and machine memory.

Rules: after a reset nothing that was submitted before it touches memory or image. When the driver's link
closes, the bus is gone: the controller resets; cache and images stay as they are.
Source: `actors/abi/disk_controller.py` is its data sheet.
Left out: namespaces, several queues, interrupt coalescing by time.
"""

import heapq
from collections.abc import Mapping

from actors.abi.disk_controller import ENABLE, CommandStatus, Register
from actors.abi.trace import OPCODE_SHIFT, TracePoint
from actors.devices.controller_registers import ControllerRegisters
from actors.devices.device_faults import said_of
from actors.devices.disk_faults import DiskFaults
from actors.devices.disk_interrupt import IOAPIC, DiskInterrupt
from actors.devices.disk_medium import DiskMedium
from actors.devices.disk_settings import DiskSettings
from actors.devices.disk_statistics import DiskStatistics
from actors.devices.image import OpenImage
from actors.devices.queue_pair import BadQueueError, Command, QueuePair
from actors.devices.service_times import ServiceTimes
from actors.messages import Fault, Line, MmioRead, MmioReadReply, MmioWrite, PowerButton, PowerFails
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Log,
    Machine,
    Received,
    Send,
    Tracepoint,
)
from actors.runtime.memory import Memory

_CONTROL = int(Register.control)
_INTERRUPT_MASK = int(Register.interrupt_mask)
_SQ_TAIL = int(Register.sq_tail)
_DISK_FETCH, _DISK_FINISH = int(TracePoint.DISK_FETCH), int(TracePoint.DISK_FINISH)
_DOORBELLS = (_SQ_TAIL, int(Register.cq_head))


class Disk(Machine):
    """A disk with its controller; links to its driver (registers), "ioapic" (interrupt line), "supervisor".

    ValueError if the argument is wrong, ImageError if an image cannot be used.
    """

    def __init__(self, argument: Mapping[str, object], memory: Memory, open_image: OpenImage) -> None:
        self._settings = DiskSettings.from_argument(argument)
        self._driver = self._settings.driver
        self._memory = memory
        self._faults = DiskFaults()
        self._medium = DiskMedium(self._settings, self._faults, memory, open_image)
        self._interrupt = DiskInterrupt(self._faults, level_triggered=self._settings.level_triggered)
        self._registers = ControllerRegisters(
            [(volume.sectors, volume.read_only) for volume in self._medium.volumes],
            write_cache=self._settings.cache_sectors > 0,
        )
        self._queue: QueuePair | None = None
        self._tracepoint: Tracepoint | None = None
        self._in_service: list[tuple[int, int, Command]] = []
        self._order = 0
        self._service = ServiceTimes(self._settings)
        self._errors = self._resets = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Registers from its driver, PowerButton from "supervisor"; any other link that speaks is closed."""
        if isinstance(event, Received):
            message = event.message
            if isinstance(message, MmioWrite) and event.link == self._driver:
                return self._write_register(message.offset, message.value, now_ns)
            if isinstance(message, MmioRead) and event.link == self._driver:
                return [
                    Send(self._driver, MmioReadReply(message.sequence, self._registers.read(message.offset)))
                ]
            if event.link == "supervisor" and isinstance(message, PowerButton | PowerFails | Fault):
                return self._take_order(message, now_ns)
            return [CloseLink(event.link, f"a disk takes no {type(message).__name__} from {event.link}")]
        if isinstance(event, DeadlinePassed):
            return self._pass_deadlines(now_ns)
        if isinstance(event, LinkClosed) and event.link == self._driver:
            return self._reset()
        if isinstance(event, LinkOpened) and event.link == IOAPIC and self._interrupt.line:
            return [Send(IOAPIC, Line(True))]
        return []

    def trace(self, tracepoint: Tracepoint) -> None:
        """Have this called at every tracepoint; before the first event."""
        self._tracepoint = tracepoint

    def next_deadline_ns(self) -> int | None:
        """When the next command is served, dirty sectors are written back, or a storm goes on."""
        due = None if self._settings.level_triggered else self._faults.storm_ns
        if self._faults.stalled:
            return due
        if self._in_service and (due is None or self._in_service[0][0] < due):
            due = self._in_service[0][0]
        write_back_ns = self._medium.write_back_at_ns
        if write_back_ns is not None and (due is None or write_back_ns < due):
            due = write_back_ns
        return due

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        self._medium.check()
        self._interrupt.check(self._queue, masked=self._registers.interrupt_mask)
        queue = self._queue
        if queue is None:
            assert not self._in_service, "commands of a queue that is gone"
            return
        queue.check()
        assert queue.reserved == queue.unconsumed + len(self._in_service), "a command without completion"

    def statistics(self) -> DiskStatistics:
        """Counters and gauges as of now."""
        return DiskStatistics(
            reads=self._medium.reads,
            writes=self._medium.writes,
            flushes=self._medium.flushes,
            sectors_read=self._medium.sectors_read,
            sectors_written=self._medium.sectors_written,
            errors=self._errors,
            interrupts=self._interrupt.raised,
            resets=self._resets,
            write_back_failures=self._medium.write_back_failures,
            dirty_sectors=self._medium.dirty_sectors,
            in_flight=len(self._in_service),
            queued_completions=self._queue.unconsumed if self._queue is not None else 0,
            errors_injected=self._faults.errors,
            flushes_ignored=self._faults.flushes_ignored,
            interrupts_lost=self._faults.interrupts_lost,
        )

    def _take_order(self, order: PowerButton | PowerFails | Fault, now_ns: int) -> list[Effect]:
        """The experimenter's hand: the power button, a loss of power, a fault that comes or goes."""
        if isinstance(order, PowerButton):
            effects = [*self._medium.sync(now_ns), *self._stop()]
            self.close()
            return [*effects, Exit("power button")]
        if isinstance(order, PowerFails):
            self._medium.tear()
            return [Exit("no power")]
        if not self._faults.take(order, now_ns):
            return [CloseLink("supervisor", f"a disk has no fault {order.kind} {order.options}")]
        self._interrupt.faults_changed()
        return [said_of(order), *self._pass_deadlines(now_ns)]

    def _write_register(self, offset: int, value: int, now_ns: int) -> list[Effect]:
        value &= 0xFFFFFFFF
        if offset == _CONTROL:
            return self._enable() if value & ENABLE else self._reset()
        queue = self._queue
        if offset in _DOORBELLS:
            if queue is None:
                return []
            try:
                if offset == _SQ_TAIL:
                    queue.ring_sq_tail(value)
                else:
                    queue.ring_cq_head(value)
            except BadQueueError as error:
                return self._fail(error)
            self._serve(queue, now_ns)
        else:
            self._registers.write(offset, value)
            self._interrupt.completed = (
                offset == _INTERRUPT_MASK and queue is not None and queue.unconsumed > 0
            )
        return self._signal()

    def _enable(self) -> list[Effect]:
        """Take the queues over; enabling what is enabled, or has failed, changes nothing until a reset."""
        if self._queue is not None or self._registers.failed:
            return []
        try:
            self._queue = QueuePair(self._memory, *self._registers.queues)
        except BadQueueError as error:
            return self._fail(error)
        self._registers.set_ready()
        return []

    def _reset(self) -> list[Effect]:
        """Forget the queues and all that is in them."""
        self._resets += 1
        self._registers.reset()
        return self._stop()

    def _fail(self, error: BadQueueError) -> list[Effect]:
        self._registers.set_error()
        return [Log(f"controller stopped: {error}"), *self._stop()]

    def _stop(self) -> list[Effect]:
        self._queue = None
        self._in_service.clear()
        return self._signal()

    def _signal(self) -> list[Effect]:
        return self._interrupt.update(self._queue, masked=self._registers.interrupt_mask)

    def _serve(self, queue: QueuePair, now_ns: int) -> None:
        """Start all new commands; those without a service time end here."""
        for command in queue.fetch():
            if self._tracepoint is not None:
                what = command.command_id | command.opcode << OPCODE_SHIFT
                self._tracepoint(_DISK_FETCH, command.volume, what, command.sector, 0)
            delay_ns = self._service.of(command.opcode, self._faults.slowness)
            if delay_ns or self._faults.stalled:
                heapq.heappush(self._in_service, (now_ns + delay_ns, self._order, command))
                self._order += 1
            else:
                self._finish(queue, command, now_ns)

    def _pass_deadlines(self, now_ns: int) -> list[Effect]:
        effects: list[Effect] = []
        storm_ns = self._faults.storm_ns
        if storm_ns is not None and storm_ns <= now_ns and not self._settings.level_triggered:
            self._faults.next_storm(now_ns)
            effects += self._interrupt.pulse()
        if self._faults.stalled:
            return effects + self._signal()
        while self._in_service and self._in_service[0][0] <= now_ns:
            assert self._queue is not None, "commands of a queue that is gone"
            self._finish(self._queue, heapq.heappop(self._in_service)[2], now_ns)
        write_back_ns = self._medium.write_back_at_ns
        if write_back_ns is not None and write_back_ns <= now_ns:
            effects += self._medium.write_back(now_ns)
        return effects + self._signal()

    def _finish(self, queue: QueuePair, command: Command, now_ns: int) -> None:
        """Do a command and write its completion."""
        if self._faults.fails(command.opcode):
            status = int(CommandStatus.media_error)
        else:
            try:
                status = self._medium.perform(command, now_ns)
            except OSError:
                status = CommandStatus.media_error
        if status:
            self._errors += 1
        if self._tracepoint is not None:
            self._tracepoint(_DISK_FINISH, 0, command.command_id, int(status), 0)
        queue.complete(command.command_id, status)
        self._interrupt.completed = True

    def close(self) -> None:
        """Let go of the images: what the end of a process does by itself."""
        self._medium.close()
