"""What a block frontend does about its own state and its backend's: the table.

Source: Linux drivers/block/xen-blkfront.c (blkback_changed), xen/include/public/io/xenbus.h.
"""

from dataclasses import dataclass
from enum import Enum, auto

from actors.abi.interface import XenbusState


class Action(Enum):
    """What the two states call for."""

    OFFER = auto()
    OFFER_IF_MOVED = auto()
    USE_BACKEND = auto()
    RENEW = auto()
    SEE_TO_KEYS = auto()
    READ_CAPACITY = auto()
    CLOSE = auto()


@dataclass(slots=True)
class Closing:
    """Why a frontend closes, and until when.

    `wanted`: by its guest, and it has not begun to yet; `for_good`: it never comes back; else it `returns`;
    `reopening`: as soon as it is closed; `returning`: it has begun anew, and its backend may not know yet.
    `told_to`: its toolstack detaches it; `forgotten`: and that was lost with the store.
    """

    wanted: bool = False
    for_good: bool = False
    returns: bool = False
    reopening: bool = False
    returning: bool = False
    told_to: bool = False
    forgotten: bool = False


_S = XenbusState
CLOSING = frozenset({_S.Closing, _S.Closed})

ACTIONS = {
    (_S.Initialising, _S.InitWait): Action.OFFER,
    (_S.Initialised, _S.Initialising): Action.OFFER_IF_MOVED,
    (_S.Initialised, _S.InitWait): Action.OFFER_IF_MOVED,
    (_S.Initialised, _S.Connected): Action.USE_BACKEND,
    (_S.Connected, _S.Initialising): Action.SEE_TO_KEYS,
    (_S.Connected, _S.InitWait): Action.RENEW,
    (_S.Connected, _S.Connected): Action.READ_CAPACITY,
    (_S.Initialising, _S.Closing): Action.CLOSE,
    (_S.Initialising, _S.Closed): Action.CLOSE,
    (_S.Initialised, _S.Closing): Action.CLOSE,
    (_S.Initialised, _S.Closed): Action.CLOSE,
    (_S.Connected, _S.Closing): Action.CLOSE,
    (_S.Connected, _S.Closed): Action.CLOSE,
    (_S.Closing, _S.Closing): Action.CLOSE,
    (_S.Closing, _S.Closed): Action.CLOSE,
    (_S.Closed, _S.Closing): Action.CLOSE,
    (_S.Closed, _S.Closed): Action.CLOSE,
}
"""(our state, the backend's state) to what is done about it; a pair that is absent calls for nothing."""
