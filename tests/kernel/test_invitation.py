"""Frontends that are Connected once they make an offer, and backends that tell to whom it was made."""

import pytest

from actors.abi.interface import XenbusState as S
from actors.kernel.xenbus_backend import Served, XenbusBackend
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.policies import Frontend, Reconnect
from tests.xen.split_world import World

FRONT, BACK = "/local/domain/1/device/toy/7", "/local/domain/0/backend/toy/1/7"


class StraightFront(XenbusFrontend):
    """Offers a number."""

    driver = "toyfront"
    mark = "offer"
    offered_state = S.Connected

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.offers = 0
        self.used = 0

    def keys(self):
        return {"offer": str(self.offers)}

    async def offer(self, domid):
        self.offers += 1

    def attach(self):
        self.used += 1


class InvitingBack(XenbusBackend):
    """Uses the number that is offered."""

    driver = "toyback"
    invites = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.offer = None
        self.resumed = None

    @property
    def attached(self):
        return self.offer is not None

    async def attach(self, *, resuming):
        self.resumed = resuming
        self.offer = await self.store.read(f"{self.served.frontend_path}/offer")

    async def detach(self):
        self.offer = None


class Pair:
    """Both ends; dom0 may die after any turn."""

    def __init__(self, policy="renegotiate", front_policy="reconnect"):
        self.world = World()
        self.policy = Reconnect(policy)
        self.dom0, self.guest = self.world.boot(0), self.world.boot(1)
        self.world.attach_nodes("toy/7")
        self.written = []
        write = self.world.store.write
        self.world.store.write = lambda path, value: (self.written.append((path, value)), write(path, value))
        self.begin()
        self.front = StraightFront(
            self.guest.kernel, self.guest.store, "device/toy/7", Frontend(front_policy)
        )
        self.world.spawn(self.guest, self.front.connect())

    def begin(self):
        self.back = InvitingBack(
            self.dom0.kernel, self.dom0.store, Served(BACK, FRONT, 1, self.policy, early=True)
        )
        self.dom0.kernel.threads.spawn("toy", self.back.run())

    def dom0_again(self, *, loses_store=False):
        self.world.kill(self.dom0)
        if loses_store:
            self.world.lose_store()
            self.world.attach_nodes("toy/7", front_state=None)
            self.world.reconnect_stores()
        self.world.xen.now_ns += 1_000_000
        self.dom0 = self.world.boot(0)
        self.world.write(f"{BACK}/state", "1")
        self.begin()

    def states(self, end):
        return [value for path, value in self.written if path == f"{end}/state"]


@pytest.fixture
def pair():
    pair = Pair()
    pair.world.run()
    return pair


def test_the_frontend_goes_straight_to_connected_and_is_of_use_when_the_backend_is(pair):
    assert (pair.front.state, pair.back.state, pair.front.used) == (S.Connected, S.Connected, 1)
    assert pair.states(FRONT) == ["4"]
    assert pair.states(BACK) == ["2", "4"]
    assert pair.world.nodes[f"{FRONT}/invitation"] == pair.world.nodes[f"{BACK}/invitation"]


def test_an_offer_is_not_taken_for_connected_before_the_backend_says_so():
    pair = Pair()
    pair.world.turn()
    pair.world.kill(pair.dom0)
    pair.world.write(f"{BACK}/state", "2")
    pair.world.run()
    assert (pair.front.state, pair.world.nodes[f"{FRONT}/state"]) == (S.Initialised, "4")
    assert (pair.front.offers, pair.front.used) == (1, 0)
    pair.world.write(f"{BACK}/state", "2")
    pair.world.run()
    assert pair.front.offers == 1, "nobody has invited it once more"


def test_a_new_backend_waits_for_an_offer_of_its_own(pair):
    pair.dom0_again()
    pair.world.run()
    assert (pair.front.offers, pair.front.reconnects, pair.front.used) == (2, 1, 2)
    assert (pair.back.offer, pair.back.resumed, pair.back.recoveries.renegotiations) == ("2", False, 1)
    assert "3" not in pair.states(FRONT)


def test_a_new_backend_takes_no_old_offer_of_a_frontend_that_ignores_it():
    pair = Pair(front_policy="stock-linux")
    pair.world.run()
    pair.dom0_again()
    pair.world.run()
    assert (pair.front.offers, pair.back.state, pair.back.offer) == (1, S.InitWait, None)


def test_a_backend_that_resumes_takes_up_the_old_offer():
    pair = Pair("resume")
    pair.world.run()
    pair.dom0_again()
    pair.world.run()
    assert (pair.back.state, pair.back.resumed, pair.back.recoveries.resumes) == (S.Connected, True, 1)
    assert pair.front.offers == 1


@pytest.mark.parametrize("policy", ["renegotiate", "resume"])
@pytest.mark.parametrize("loses_store", [False, True])
@pytest.mark.parametrize("dies_after", range(1, 30))
def test_whenever_dom0_dies_both_ends_agree_on_the_last_offer(dies_after, loses_store, policy):
    pair = Pair(policy)
    for _ in range(dies_after):
        pair.world.turn()
    pair.dom0_again(loses_store=loses_store)
    pair.world.run()
    assert (pair.front.state, pair.back.state) == (S.Connected, S.Connected)
    assert pair.back.offer == str(pair.front.offers)
    assert "3" not in pair.states(FRONT)


def test_a_frontend_that_begins_anew_is_served_anew(pair):
    pair.world.spawn(pair.guest, pair.front.disconnect(for_good=False))
    pair.world.run()
    pair.front.reopen()
    pair.world.run()
    assert (pair.front.state, pair.back.state, pair.back.offer) == (S.Connected, S.Connected, "2")
