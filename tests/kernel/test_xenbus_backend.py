"""The backend's half of the handshake, with a device that has nothing but a key."""

from itertools import product

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState as S
from actors.kernel.backend_actions import ACTIONS
from actors.kernel.xenbus_backend import ResumeImpossibleError, Served, XenbusBackend
from actors.policies import Reconnect
from tests.xen.split_world import World

FRONT, BACK = "/local/domain/1/device/toy/7", "/local/domain/0/backend/toy/1/7"
OWN = [S.InitWait, S.Connected, S.Closing, S.Closed]


class ToyBack(XenbusBackend):
    """Reads what is offered; takes up nothing while it `forgot`."""

    driver = "toyback"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.offer = None
        self.asked = []
        self.forgot = False

    @property
    def attached(self):
        return self.offer is not None

    def keys(self):
        return {"colour": "red"}

    async def attach(self, *, resuming):
        self.asked.append("resume" if resuming else "attach")
        if resuming and self.forgot:
            raise ResumeImpossibleError("it was forgotten")
        offer = await self.store.read(f"{self.served.frontend_path}/offer")
        if offer == "bad":
            raise XenError(Errno.EINVAL, "a bad offer")
        self.offer = offer

    async def detach(self):
        self.asked.append("detach")
        self.offer = None


class Toy:
    """A toy whose frontend is this test."""

    def __init__(self, policy="renegotiate", front=S.Initialising, **served):
        self.world = World()
        self.dom0 = self.world.boot(0)
        self.world.boot(1)
        self.world.attach_nodes("toy/7")
        self.world.nodes |= {f"{FRONT}/offer": "1", f"{FRONT}/state": str(int(front))}
        served = Served(BACK, FRONT, 1, Reconnect(policy), **{"early": True, **served})
        self.back = ToyBack(self.dom0.kernel, self.dom0.store, served)
        self.ended = self.world.spawn(self.dom0, self.back.run())

    def started(self):
        self.world.run()
        return self

    def front(self, state):
        self.world.write(f"{FRONT}/state", str(int(state)))
        self.world.run()

    def key(self, name):
        return self.world.nodes.get(f"{BACK}/{name}")

    def bring_to(self, state):
        if state in {S.Connected, S.Closing}:
            self.front(S.Initialised)
        if state is S.Closing:
            self.front(S.Closing)
        if state is S.Closed:
            self.front(S.Closed)
        assert self.back.state is state
        self.back.asked.clear()

    def take_offline(self):
        self.world.nodes[f"{BACK}/state"] = str(int(S.Closing))
        self.world.write(f"{BACK}/online", "0")
        self.world.run()


@pytest.fixture
def toy():
    return Toy().started()


AFTER = {
    (S.InitWait, S.Initialised): S.Connected,
    (S.InitWait, S.Closing): S.Closing,
    (S.InitWait, S.Closed): S.Closed,
    (S.Connected, S.Closing): S.Closing,
    (S.Connected, S.Closed): S.Closed,
    (S.Connected, S.Initialising): S.InitWait,
    (S.Closing, S.Closed): S.Closed,
    (S.Closing, S.Initialising): S.InitWait,
    (S.Closed, S.Initialising): S.InitWait,
}


@pytest.mark.parametrize(("own", "front"), list(product(OWN, S)))
def test_every_pair_of_states_leads_where_the_table_says(toy, own, front):
    toy.bring_to(own)
    toy.front(front)
    toy.front(front)
    after = AFTER.get((own, front), own)
    assert toy.back.state is after
    assert toy.key("state") == str(int(after))
    assert toy.back.attached == (after is S.Connected)
    if (own, front) not in ACTIONS:
        assert toy.back.asked == []


def test_what_is_served_is_published_together_with_the_state(toy):
    assert (toy.key("reconnect"), toy.key("colour")) == ("renegotiate", None)
    toy.front(S.Initialised)
    assert (toy.key("colour"), toy.key("state")) == ("red", "4")


def test_an_offer_that_cannot_be_used_closes_the_device(toy):
    toy.world.nodes[f"{FRONT}/offer"] = "bad"
    toy.front(S.Initialised)
    assert (toy.back.state, toy.back.attached) == (S.Closing, False)


