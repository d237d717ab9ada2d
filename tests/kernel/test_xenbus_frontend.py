"""The frontend's half of the handshake, with a device that has nothing but a key."""

from itertools import product

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState as S
from actors.kernel.frontend_actions import Detachment
from actors.kernel.frontend_conduct import CONDUCTS
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.policies import Frontend
from tests.kernel.toy_front import BACK, FRONT, Toy
from tests.xen.split_world import World

OWN = [S.Initialising, S.Initialised, S.Connected, S.Closing, S.Closed]


@pytest.fixture
def toy():
    return Toy()


AFTER = {
    (S.Initialising, S.InitWait): S.Initialised,
    (S.Initialised, S.Connected): S.Connected,
    (S.Connected, S.InitWait): S.Initialised,
    **{(own, S.Closing): S.Closed for own in OWN},
    **{(own, S.Closed): S.Closed for own in OWN},
}


HANGING = {(S.Connected, S.InitWait): S.Connected}
"""What nobody does but `reconnect`."""

AFTER_OF = {
    "reconnect": AFTER,
    "stock-linux": AFTER | HANGING,
    "linux-7": AFTER | HANGING,
    "netbsd": AFTER | HANGING,
    "freebsd": AFTER
    | HANGING
    | {(S.Initialising, S.Initialised): S.Initialised, (S.Connected, S.Closing): S.Connected}
    | {(own, S.Closed): own for own in (S.Initialising, S.Initialised, S.Connected)},
    "mirage": AFTER
    | HANGING
    | {
        (own, back): own
        for own in (S.Initialising, S.Initialised, S.Connected)
        for back in (S.Closing, S.Closed)
    },
    "windows-pv": AFTER
    | HANGING
    | {(S.Initialising, back): S.Initialising for back in (S.Closing, S.Closed)}
    | {(S.Connected, back): S.Connected for back in (S.Closing, S.Closed)},
}


@pytest.mark.parametrize("policy", AFTER_OF)
@pytest.mark.parametrize(("own", "back"), list(product(OWN, S)))
def test_every_pair_of_states_leads_where_the_table_says(own, back, policy):
    toy = Toy(policy)
    toy.bring_to(own)
    toy.back(back)
    toy.back(back)
    after = AFTER_OF[policy].get((own, back), own)
    assert toy.front.state is after
    assert toy.key("state") == str(int(after))
    if (own, back) not in CONDUCTS[Frontend(policy)].actions:
        assert [each for each in toy.front.asked if each != "fail"] == []


def test_a_device_without_any_method_of_its_own_connects_and_closes():
    world = World()
    world.boot(0)
    guest = world.boot(1)
    world.attach_nodes("bare/0")
    front = XenbusFrontend(guest.kernel, guest.store, "device/bare/0", Frontend.reconnect)
    connected = world.spawn(guest, front.connect())
    back = "/local/domain/0/backend/bare/1/0"
    for state in (S.InitWait, S.Connected):
        world.write(f"{back}/state", str(int(state)))
        world.run()
    assert connected.done
    assert front.state is S.Connected
    world.spawn(guest, front.disconnect())
    world.run()
    world.write(f"{back}/state", str(int(S.Closed)))
    world.run()
    assert front.state is S.Closed


def test_the_device_is_asked_in_the_order_of_the_handshake(toy):
    toy.back(S.InitWait)
    assert (toy.front.asked, toy.key("offer")) == (["offer to 0"], "1")
    toy.back(S.Connected)
    assert toy.front.asked == ["offer to 0", "read red", "attach"]
    toy.back(S.Connected)
    assert toy.front.asked[3:] == ["refresh"]
    toy.back(S.Closing)
    assert toy.front.asked[4:] == ["fail", "release"]


def test_a_backend_that_begins_anew_is_made_another_offer(toy):
    toy.bring_to(S.Connected)
    toy.back(S.InitWait)
    assert (toy.front.asked, toy.front.reconnects, toy.key("offer")) == (["offer to 0"], 1, "2")


def test_a_backend_that_resumes_is_told_again_what_is_not_in_the_store(toy):
    toy.bring_to(S.Connected)
    toy.world.nodes[f"{BACK}/reconnect"] = "resume"
    toy.back(S.InitWait)
    assert toy.front.published_again == 0
    toy.world.nodes[f"{FRONT}/offer"] = "another"
    toy.back(S.InitWait)
    assert (toy.front.published_again, toy.key("offer"), toy.key("state")) == (1, "1", "4")


def test_an_offer_is_made_again_only_to_another_domain(toy):
    toy.bring_to(S.Initialised)
    toy.back(S.InitWait)
    assert toy.front.asked == []
    toy.world.nodes[f"{FRONT}/backend-id"] = "5"
    toy.back(S.InitWait)
    assert toy.front.asked == ["offer to 5"]


@pytest.mark.parametrize(
    ("own", "told"), [(S.Initialised, "3"), (S.Connected, "4"), (S.Initialising, None), (S.Closing, None)]
)
def test_a_store_that_was_lost_is_told_what_it_knew_of_a_device_that_is_there(toy, own, told):
    toy.bring_to(own)
    toy.lose_store()
    assert toy.key("state") == told
    assert toy.key("offer") == ("1" if told else None)


