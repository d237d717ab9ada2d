"""How a network controller is started: the registers that are written and read, one after the other.

Source: `actors/abi/network_controller.py`.
"""

from collections.abc import Callable, Sequence

from actors.abi.network_controller import (
    FILTER_ROWS,
    FILTER_VALID,
    GONE,
    ControlFlags,
    ControllerStatus,
    Register,
    mac_of,
    mac_words,
)
from actors.drivers.receive_ring import ReceiveRing
from actors.drivers.register_dialogue import Dialogue, RegisterDialogue
from actors.drivers.transmit_ring import TransmitRing
from actors.messages import MmioReadReply

Rings = Sequence[tuple[ReceiveRing, TransmitRing]]


class NicSetup:
    """Resets a controller, gives it the rings and learns its address `mac` and its longest frame.

    `send` takes messages for its link. `on_reset` is called when the controller has forgotten what it had and
    touches no memory; one that is gone from the bus may do that again when it is back. At the end `error`
    says why it did not start. What it is to receive is said at every start.
    """

    def __init__(
        self, name: str, rings: Rings, status_mfn: int, send: Callable[[object], None], *, moderation_us: int
    ) -> None:
        self.mac = bytes(6)
        self.frame_bytes = 0
        self.error: str | None = None
        self.on_reset: Callable[[], None] = _nobody_waits
        self._name = name
        self._rings = rings
        self._status_mfn = status_mfn
        self._moderation_us = moderation_us
        self._registers = RegisterDialogue(send)
        self._modes = ControlFlags(0)
        self._macs: Sequence[bytes] = ()

    @property
    def goes_on(self) -> bool:
        """Whether a start is not over yet."""
        return self._registers.goes_on

    def start(self, done: Callable[[], None]) -> None:
        """Begin, be it again; `done` is called at the end of it."""
        self.error = None
        self._registers.start(self._start_controller(), done)

    def abandon(self) -> None:
        """The controller is gone: it answers nothing any more."""
        self._registers.abandon()

    def receive(self, reply: MmioReadReply) -> None:
        """Take an answer of the controller."""
        self._registers.receive(reply)

    def listen(self, modes: ControlFlags, macs: Sequence[bytes], *, now: bool) -> None:
        """What to receive beside its own address and broadcasts: from the next start on, or `now` as well.

        With more addresses than there are rows it receives everything.
        """
        if len(macs) > FILTER_ROWS:
            modes, macs = modes | ControlFlags.promiscuous, ()
        self._modes, self._macs = modes, macs
        if now:
            self._write_filter()
            self._registers.write(Register.control, ControlFlags.enable | modes)

    def _write_filter(self) -> None:
        registers = self._registers
        rows = [mac_words(mac) for mac in self._macs]
        for index in range(FILTER_ROWS):
            registers.write(Register.filter_select, index)
            if index < len(rows):
                low, high = rows[index]
                registers.write(Register.filter_low, low)
                registers.write(Register.filter_high, high | FILTER_VALID)
            else:
                registers.write(Register.filter_high, 0)

    def _start_controller(self) -> Dialogue:
        registers = self._registers
        registers.write(Register.control, 0)
        (status,) = yield (Register.status,)
        if status == GONE:
            self.error = f"{self._name}: the controller is gone from the bus"
            return
        if status & ControllerStatus.ready:
            self.error = f"{self._name}: the controller was not reset, status {status:#x}"
            return
        self.on_reset()
        low, high, self.frame_bytes, capability = yield (
            Register.mac_low,
            Register.mac_high,
            Register.frame_bytes,
            Register.capability,
        )
        self.mac = mac_of(low, high)
        queues = capability >> 16 & 0xFF
        if len(self._rings) > queues:
            self.error = f"{self._name}: the controller has {queues} queues, not {len(self._rings)}"
            return
        for queue, (receive, transmit) in enumerate(self._rings):
            registers.write(Register.queue_select, queue)
            registers.write(Register.rx_mfn, receive.first_mfn)
            registers.write(Register.rx_entries, receive.entries)
            registers.write(Register.tx_mfn, transmit.first_mfn)
            registers.write(Register.tx_entries, transmit.entries)
        registers.write(Register.status_mfn, self._status_mfn)
        registers.write(Register.moderation, self._moderation_us)
        if self._macs:
            self._write_filter()
        registers.write(Register.control, ControlFlags.enable | self._modes)
        (status,) = yield (Register.status,)
        if status == GONE or not status & ControllerStatus.ready:
            self.error = f"{self._name}: the controller did not start, status {status:#x}"


def _nobody_waits() -> None:
    """What `on_reset` does until somebody sets it."""
