"""Where packets can be seen: a tap for each interface of an actor, which shows them while it is asked to.

Rules: a tap changes nothing of what it sees and holds up nobody. What whoever looks on has not taken yet is
bounded; packets beyond that are missed, and counted.
"""

from enum import IntEnum
from typing import Final

from actors.capture_messages import (
    CAPTURE_WINDOW_BYTES,
    Captured,
    CaptureTaken,
    StartCapture,
    StopCapture,
)
from actors.network.packet import Packet

PacketRow = list[int | str | bytes]
"""As `Captured` has them."""

_ROW_BYTES: Final = 64
"""What a packet counts beside its own bytes."""
_MESSAGE_BYTES: Final = 64 * 1024
"""A message is full with so many, and the packet that makes them so many."""


class Direction(IntEnum):
    """As the interface itself has it."""

    inbound = 0
    outbound = 1


class Tap:
    """That of one interface; who has one calls `saw` for each packet, while it is `on`."""

    __slots__ = ("_bytes_out", "_missed", "_rows", "_snap_bytes", "interface", "on")

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self.on = False
        self._snap_bytes = 0
        self._rows: list[PacketRow] = []
        self._bytes_out = self._missed = 0

    def saw(self, direction: Direction, packet: Packet, now_ns: int, drop: str = "") -> None:
        """A packet has come or gone, or goes no further because of `drop`."""
        data = packet.frame[: self._snap_bytes]
        size = len(data) + _ROW_BYTES
        if self._bytes_out + size > CAPTURE_WINDOW_BYTES:
            self._missed += 1
            return
        self._bytes_out += size
        self._rows.append([now_ns, int(direction), len(packet.frame), int(packet.blank), drop, data])

    def start(self, snap_bytes: int) -> None:
        """Show what comes; nothing changes if it does already."""
        if not self.on:
            self.on = True
            self._snap_bytes = snap_bytes
            self._bytes_out = self._missed = 0

    def stop(self) -> None:
        """Show nothing more."""
        self.on = False
        self._rows.clear()

    def taken(self, size: int) -> None:
        """Of what was shown, so many bytes (`size_of`) have been taken."""
        self._bytes_out = max(self._bytes_out - size, 0)

    def captured(self) -> list[Captured]:
        """What was seen since the last call."""
        messages: list[Captured] = []
        rows, size = list[PacketRow](), 0
        for row in self._rows:
            rows.append(row)
            size += size_of(row)
            if size >= _MESSAGE_BYTES:
                messages.append(Captured(self.interface, rows, 0))
                rows, size = [], 0
        if rows or (self._missed and not messages):
            messages.append(Captured(self.interface, rows, 0))
        if messages:
            messages[-1].missed = self._missed
        self._rows.clear()
        self._missed = 0
        return messages


class Taps:
    """All taps of one actor, by the names of its interfaces; `open`: one of them is on."""

    def __init__(self) -> None:
        self._taps: dict[str, Tap] = {}
        self.open = False

    def tap(self, interface: str) -> Tap:
        """That of an interface: always the same, also before there is one, and after."""
        return self._taps.setdefault(interface, Tap(interface))

    def take(self, message: StartCapture | StopCapture | CaptureTaken) -> None:
        """Do what whoever looks on wants."""
        tap = self.tap(message.interface)
        match message:
            case StartCapture(snap_bytes=snap_bytes):
                tap.start(snap_bytes)
            case StopCapture():
                tap.stop()
            case CaptureTaken(size=size):
                tap.taken(size)
        self.open = any(each.on for each in self._taps.values())

    def captured(self) -> list[Captured]:
        """What is to be shown at the end of a turn."""
        return [each for tap in self._taps.values() if tap.on for each in tap.captured()]


def size_of(row: PacketRow) -> int:
    """What a row of `Captured` counts, until it is taken."""
    data = row[-1]
    assert isinstance(data, bytes), "the last of a row is the packet"
    return len(data) + _ROW_BYTES