@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_a_store_that_was_lost_with_its_backend_is_told_no_offer_that_is_of_no_use(toy, reconnect):
    toy.bring_to(S.Connected)
    written, write = [], toy.world.store.write
    toy.world.store.write = lambda path, value: (written.append((path, value)), write(path, value))
    toy.world.nodes |= {f"{BACK}/reconnect": reconnect, f"{BACK}/state": str(int(S.InitWait))}
    toy.world.nodes.pop(f"{FRONT}/state")
    toy.world.reconnect_stores()
    toy.world.run()
    resumes = reconnect == "resume"
    assert [each for each in written if each[0].startswith(FRONT)] == [
        (f"{FRONT}/offer", "1" if resumes else "2"),
        (f"{FRONT}/state", "4" if resumes else "3"),
    ]
    assert (toy.front.published_again, toy.front.reconnects) == ((1, 0) if resumes else (0, 1))


def test_an_offer_that_a_lost_store_has_refused_is_told_to_it_later(toy):
    toy.bring_to(S.Connected)
    toy.world.nodes[f"{BACK}/state"] = str(int(S.InitWait))
    write, refusals = toy.world.store.write, [XenError(Errno.ENOSPC, "full")]

    def refuse_once(path, value):
        if path.startswith(FRONT) and refusals:
            raise refusals.pop()
        write(path, value)

    toy.world.store.write = refuse_once
    toy.world.reconnect_stores()
    toy.world.run()
    assert (toy.front.state, toy.key("offer")) == (S.Initialised, "1")
    toy.back(S.InitWait)
    assert (toy.key("offer"), toy.key("state")) == ("2", "3")


def test_what_one_store_was_asked_and_the_next_has_answered_decides_nothing(toy):
    toy.bring_to(S.Connected)
    toy.world.write(f"{BACK}/state", str(int(S.Connected)))
    toy.world.turn()
    toy.world.xen.turn(1)
    assert toy.world.store.requests, "it looks"
    nodes = dict(toy.world.nodes)
    toy.world.nodes.clear()
    toy.world.reconnect_stores()  # before the answer, which has no backend
    toy.world.turn()
    toy.world.nodes |= nodes
    toy.world.run()
    assert (toy.front.state, toy.front.published_again) == (S.Connected, 1)
    assert "fail" not in toy.front.asked, "the device is not gone"


def test_a_refusal_ends_one_look_and_not_the_device(toy):
    del toy.world.nodes[f"{BACK}/colour"]
    toy.back(S.InitWait)
    toy.back(S.Connected)
    assert toy.front.state is S.Initialised
    assert any("toyfront: device/toy/7: " in line for line in toy.guest.logs)
    toy.world.nodes[f"{BACK}/colour"] = "green"
    toy.back(S.Connected)
    assert toy.front.state is S.Connected


def test_a_backend_that_breaks_the_protocol_is_left_and_that_is_said(toy):
    toy.bring_to(S.Connected)
    toy.front.break_off("the backend was rude")
    toy.world.run()
    assert (toy.front.state, toy.front.asked) == (S.Closing, ["fail"])
    assert "toyfront: device/toy/7: the backend was rude" in toy.guest.logs


def test_a_device_that_is_taken_away_is_used_again_once_it_is_there_again(toy):
    toy.bring_to(S.Connected)
    toy.detach_and_attach()
    assert toy.front.asked == ["fail", "release", "revive"]
    toy.bring_to(S.Connected)


def test_a_device_that_was_detached_begins_anew_when_that_is_forgotten(toy):
    toy.bring_to(S.Connected)
    toy.back(S.Closing)
    assert toy.front._detachment is Detachment.TOLD
    toy.lose_store()
    toy.world.attach_nodes("toy/7", front_state=None)
    toy.world.nodes[f"{BACK}/colour"] = "red"
    toy.world.run()
    assert toy.front.state is S.Initialising
    toy.bring_to(S.Connected)


@pytest.mark.parametrize("reopened_early", [False, True])
def test_a_device_that_its_guest_closes_for_now_comes_back_when_it_is_reopened(toy, reopened_early):
    toy.bring_to(S.Connected)
    toy.disconnect(for_good=False)
    assert toy.front.state is S.Closing
    if reopened_early:
        toy.front.reopen()
    toy.back(S.Closing)
    toy.back(S.Closed)
    if not reopened_early:
        assert toy.front.state is S.Closed
        toy.front.reopen()
        toy.world.run()
    assert toy.front.state is S.Initialising
    toy.bring_to(S.Connected)


def test_a_device_in_use_is_not_reopened(toy):
    toy.bring_to(S.Connected)
    toy.front.reopen()
    toy.world.run()
    assert (toy.front.state, toy.front.asked) == (S.Connected, ["refresh"])


def test_a_backend_that_closes_before_it_has_seen_us_back_is_waited_for(toy):
    toy.bring_to(S.Connected)
    toy.disconnect(for_good=False)
    toy.back(S.Closed)
    toy.front.reopen()
    toy.back(S.Closed)
    assert toy.front.state is S.Initialising
    toy.world.write(f"{BACK}/online", "0")
    toy.back(S.Closed)
    assert toy.front.state is S.Closed


def test_who_leaves_for_good_is_told_when_that_is_done_and_ends(toy):
    toy.bring_to(S.Connected)
    toy.front.held = True
    gone = toy.disconnect()
    toy.back(S.Closed)
    assert gone.done
    toy.front.held = False
    toy.back(S.Closed)
    toy.front.asked.clear()
    toy.detach_and_attach()
    assert toy.front.asked == [], "what was kept was given back, and it looks no more"


def test_who_waits_for_a_device_that_is_closed_for_good_is_refused(toy):
    gone = toy.disconnect()
    with pytest.raises(XenError, match="is closed"):
        toy.connected.result()
    toy.world.advance(5_000_000_000)
    assert gone.done, "a backend that never answers is waited for no longer"
