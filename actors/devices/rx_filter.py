"""Which frames from the wire are for a network controller.

Source: `actors/abi/network_controller.py`.
"""

from actors.abi.network_controller import FILTER_ROWS, FILTER_VALID, ControlFlags, mac_of
from actors.network.mac_address import BROADCAST, is_group


class RxFilter:
    """The address filter of a controller with this station address: its rows as they are in registers."""

    def __init__(self, mac: bytes) -> None:
        self._mac = mac
        self._rows = [(0, 0)] * FILTER_ROWS
        self._wanted = frozenset[bytes]()
        self.flags = ControlFlags(0)
        self.reset()

    def reset(self) -> None:
        """Its own address and broadcasts only."""
        self._rows = [(0, 0)] * FILTER_ROWS
        self.flags = ControlFlags(0)
        self._choose()

    def row(self, index: int) -> tuple[int, int]:
        """Both registers of a row; zeroes for one that does not exist."""
        return self._rows[index] if index < FILTER_ROWS else (0, 0)

    def write(self, index: int, *, low: int | None = None, high: int | None = None) -> None:
        """Write one register of a row; nothing happens if there is no such row."""
        if index < FILTER_ROWS:
            old_low, old_high = self._rows[index]
            self._rows[index] = (old_low if low is None else low, old_high if high is None else high)
            self._choose()

    def accepts(self, target: bytes) -> bool:
        """Whether a frame for this address is received."""
        if target in self._wanted or ControlFlags.promiscuous in self.flags:
            return True
        return ControlFlags.all_multicast in self.flags and is_group(target)

    def _choose(self) -> None:
        rows = [mac_of(low, high) for low, high in self._rows if high & FILTER_VALID]
        self._wanted = frozenset((self._mac, BROADCAST, *rows))
