"""What a backend does about its own state and its frontend's: the table.

Source: Linux drivers/block/xen-blkback/xenbus.c and drivers/net/xen-netback/xenbus.c (frontend_changed),
xen/include/public/io/xenbus.h.
"""

from enum import Enum, auto

from actors.abi.interface import XenbusState


class Action(Enum):
    """What the two states call for."""

    CONNECT = auto()
    TAKE_UP = auto()
    SHUT = auto()
    CLOSE = auto()
    REOPEN = auto()


_S = XenbusState

ACTIONS = {
    (_S.InitWait, _S.Initialised): Action.CONNECT,
    (_S.InitWait, _S.Connected): Action.TAKE_UP,
    (_S.InitWait, _S.Closing): Action.SHUT,
    (_S.InitWait, _S.Closed): Action.CLOSE,
    (_S.Connected, _S.Closing): Action.SHUT,
    (_S.Connected, _S.Closed): Action.CLOSE,
    (_S.Connected, _S.Initialising): Action.REOPEN,  # its Closed was lost with a store
    (_S.Closing, _S.Closed): Action.CLOSE,
    (_S.Closing, _S.Initialising): Action.REOPEN,  # its Closed was over before it was read
    (_S.Closed, _S.Initialising): Action.REOPEN,
}
"""(our state, the frontend's state) to what is done about it; a pair that is absent calls for nothing."""

LEAVING = frozenset({Action.SHUT, Action.CLOSE})
"""All that is left to do for a device that is offline: it never connects again."""
