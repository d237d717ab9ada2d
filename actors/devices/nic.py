"""The network controller: frames between the wire and rings in machine memory, by DMA.

Rules: after a reset nothing of what was put in before touches memory or wire. When the driver's link closes,
the bus is gone: the controller resets. What a host does that the controller cannot follow stops it until a
reset. Frames are received as they come; what else a turn brings is worked off at its end.
Source: `actors/abi/network_controller.py` is its data sheet.
Left out: checksums, segmentation, VLANs, timestamps, wake on LAN.
"""

from collections.abc import Mapping
from dataclasses import asdict

from actors.abi.network_controller import GONE, HEADER_BYTES, ControlFlags, ControllerStatus, Register
from actors.abi.packet_trace import PacketPoint
from actors.capture_messages import CaptureTaken, StartCapture, StopCapture
from actors.devices.descriptor_ring import BadRingError
from actors.devices.device_faults import said_of
from actors.devices.dma_engine import DmaEngine
from actors.devices.nic_faults import NicFaults
from actors.devices.nic_interrupt import XEN
from actors.devices.nic_interrupts import NicInterrupts
from actors.devices.nic_registers import NicRegisters
from actors.devices.nic_settings import NicSettings
from actors.devices.nic_statistics import NicCounts, NicStatistics
from actors.messages import (
    EthernetFrame,
    Fault,
    MmioRead,
    MmioReadReply,
    MmioWrite,
    MsiWrite,
    PowerButton,
    PowerFails,
)
from actors.network.packet import Packet
from actors.network.packet_mark import kind_of, mark_of
from actors.network.tap import Direction, Taps
from actors.runtime.machine import (
    CloseLink,
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

WIRE = "wire"
_CONTROL, _CAUSE = int(Register.control), int(Register.interrupt_cause)
_STATUS, _DOORBELLS = int(Register.status), 0x100
_NIC_SEND, _NIC_RECEIVE = int(PacketPoint.NIC_SEND), int(PacketPoint.NIC_RECEIVE)
_MODES = ControlFlags.promiscuous | ControlFlags.all_multicast


class Nic(Machine):
    """A network controller; ValueError if the argument is wrong.

    Links: its driver (registers), "wire" (frames), "ioapic" and so on (interrupt lines), "xen" (messages in
    place of them), "supervisor".
    """

    def __init__(self, argument: Mapping[str, object], memory: Memory) -> None:
        self._settings = NicSettings.from_argument(argument)
        self._memory = memory
        self._faults = NicFaults()
        self._registers = NicRegisters(self._settings)
        self._interrupts = NicInterrupts(
            self._faults, self._settings.queues, level_triggered=self._settings.level_triggered
        )
        self._engine: DmaEngine | None = None
        self._wired = self._carrier = False
        self._counts = NicCounts()
        self._taps = Taps()
        self._tap = self._taps.tap(WIRE)
        self._tracepoint: Tracepoint | None = None

    def trace(self, tracepoint: Tracepoint) -> None:
        """Have this called at every tracepoint; before the first event."""
        self._tracepoint = tracepoint

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Registers from its driver, frames from "wire", messages to send from "xen", orders of "supervisor".

        Any other link that speaks is closed.
        """
        if isinstance(event, Received):
            return self._receive(event.link, event.message, now_ns)
        if isinstance(event, LinkOpened):
            self._wired = self._wired or event.link == WIRE
            return self._interrupts.line_opened(event.link)
        if isinstance(event, LinkClosed):
            self._wired = self._wired and event.link != WIRE
            if event.link == self._settings.driver:
                self._reset()
        return []

    def end_turn(self, now_ns: int) -> list[Effect]:
        """Send what can be sent, and tell the host of all that is new."""
        self._faults.flap(now_ns)
        carrier = self._wired and not self._faults.carrier_lost
        if carrier != self._carrier:
            self._carrier = carrier
            self._counts.link_changes += 1
        effects: list[Effect] = [Send("supervisor", each) for each in self._taps.captured()]
        if self._faults.hung:
            return effects + self._interrupts.release()
        if self._engine is not None and not self._faults.dma_stopped:
            effects += self._work(self._engine, now_ns)
        registers = self._registers
        return effects + self._interrupts.update(
            now_ns, mask=registers.interrupt_mask, interval_ns=registers.moderation_ns
        )

    def next_deadline_ns(self) -> int | None:
        """When a frame has left, an interrupt may be shown, a storm goes on or the carrier comes or goes."""
        times = [self._faults.flap_ns]
        if not self._faults.hung:
            registers = self._registers
            times.append(
                self._interrupts.due_ns(mask=registers.interrupt_mask, interval_ns=registers.moderation_ns)
            )
        if self._engine is not None and not self._faults.paralysed:
            times.append(self._engine.transmitter.due_ns)
        return min((each for each in times if each is not None), default=None)

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        self._interrupts.check()
        ready = ControllerStatus.ready in self._registers.state
        assert ready == (self._engine is not None), "ready without rings, or the other way round"
        if self._engine is not None:
            self._engine.check()

    def statistics(self) -> NicStatistics:
        """Counters and gauges as of now."""
        engine, counts = self._engine, asdict(self._counts)
        return NicStatistics(
            **counts,
            interrupts=self._interrupts.raised,
            link_up=int(self._carrier),
            rx_buffers=engine.receiver.buffers if engine is not None else 0,
            tx_waiting=engine.transmitter.waiting if engine is not None else 0,
            interrupts_lost=self._faults.interrupts_lost,
        )

    def _receive(self, link: str, message: object, now_ns: int) -> list[Effect]:
        if link == WIRE and isinstance(message, EthernetFrame):
            return self._take_frame(message.data, now_ns)
        if link == self._settings.driver and isinstance(message, MmioWrite):
            return self._write_register(message.offset, message.value & 0xFFFFFFFF)
        if link == self._settings.driver and isinstance(message, MmioRead):
            return [Send(link, MmioReadReply(message.sequence, self._read_register(message.offset)))]
        if link == XEN and isinstance(message, MsiWrite):
            self._interrupts.program(message)
            return []
        if link == "supervisor" and isinstance(message, PowerButton | PowerFails | Fault):
            return self._take_order(message, now_ns)
        if link == "supervisor" and isinstance(message, StartCapture | StopCapture | CaptureTaken):
            self._taps.take(message)
            return []
        return [CloseLink(link, f"a network controller takes no {type(message).__name__} from {link}")]

    def _take_order(self, order: PowerButton | PowerFails | Fault, now_ns: int) -> list[Effect]:
        """The experimenter's hand: the power button, a loss of power, a fault that comes or goes."""
        if not isinstance(order, Fault):
            self._registers.reset()
            self._stop()
            return [Exit("power button" if isinstance(order, PowerButton) else "no power")]
        if not self._faults.take(order, now_ns):
            return [
                CloseLink("supervisor", f"a network controller has no fault {order.kind} {order.options}")
            ]
        self._interrupts.faults_changed()
        if self._engine is not None and not self._faults.paralysed:
            self._engine.transmitter.go_on(now_ns)
        return [said_of(order)]

    def _take_frame(self, data: bytes, now_ns: int) -> list[Effect]:
        """A frame from the wire: into memory, or dropped for a reason that is counted."""
        counts, engine = self._counts, self._engine
        reason = self._objection(data)
        if self._tap.on:
            self._tap.saw(Direction.inbound, Packet(data), now_ns, reason or "")
        if reason is not None:
            counts.rx_drops[reason] += 1
        elif not self._registers.filter.accepts(data[:6]):
            counts.filtered += 1
        elif engine is not None:
            try:
                received = engine.receiver.receive(data)
            except BadRingError as error:
                return self._fail(error)
            if received:
                counts.rx_frames += 1
                counts.rx_bytes += len(data)
                if self._tracepoint is not None:
                    self._tracepoint(_NIC_RECEIVE, kind_of(data), 0, mark_of(data), len(data))
            else:
                counts.rx_drops["no_buffer"] += 1
        return []

    def _objection(self, data: bytes) -> str | None:
        """Why a frame cannot be received."""
        if self._faults.carrier_lost:
            return "link_down"
        if self._faults.paralysed:
            return "not_running"
        if self._engine is None:
            return "not_enabled"
        if len(data) < HEADER_BYTES:
            return "too_short"
        return "too_long" if len(data) > self._settings.frame_bytes else None

    def _read_register(self, offset: int) -> int:
        if self._faults.hung:
            return GONE
        if offset == _CAUSE:
            return self._interrupts.causes
        return self._status if offset == _STATUS else self._registers.read(offset)

    @property
    def _status(self) -> int:
        return self._registers.state | (ControllerStatus.link_up if self._carrier else 0)

    def _write_register(self, offset: int, value: int) -> list[Effect]:
        if self._faults.hung:
            return []
        if offset == _CONTROL:
            if value & ControlFlags.enable:
                return self._enable(ControlFlags(value & _MODES))
            self._reset()
        elif offset == _CAUSE:
            self._interrupts.acknowledge(value)
        elif offset >= _DOORBELLS:
            return self._ring(offset - _DOORBELLS, value)
        else:
            self._registers.write(offset, value)
        return []

    def _ring(self, doorbell: int, tail: int) -> list[Effect]:
        queue = doorbell >> 3
        if self._engine is None or doorbell & 3 or queue >= self._engine.queues:
            return []
        try:
            self._engine.ring(queue, tail, to_send=doorbell & 4 != 0)
        except BadRingError as error:
            return self._fail(error)
        return []

    def _enable(self, modes: ControlFlags) -> list[Effect]:
        """Take the rings over; if it has, only its modes change, and nothing does if it has failed."""
        registers = self._registers
        if ControllerStatus.error in registers.state:
            return []
        if self._engine is None:
            try:
                self._engine = DmaEngine(
                    self._memory,
                    self._settings,
                    registers.rings,
                    registers.status_mfn,
                    self._counts.tx_drops,
                )
            except BadRingError as error:
                return self._fail(error)
            registers.state = ControllerStatus.ready
        registers.filter.flags = modes
        return []

    def _work(self, engine: DmaEngine, now_ns: int) -> list[Effect]:
        """Send, show the status, and note what the host is to be told."""
        effects: list[Effect] = []
        slowness = self._faults.slowness
        for data in engine.transmitter.serve(now_ns, carrier=self._carrier, slowness=slowness):
            self._counts.tx_frames += 1
            self._counts.tx_bytes += len(data)
            effects.append(Send(WIRE, EthernetFrame(data)))
            if self._tracepoint is not None:
                self._tracepoint(_NIC_SEND, kind_of(data), 0, mark_of(data), len(data))
            if self._tap.on:
                self._tap.saw(Direction.outbound, Packet(data), now_ns)
        for queue in engine.take_news():
            self._interrupts.happened(queue)
        if engine.show(self._status):
            self._interrupts.status_changed()
        return effects

    def _reset(self) -> None:
        """Forget the rings and all that is in them."""
        self._counts.resets += 1
        self._registers.reset()
        self._stop()

    def _fail(self, error: BadRingError) -> list[Effect]:
        """Stop, and say so in the status word, if there is one."""
        self._counts.failures += 1
        self._registers.state = ControllerStatus.error
        engine = self._engine
        self._stop()
        if engine is not None and not self._faults.dma_stopped and engine.show(self._status):
            self._interrupts.status_changed()
        return [Log(f"controller stopped: {error}")]

    def _stop(self) -> None:
        self._engine = None
        self._interrupts.reset()
