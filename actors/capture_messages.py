"""The messages by which an actor is asked to show the packets of an interface, and shows them.

As the rest of them (`messages.py`); `actors/network/tap.py` is the actor's side of it.
"""

from dataclasses import dataclass, field

from actors.runtime.codec import wire

CAPTURE_WINDOW_BYTES = 4 * 1024 * 1024
"""So much of what an interface has shown may wait to be confirmed as taken; what comes then is missed."""


@wire(66)
@dataclass(slots=True)
class StartCapture:
    """Show every packet of an interface from now on, at most so many bytes of each. Again: no change."""

    interface: str
    snap_bytes: int


@wire(67)
@dataclass(slots=True)
class StopCapture:
    """Show no more packets of an interface."""

    interface: str


@wire(68)
@dataclass(slots=True)
class Captured:
    """Packets of an interface in their order, and how many were missed since the last ones.

    Each is [nanoseconds on the clock of all, 1 if it went out, its whole length, 1 if its checksum is blank,
    why it was dropped or "", its first bytes].
    """

    interface: str
    packets: list[list[int | str | bytes]] = field(repr=False)
    missed: int


@wire(69)
@dataclass(slots=True)
class CaptureTaken:
    """So many bytes of what was shown of an interface have been taken."""

    interface: str
    size: int
