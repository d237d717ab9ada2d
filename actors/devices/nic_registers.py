"""The register page of the network controller, apart from doorbells, causes and control, which act.

Rules: a reset gives every register its power-on value; reading never changes anything.
Source: `actors/abi/network_controller.py`.
"""

from itertools import takewhile
from typing import Final

from actors.abi.network_controller import (
    MAX_RING_ENTRIES,
    VERSION,
    ControllerStatus,
    Register,
    mac_words,
)
from actors.devices.nic_settings import NicSettings
from actors.devices.rx_filter import RxFilter

_PLAIN: Final = (
    Register.status_mfn,
    Register.interrupt_mask,
    Register.moderation,
    Register.filter_select,
    Register.queue_select,
)
_OF_QUEUE: Final = (Register.rx_mfn, Register.rx_entries, Register.tx_mfn, Register.tx_entries)


class NicRegisters:
    """Registers of a controller, with its address filter."""

    def __init__(self, settings: NicSettings) -> None:
        self._settings = settings
        self.filter = RxFilter(settings.mac)
        self._fixed: dict[int, int] = {
            Register.capability: VERSION << 24 | settings.queues << 16 | MAX_RING_ENTRIES,
            Register.mac_low: mac_words(settings.mac)[0],
            Register.mac_high: mac_words(settings.mac)[1],
            Register.frame_bytes: settings.frame_bytes,
        }
        self.reset()

    def reset(self) -> None:
        """Power-on values: no rings, neither ready nor failed, nothing masked, no throttle."""
        self._values: dict[int, int] = dict.fromkeys(_PLAIN, 0)
        self._queues = [self._no_rings() for _ in range(self._settings.queues)]
        self.state = ControllerStatus(0)
        self.filter.reset()

    @staticmethod
    def _no_rings() -> dict[int, int]:
        return dict.fromkeys(_OF_QUEUE, 0)

    @property
    def interrupt_mask(self) -> int:
        """The causes of which the host wants no interrupts."""
        return self._values[Register.interrupt_mask]

    @property
    def moderation_ns(self) -> int:
        """The least time between two interrupts of a queue."""
        return self._values[Register.moderation] * 1000

    @property
    def status_mfn(self) -> int:
        """The frame with the status word."""
        return self._values[Register.status_mfn]

    @property
    def rings(self) -> list[tuple[int, int, int, int]]:
        """For each queue that is used the ring to receive into (mfn, entries) and that to send from."""
        rows = [
            (
                each[Register.rx_mfn],
                each[Register.rx_entries],
                each[Register.tx_mfn],
                each[Register.tx_entries],
            )
            for each in self._queues
        ]
        return rows[:1] + list(takewhile(lambda row: row[1] or row[3], rows[1:]))

    def read(self, offset: int) -> int:
        """The value of a register that does not act; 0 for one that does not exist."""
        if offset in self._fixed:
            return self._fixed[offset]
        if offset in self._values:
            return self._values[offset]
        if offset == Register.control:
            enabled = ControllerStatus.ready in self.state
            return int(self.filter.flags) | int(enabled)
        if offset in {Register.filter_low, Register.filter_high}:
            return self.filter.row(self._values[Register.filter_select])[offset == Register.filter_high]
        selected = self._values[Register.queue_select]
        return self._queues[selected].get(offset, 0) if selected < len(self._queues) else 0

    def write(self, offset: int, value: int) -> None:
        """Store a register; nothing happens if it is read-only or does not exist."""
        if offset in self._values:
            self._values[offset] = value
        elif offset == Register.filter_low:
            self.filter.write(self._values[Register.filter_select], low=value)
        elif offset == Register.filter_high:
            self.filter.write(self._values[Register.filter_select], high=value)
        else:
            selected = self._values[Register.queue_select]
            if offset in _OF_QUEUE and selected < len(self._queues):
                self._queues[selected][offset] = value
