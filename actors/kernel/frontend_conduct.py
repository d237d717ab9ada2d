"""How a frontend of the world conducts itself towards its backend: a row for each.

Rules: whatever tells one frontend from another stands in its row; who acts by it asks the row, and knows no
names. A backend that is gone (Unknown) is in no table: nobody does anything about it.
Source: docs/frontends.md says of each row from which code it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from actors.abi.interface import XenbusState
from actors.kernel.frontend_actions import Action
from actors.policies import Frontend

Actions = Mapping[tuple[XenbusState, XenbusState], Action]
"""(our state, the backend's state) to what is done about it; a pair that is absent calls for nothing."""

_S = XenbusState

_LEAVES: Final[Actions] = {
    (own, back): Action.CLOSE for own in (_S.Closing, _S.Closed) for back in (_S.Closing, _S.Closed)
}
"""What whoever is closing does, whatever its reason was."""

_CONNECTS: Final[Actions] = {
    **_LEAVES,
    (_S.Initialising, _S.InitWait): Action.OFFER,
    (_S.Initialised, _S.Connected): Action.USE_BACKEND,
    (_S.Connected, _S.Connected): Action.REFRESH,
}
"""What one does that connects once, step by step, and knows nothing else."""

_LINUX: Final[Actions] = {
    **_CONNECTS,
    **{
        (own, back): Action.CLOSE
        for own in (_S.Initialising, _S.Initialised, _S.Connected)
        for back in (_S.Closing, _S.Closed)
    },
}


@dataclass(frozen=True, slots=True)
class Conduct:
    """One row. `actions`: what the two states call for.

    `follows`: it goes after a backend that begins anew or is another one, and tells a store that replaces a
    lost one what that knew. `drains`: a device that is gone goes when what is in flight has its answers, that
    is perhaps never. `plugs_anew`: where its node says Initialising of a device that was further, or that had
    its backend in another domain, a toolstack has put another device in its place.
    `closes_first`: before its first offer it goes through Closing and Closed. `awaits_closed`: a device that
    is closed begins anew only once the backend has said Closed as well. `holds_on`: a device that is
    connected stays so though its own node is gone.
    """

    actions: Actions
    follows: bool = False
    drains: bool = False
    plugs_anew: bool = False
    closes_first: bool = False
    awaits_closed: bool = False
    holds_on: bool = False

    def may_begin_anew(self, own: XenbusState, back: XenbusState) -> bool:
        """Whether a device in this state, with such a backend, may begin anew if it is to."""
        return own is _S.Closed and (back is _S.Closed or not self.awaits_closed)


CONDUCTS: Final[Mapping[Frontend, Conduct]] = {
    Frontend.reconnect: Conduct(
        {
            **_LINUX,
            (_S.Initialised, _S.Initialising): Action.OFFER_IF_MOVED,
            (_S.Initialised, _S.InitWait): Action.OFFER_IF_MOVED,
            (_S.Connected, _S.Initialising): Action.SEE_TO_KEYS,
            (_S.Connected, _S.InitWait): Action.RENEW,
        },
        follows=True,
    ),
    Frontend.stock_linux: Conduct(_LINUX, drains=True),
    Frontend.linux_7: Conduct(_LINUX, drains=True, plugs_anew=True),
    Frontend.windows_pv: Conduct(
        {
            **_CONNECTS,
            (_S.Initialising, _S.Closing): Action.CLOSE,
            (_S.Initialised, _S.Closing): Action.CLOSE,
            (_S.Initialised, _S.Closed): Action.CLOSE,
            (_S.Connected, _S.Closing): Action.CLOSE_IF_OFFLINE,
        },
        closes_first=True,
        awaits_closed=True,
    ),
    Frontend.netbsd: Conduct(
        {
            **_CONNECTS,
            **{
                (own, back): Action.CLOSE_WHEN_DRAINED
                for own in (_S.Initialising, _S.Initialised, _S.Connected)
                for back in (_S.Closing, _S.Closed)
            },
        },
        drains=True,
    ),
    Frontend.freebsd: Conduct(
        {
            **_CONNECTS,
            (_S.Initialising, _S.Initialised): Action.OFFER,
            (_S.Initialising, _S.Closing): Action.CLOSE,
            (_S.Initialised, _S.Closing): Action.CLOSE,
            (_S.Connected, _S.Closing): Action.REFUSE_TO_CLOSE,
        }
    ),
    Frontend.mirage: Conduct(
        {
            **_LEAVES,
            (_S.Initialising, _S.InitWait): Action.OFFER,
            (_S.Initialised, _S.Connected): Action.USE_BACKEND,
        },
        awaits_closed=True,
        holds_on=True,
    ),
}
"""Every frontend that a guest may have."""