def test_the_frontend_of_a_dead_backend_is_not_served_before_it_begins_anew():
    toy = Toy(front=S.Connected).started()
    assert (toy.back.state, toy.back.asked) == (S.InitWait, [])
    toy.front(S.Initialised)
    assert toy.back.recoveries.renegotiations == 1


@pytest.mark.parametrize("lived_on", [False, True])
def test_a_frontend_that_lived_on_without_a_store_that_knows_it_is_counted_once(lived_on):
    toy = Toy(lived_on=lived_on).started()
    toy.front(S.Initialised)
    assert (toy.back.state, toy.back.recoveries.renegotiations) == (S.Connected, int(lived_on))
    for state in (S.Closing, S.Closed, S.Initialising, S.Initialised):
        toy.front(state)
    assert (toy.back.state, toy.back.recoveries.renegotiations) == (S.Connected, int(lived_on))


def test_what_a_dead_backend_was_offered_is_taken_up():
    toy = Toy("resume", front=S.Connected).started()
    assert (toy.back.state, toy.back.asked, toy.back.offer) == (S.Connected, ["resume"], "1")
    assert (toy.key("reconnect"), toy.back.recoveries.resumes) == ("resume", 1)


def test_what_cannot_be_taken_up_is_negotiated_anew():
    toy = Toy("resume", front=S.Connected)
    toy.back.forgot = True
    toy.started()
    assert (toy.back.state, toy.key("reconnect")) == (S.InitWait, "renegotiate")
    toy.front(S.Initialised)
    recoveries = toy.back.recoveries
    assert (recoveries.resumes, recoveries.resumes_refused, recoveries.renegotiations) == (0, 1, 1)


def test_a_frontend_that_breaks_the_protocol_loses_its_service(toy):
    toy.bring_to(S.Connected)
    toy.back.break_off("domain 1 was rude")
    toy.world.run()
    assert (toy.back.state, toy.back.asked) == (S.Closing, ["detach"])
    assert f"toyback: {BACK}: domain 1 was rude" in toy.dom0.logs


@pytest.mark.parametrize(("own", "state"), [(S.InitWait, "2"), (S.Connected, "4"), (S.Closing, "5")])
def test_a_store_that_was_lost_is_told_again_once_it_is_rebuilt(toy, own, state):
    toy.bring_to(own)
    toy.world.lose_store()
    toy.world.reconnect_stores()
    toy.world.run()
    assert toy.key("state") is None, "whoever rebuilds it comes first"
    toy.world.nodes |= {f"{BACK}/frontend": FRONT, f"{BACK}/online": "1", f"{FRONT}/state": "9"}
    toy.world.write(f"{BACK}/online", "1")
    toy.world.run()
    assert toy.key("state") == state
    assert toy.back.attached == (own is S.Connected)


def test_a_backend_that_sees_a_lost_store_only_when_it_is_rebuilt_and_is_not_in_it_ends():
    toy = Toy(early=False).started()
    toy.bring_to(S.Connected)
    toy.world.lose_store()
    toy.world.reconnect_stores()
    toy.world.run()
    assert toy.ended.done
    assert toy.back.asked == ["detach"]


def test_a_device_that_is_detached_ends_in_closed_once_its_frontend_is(toy):
    toy.bring_to(S.Connected)
    toy.take_offline()
    assert (toy.back.state, toy.ended.done) == (S.Closing, False)
    toy.front(S.Closed)
    assert toy.ended.done
    assert (toy.key("state"), toy.back.asked) == ("6", ["detach"])


def test_a_device_that_is_detached_connects_to_nobody(toy):
    toy.take_offline()
    toy.front(S.Initialised)
    assert (toy.back.state, toy.back.asked) == (S.Closing, [])


def test_a_device_whose_nodes_are_removed_ends(toy):
    toy.bring_to(S.Connected)
    toy.world.remove(FRONT)
    toy.world.remove(BACK)
    toy.world.run()
    assert toy.ended.done
    assert toy.key("state") is None, "what is gone stays gone"


def test_a_device_that_is_removed_ends_when_what_is_under_way_has(toy):
    toy.bring_to(S.Connected)
    toy.back.remove()
    toy.world.run()
    assert toy.ended.done
    assert toy.back.asked == ["detach"]
