"""What a frontend may do about its own state and its backend's; when it does which is its row's (`CONDUCTS`).

Source: Linux drivers/block/xen-blkfront.c (blkback_changed), drivers/net/xen-netfront.c (netback_changed),
xen/include/public/io/xenbus.h.
"""

from enum import Enum, auto

from actors.abi.interface import XenbusState


class Action(Enum):
    """What the two states call for."""

    OFFER = auto()
    OFFER_IF_MOVED = auto()
    USE_BACKEND = auto()
    RENEW = auto()
    SEE_TO_KEYS = auto()
    REFRESH = auto()
    CLOSE = auto()
    CLOSE_IF_OFFLINE = auto()
    CLOSE_WHEN_DRAINED = auto()
    REFUSE_TO_CLOSE = auto()


class Wish(Enum):
    """What the guest wants of its device."""

    USE = auto()
    RETURN = auto()
    """To use it: it has begun anew after it was closed, and its backend may not know yet."""
    PAUSE = auto()
    """That it is closed for now."""
    REOPEN = auto()
    """That it begins anew as soon as it is closed."""
    LEAVE = auto()
    """That it is closed for good."""


AWAY = frozenset({Wish.PAUSE, Wish.REOPEN, Wish.LEAVE})
"""The wishes for which a device is closed first."""


class Detachment(Enum):
    """Whether the toolstack takes the device away."""

    NONE = auto()
    TOLD = auto()
    FORGOTTEN = auto()
    """It did, and the store that knew of it is lost."""

    def told(self) -> "Detachment":
        """The same after the toolstack has said so."""
        return Detachment.TOLD if self is Detachment.NONE else self


CLOSING = frozenset({XenbusState.Closing, XenbusState.Closed})
