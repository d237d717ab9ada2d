"""The rows of frontends: what each has to say of every pair of states."""

import pytest

from actors.abi.interface import XenbusState as S
from actors.kernel.frontend_actions import Action
from actors.kernel.frontend_conduct import CONDUCTS
from actors.policies import Frontend


@pytest.mark.parametrize("frontend", Frontend)
def test_every_frontend_has_a_row_that_leads_to_connected_and_back(frontend):
    actions = CONDUCTS[frontend].actions
    assert actions[S.Initialising, S.InitWait] is Action.OFFER
    assert actions[S.Initialised, S.Connected] is Action.USE_BACKEND
    for back in (S.Closing, S.Closed):
        assert actions[S.Closing, back] is actions[S.Closed, back] is Action.CLOSE


@pytest.mark.parametrize("frontend", Frontend)
def test_nobody_does_anything_about_a_backend_that_is_gone(frontend):
    assert not [own for own, back in CONDUCTS[frontend].actions if back is S.Unknown]


@pytest.mark.parametrize("frontend", Frontend)
def test_who_goes_after_a_backend_that_begins_anew_is_said_to_reconnect(frontend):
    conduct = CONDUCTS[frontend]
    renews = conduct.actions.get((S.Connected, S.InitWait)) is Action.RENEW
    assert renews == conduct.follows == frontend.reconnects
