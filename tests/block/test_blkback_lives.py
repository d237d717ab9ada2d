"""How the service of a disk ends, and how it goes on: with another store, in another life of dom0."""

import pytest

from actors.abi.interface import XenbusState as S
from tests.block.backend_rig import BACK, FRONT, OWN, Rig

READ = 0


def test_the_backend_ends_when_its_nodes_are_removed(rig):
    rig.world.remove(BACK)
    rig.world.remove("/local/domain/1")
    rig.world.run()
    assert (rig.world.mapped, rig.dom0.ports) == ([], {})
    assert rig.world.watches == []


def detach(rig):
    """What `xl block-detach` writes."""
    rig.world.write(f"{BACK}/online", "0")
    rig.world.write(f"{BACK}/state", "5")
    rig.world.run()


@pytest.mark.parametrize("own", [S.InitWait, S.Connected, S.Closing, S.Closed])
def test_a_device_that_is_detached_ends_in_closed_once_its_frontend_is(world, volume, own):
    rig = Rig(world, volume)
    rig.bring_to(own)
    detach(rig)
    if own is S.Connected:
        assert rig.back.attached, "its frontend may still use it"
    rig.front(S.Closing)
    rig.front(S.Closed)
    assert rig.key("state") == "6"
    assert (world.mapped, rig.dom0.ports, world.watches) == ([], {}, [])


@pytest.mark.parametrize("front", [S.Initialising, S.Initialised, S.Connected])
@pytest.mark.parametrize("own", OWN)
def test_a_device_that_is_offline_connects_to_nobody(world, volume, own, front):
    rig = Rig(world, volume)
    rig.bring_to(own)
    attached = rig.back.attached
    detach(rig)
    rig.front(front)
    assert rig.key("state") in {"5", "6"}
    assert rig.back.attached is attached
    rig.front(S.Closed)
    assert (rig.key("state"), world.watches) == ("6", [])


def test_a_state_that_was_written_over_the_one_of_who_detaches_is_taken_back(rig):
    rig.world.write(f"{BACK}/state", "5")
    rig.world.write(f"{BACK}/state", "4")
    rig.world.write(f"{BACK}/online", "0")
    rig.world.run()
    assert rig.key("state") == "5"


def test_a_device_that_is_detached_by_force_ends_in_closed_without_its_frontend(rig):
    rig.world.remove("/local/domain/1")
    detach(rig)
    assert rig.key("state") == "6"
    assert (rig.world.mapped, rig.world.watches) == ([], [])


def test_who_was_slow_to_leave_touches_no_node_of_the_device_that_came_instead(rig):
    rig.world.remove(BACK)
    rig.world.remove("/local/domain/1")
    rig.world.attach_nodes()
    rig.world.run()
    assert (rig.key("state"), rig.world.watches) == ("1", [])


def test_what_an_earlier_domain_has_not_ended_is_ended(world, volume):
    world.boot(1)
    world.attach_nodes(front_state=4)
    world.nodes |= {f"{BACK}/online": "0", f"{BACK}/state": "5"}
    world.backend(world.boot(0), volume, state=S.Closing)
    world.run()
    assert world.nodes[f"{BACK}/state"] == "5"
    world.write(f"{FRONT}/state", "6")
    world.run()
    assert (world.nodes[f"{BACK}/state"], world.watches) == ("6", [])


def test_a_store_that_was_lost_gets_the_keys_again_and_service_goes_on(rig):
    rig.world.lose_store()
    rig.world.reconnect_stores()
    rig.world.run()
    assert rig.back.state is S.Connected, "nodes that nobody has rebuilt yet are not nodes that were removed"
    assert rig.world.nodes == {}
    rig.world.attach_nodes(front_state=None)
    rig.world.run()
    assert (rig.key("state"), rig.key("sectors")) == ("4", "4096")


def test_who_comes_when_all_is_rebuilt_takes_nodes_that_are_not_there_for_removed(world, volume):
    world.boot(1)
    world.attach_nodes()
    backend = world.backend(world.boot(0), volume, early=False)
    world.run()
    assert world.watches
    world.lose_store()
    world.reconnect_stores()
    world.run()
    assert world.watches == [], "it has ended"
    assert not backend.attached


def test_a_device_of_a_domain_that_went_with_the_store_ends_when_it_is_told(rig):
    rig.world.lose_store()
    rig.world.reconnect_stores()
    rig.world.run()
    rig.back.remove()
    rig.world.run()
    assert (rig.world.mapped, rig.dom0.ports) == ([], {})


def test_an_old_connection_is_not_taken_for_a_new_one_by_renegotiate(world, volume):
    rig = Rig(world, volume)
    rig.front(S.Connected)
    assert rig.back.state is S.InitWait
    assert rig.key("reconnect") == "renegotiate"
    rig.front(S.Initialised)
    assert rig.back.state is S.Connected
    assert rig.back.statistics().renegotiations == 1


def test_a_connection_without_journal_is_not_resumed(world, volume):
    rig = Rig(world, volume, "resume")
    assert rig.key("reconnect") == "resume"
    rig.front(S.Connected)
    assert rig.back.state is S.InitWait
    assert rig.key("reconnect") == "renegotiate"
    statistics = rig.back.statistics()
    assert (statistics.resumes, statistics.resumes_refused) == (0, 1)
    assert world.mapped == []


def test_answers_under_resume_come_in_the_order_of_the_ring(world, volume):
    rig = Rig(world, volume, "resume")
    rig.bring_to(S.Connected)
    ref, _ = rig.data_frame()
    volume.hold = True
    for ident in range(3):
        rig.put(READ, ident, 0, [(ref, 0, 7)])
    rig.put(255, 3, 0, [])
    assert rig.push() == []
    volume.complete(2)
    volume.complete(1)
    world.run()
    assert rig.responses() == []
    volume.complete(0)
    world.run()
    assert rig.responses() == [(0, READ, 0), (1, READ, 0), (2, READ, 0), (3, 255, -2)]
