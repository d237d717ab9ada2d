"""The disk: a controller that serves volumes of images, by DMA between them and machine memory.

Rules: what a command names is checked against its volume and against memory before a byte moves.
After a reset nothing that was submitted before it touches memory or image. When the driver's link
closes, the bus is gone: the controller resets; cache and images stay as they are.
Source: `actors/abi/disk_controller.py` is its data sheet.
Left out: namespaces, several queues, interrupt coalescing by time.
"""

import heapq
from collections.abc import Mapping

from actors.abi.disk_controller import ENABLE, FLAG_FUA, CommandStatus, Opcode, Register
from actors.abi.trace import OPCODE_SHIFT, TracePoint
from actors.abi.types import PAGE_SIZE, SECTOR_SIZE
from actors.devices.controller_registers import ControllerRegisters
from actors.devices.disk_faults import DiskFaults
from actors.devices.disk_settings import DiskSettings, VolumeSettings
from actors.devices.disk_statistics import DiskStatistics
from actors.devices.image import Image, ImageError, OpenImage
from actors.devices.queue_pair import BadQueueError, Command, QueuePair
from actors.devices.service_times import ServiceTimes
from actors.devices.volume import Volume
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

_IOAPIC = "ioapic"
_READ = int(Opcode.read)
_WRITE = int(Opcode.write)
_FLUSH = int(Opcode.flush)
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
        self._images: dict[str, Image] = {}
        try:
            self._volumes = [self._open_volume(row, open_image) for row in self._settings.volumes]
        except ImageError:
            self.close()
            raise
        self._registers = ControllerRegisters(
            [(volume.sectors, volume.read_only) for volume in self._volumes],
            write_cache=self._settings.cache_sectors > 0,
        )
        self._queue: QueuePair | None = None
        self._tracepoint: Tracepoint | None = None
        self._in_service: list[tuple[int, int, Command]] = []
        self._order = 0
        self._service = ServiceTimes(self._settings)
        self._write_back_at_ns: int | None = None
        self._line = self._unseen = self._completed = False
        self._faults = DiskFaults()
        self._reads = self._writes = self._flushes = self._errors = 0
        self._sectors_read = self._sectors_written = 0
        self._interrupts = self._resets = self._write_back_failures = 0

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
        if isinstance(event, LinkOpened) and event.link == _IOAPIC and self._line:
            return [Send(_IOAPIC, Line(True))]
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
        if self._write_back_at_ns is not None and (due is None or self._write_back_at_ns < due):
            due = self._write_back_at_ns
        return due

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        for volume in self._volumes:
            volume.check()
        dirty = sum(volume.dirty_sectors for volume in self._volumes)
        assert not dirty or self._write_back_at_ns is not None, "dirty sectors that nobody writes back"
        queue = self._queue
        if queue is None:
            assert not self._in_service, "commands of a queue that is gone"
            assert self._line == self._shows(wanted=False), "an interrupt of a queue that is gone"
            return
        queue.check()
        assert queue.reserved == queue.unconsumed + len(self._in_service), "a command without completion"
        if self._settings.level_triggered:
            wanted = queue.unconsumed > 0 and not self._registers.interrupt_mask
            assert self._line == self._shows(wanted=wanted), "the interrupt line does not show what is queued"

    def statistics(self) -> DiskStatistics:
        """Counters and gauges as of now."""
        return DiskStatistics(
            reads=self._reads,
            writes=self._writes,
            flushes=self._flushes,
            sectors_read=self._sectors_read,
            sectors_written=self._sectors_written,
            errors=self._errors,
            interrupts=self._interrupts,
            resets=self._resets,
            write_back_failures=self._write_back_failures,
            dirty_sectors=sum(volume.dirty_sectors for volume in self._volumes),
            in_flight=len(self._in_service),
            queued_completions=self._queue.unconsumed if self._queue is not None else 0,
            errors_injected=self._faults.errors,
            flushes_ignored=self._faults.flushes_ignored,
            interrupts_lost=self._faults.interrupts_lost,
        )

    def _take_order(self, order: PowerButton | PowerFails | Fault, now_ns: int) -> list[Effect]:
        """The experimenter's hand: the power button, a loss of power, a fault that comes or goes."""
        if isinstance(order, PowerButton):
            return self._power_off(now_ns)
        if isinstance(order, PowerFails):
            return self._lose_power()
        if not self._faults.take(order, now_ns):
            return [CloseLink("supervisor", f"a disk has no fault {order.kind} {order.options}")]
        self._unseen = self._unseen and self._faults.hides_interrupts
        what = "begins" if order.active else "is over"
        return [Log(f"fault {order.number}: {order.kind} {what}"), *self._pass_deadlines(now_ns)]

    def _lose_power(self) -> list[Effect]:
        """What is in the cache is lost; with torn writes it is half written."""
        random = self._faults.tearing()
        if random is not None:
            for volume in self._volumes:
                volume.tear(random)
        self.close()
        return [Exit("no power")]

    def _shows(self, *, wanted: bool) -> bool:
        """Whether a level line is seen asserted: a storm holds it up, a fault may hide it."""
        return (wanted or (self._faults.storming and self._settings.level_triggered)) and not self._unseen

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
            self._completed = offset == _INTERRUPT_MASK and queue is not None and queue.unconsumed > 0
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
        """Bring the interrupt line to what the completion queue calls for."""
        completed, self._completed = self._completed, False
        queue = self._queue
        masked = queue is None or self._registers.interrupt_mask
        if not self._settings.level_triggered:
            return [] if masked or not completed else self._pulse()
        wanted = not masked and queue is not None and queue.unconsumed > 0
        if not wanted and not self._faults.storming:
            self._unseen = False
        elif not self._line and not self._unseen:
            self._unseen = self._faults.loses_interrupt()
        asserted = self._shows(wanted=wanted)
        if asserted == self._line:
            return []
        self._line = asserted
        self._interrupts += asserted
        return [Send(_IOAPIC, Line(asserted))]

    def _pulse(self) -> list[Effect]:
        """An edge, unless it gets lost."""
        if self._faults.loses_interrupt():
            return []
        self._interrupts += 1
        return [Send(_IOAPIC, Line(True)), Send(_IOAPIC, Line(False))]

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
            effects += self._pulse()
        if self._faults.stalled:
            return effects + self._signal()
        while self._in_service and self._in_service[0][0] <= now_ns:
            assert self._queue is not None, "commands of a queue that is gone"
            self._finish(self._queue, heapq.heappop(self._in_service)[2], now_ns)
        if self._write_back_at_ns is not None and self._write_back_at_ns <= now_ns:
            effects += self._write_back(now_ns)
        return effects + self._signal()

    def _finish(self, queue: QueuePair, command: Command, now_ns: int) -> None:
        """Do a command and write its completion."""
        if self._faults.fails(command.opcode):
            status = int(CommandStatus.media_error)
        else:
            try:
                status = self._perform(command, now_ns)
            except OSError:
                status = CommandStatus.media_error
        if status:
            self._errors += 1
        if self._tracepoint is not None:
            self._tracepoint(_DISK_FINISH, 0, command.command_id, int(status), 0)
        queue.complete(command.command_id, status)
        self._completed = True

    def _perform(self, command: Command, now_ns: int) -> int:
        opcode = command.opcode
        if not _READ <= opcode <= _FLUSH:
            return CommandStatus.bad_opcode
        if command.volume >= len(self._volumes):
            return CommandStatus.bad_volume
        volume = self._volumes[command.volume]
        if opcode == _FLUSH:
            self._flushes += 1
            if not self._lies():
                volume.flush()
            return 0
        buffers: list[memoryview] = []
        nr_sectors = self._gather(command, buffers)
        if not nr_sectors:
            return CommandStatus.bad_segment
        if command.sector + nr_sectors > volume.sectors:
            return CommandStatus.out_of_range
        if opcode == _READ:
            self._reads += 1
            self._sectors_read += nr_sectors
            volume.read(command.sector, nr_sectors, buffers)
            return 0
        if volume.read_only:
            return CommandStatus.read_only
        self._writes += 1
        self._sectors_written += nr_sectors
        through = command.flags & FLAG_FUA != 0 and not self._lies()
        volume.write(command.sector, nr_sectors, buffers, through=through)
        if self._write_back_at_ns is None and volume.dirty_sectors:
            self._write_back_at_ns = now_ns + self._settings.write_back_ns
        return 0

    def _lies(self) -> bool:
        """Whether a FLUSH or FUA is acknowledged and nothing done."""
        lies = self._settings.ignores_flush or self._faults.lying
        self._faults.flushes_ignored += lies
        return lies

    def _gather(self, command: Command, buffers: list[memoryview]) -> int:
        """Collect the memory of a command's segments; how many sectors, 0 if a segment is bad."""
        size = 0
        memory = self._memory
        for mfn, first, length in command.segments:
            if mfn >= memory.nr_frames or not length or first + length > PAGE_SIZE or (first | length) & 511:
                return 0
            frame = memory.frame(mfn)
            buffers.append(frame if length == PAGE_SIZE else frame[first : first + length])
            size += length
        return size // SECTOR_SIZE

    def _write_back(self, now_ns: int) -> list[Effect]:
        """Write everything dirty to the images; what an image refuses is tried again later."""
        self._write_back_at_ns = None
        effects: list[Effect] = []
        for volume in self._volumes:
            try:
                volume.write_back(volume.dirty_sectors)
            except OSError as error:
                self._write_back_failures += 1
                self._write_back_at_ns = now_ns + self._settings.write_back_ns
                effects.append(Log(f"write-back of {volume.name} failed: {error}"))
        return effects

    def _power_off(self, now_ns: int) -> list[Effect]:
        effects = self._write_back(now_ns)
        for image in self._images.values():
            try:
                image.sync()
            except OSError as error:
                effects.append(Log(f"sync at power off failed: {error}"))
        effects += self._stop()
        self.close()
        return [*effects, Exit("power button")]

    def close(self) -> None:
        """Let go of the images: what the end of a process does by itself."""
        for image in self._images.values():
            image.close()

    def _open_volume(self, row: VolumeSettings, open_image: OpenImage) -> Volume:
        """A volume over its image, which is opened once, and for writing if any volume on it wants that."""
        if row.path not in self._images:
            users = [each for each in self._settings.volumes if each.path == row.path]
            self._images[row.path] = open_image(row.path, all(each.read_only for each in users))
        return Volume(
            row.name,
            self._images[row.path],
            row.offset_sector,
            row.sectors,
            self._settings.cache_sectors,
            read_only=row.read_only,
        )
