"""A new dom0 goes on with the rings that the last one has written down, or lets go of each that is not so."""

from dataclasses import replace

import pytest

from actors.abi.interface import XenbusState as S
from actors.abi.ring import REQ_PROD
from actors.block.blkback import Blkback
from actors.drivers.adoption import Adoption
from actors.kernel.handover import Handover
from actors.kernel.recovery_box import RecoveryBox
from actors.kernel.xenbus_backend import Served
from actors.policies import Reconnect
from tests.block.backend_rig import BACK, FRONT, Rig
from tests.block.conftest import BlockWorld, MemoryVolume

DEVICE = ("vbd", 1, 51712)
BOX_MFN = 1
"""One of the frames that the hypervisor keeps for itself."""
READ = 0


class BoxWorld(BlockWorld):
    """A world whose dom0 has a recovery box."""

    def open_box(self) -> RecoveryBox:
        self.box = RecoveryBox(self.memory, [BOX_MFN])
        return self.box

    def backend(self, domain, volume, policy="resume", **changes):
        return super().backend(
            domain, volume, policy, device=DEVICE, backing="sda:0", box=self.box, **changes
        )

    def left(self) -> list[Handover]:
        return list(RecoveryBox(self.memory, [BOX_MFN]).found.values())


@pytest.fixture
def world() -> BoxWorld:
    world = BoxWorld()
    world.open_box()
    return world


@pytest.fixture
def volume(world) -> MemoryVolume:
    return MemoryVolume(world.memory)


@pytest.fixture
def connected(world, volume) -> Rig:
    rig = Rig(world, volume, "resume")
    rig.bring_to(S.Connected)
    return rig


def next_life(rig: Rig, *, knows: bool = True) -> list[Blkback]:
    """dom0 dies; the next one adopts what it finds, and serves it."""
    world = rig.world
    if 0 in world.domains:
        world.kill(rig.dom0)
    rig.volume.reset()
    rig.dom0 = dom0 = world.boot(0)
    box = world.open_box()

    def make(handover: Handover) -> Blkback:
        if not knows:
            raise KeyError(handover.backing)
        served = Served(
            BACK,
            FRONT,
            1,
            Reconnect.resume,
            early=True,
            device=handover.device,
            backing=handover.backing,
            box=box,
        )
        return Blkback(dom0.kernel, dom0.store, served, rig.volume)

    adopted = world.call(dom0, Adoption(dom0.kernel, box, make).perform())
    for each in adopted:
        dom0.kernel.threads.spawn("vbd", each.run())
    return adopted


def test_what_is_served_is_written_down_for_as_long_as_it_is(world, volume):
    rig = Rig(world, volume, "resume")
    assert world.left() == []
    rig.front(S.Initialised)
    (record,) = world.left()
    assert (record.device, record.backing, record.persistent) == (DEVICE, "sda:0", True)
    assert (str(record.ring_ref), record.remote_port) == (world.nodes[f"{FRONT}/ring-ref"], rig.port)
    assert rig.back.is_told_by(record)
    rig.front(S.Closing)
    assert world.left() == []


def test_a_ring_without_a_journal_is_not_written_down(world, volume):
    rig = Rig(world, volume, "renegotiate")
    rig.bring_to(S.Connected)
    assert world.left() == []


def test_the_next_life_answers_what_was_asked_of_the_dead_and_asks_the_store_for_nothing(connected):
    world = connected.world
    ref, frame = connected.data_frame()
    connected.volume.data[:4] = b"data"
    connected.volume.hold = True
    connected.put(READ, 7, 0, [(ref, 0, 7)])
    connected.push()
    world.kill(connected.dom0)
    connected.put(READ, 8, 0, [(ref, 0, 7)])
    connected.ring.push()
    connected.volume.hold = False
    nodes = dict(world.nodes)
    (back,) = next_life(connected)
    assert connected.responses() == [(7, READ, 0), (8, READ, 0)]
    assert bytes(frame[:4]) == b"data"
    assert (back.state, back.statistics().resumes) == (S.Connected, 1)
    world.run()
    assert (world.nodes, back.state) == (nodes, S.Connected)
    assert connected.events > 0


def test_all_lives_after_it_go_on(connected):
    ref, _ = connected.data_frame()
    for ident in range(5):
        assert len(next_life(connected)) == 1
        connected.world.run()
        connected.put(READ, ident, 0, [(ref, 0, 7)])
        assert connected.push() == [(ident, READ, 0)]
    connected.front(S.Closing)
    assert (connected.world.left(), connected.world.mapped, connected.dom0.ports) == ([], [], {})


def test_a_backend_that_died_before_it_said_connected_says_so_in_its_next_life(connected):
    connected.world.kill(connected.dom0)
    connected.world.write(f"{BACK}/state", str(int(S.InitWait)))
    next_life(connected)
    connected.world.run()
    assert connected.key("state") == str(int(S.Connected))


def test_a_frontend_that_closes_while_nobody_is_there_is_heard(connected):
    connected.world.kill(connected.dom0)
    connected.world.write(f"{FRONT}/state", str(int(S.Closing)))
    (back,) = next_life(connected)
    connected.world.run()
    assert (back.attached, connected.key("state")) == (False, str(int(S.Closing)))
    assert (connected.world.mapped, connected.dom0.ports, connected.world.left()) == ([], {}, [])


def without_grant(rig: Rig, record: Handover) -> Handover:
    assert rig.world.xen.revoke(1, record.ring_ref) == 0
    return record


def of_another_page(rig: Rig, record: Handover) -> Handover:
    return replace(record, ring_ref=rig.data_frame()[0])


def of_another_connection(_: Rig, record: Handover) -> Handover:
    return replace(record, generation=record.generation + 1)


def with_a_port_of_its_own(rig: Rig, record: Handover) -> Handover:
    return replace(record, remote_port=record.remote_port + 1)


def of_nobody(_: Rig, record: Handover) -> Handover:
    return replace(record, domid=9)


def with_impossible_indices(rig: Rig, record: Handover) -> Handover:
    rig.words[REQ_PROD] = rig.words[REQ_PROD] + 1000
    return record


def without_a_journal(rig: Rig, record: Handover) -> Handover:
    rig.words[4] = 0
    return record


@pytest.mark.parametrize(
    "spoil",
    [
        without_grant,
        of_another_page,
        of_another_connection,
        with_a_port_of_its_own,
        of_nobody,
        with_impossible_indices,
        without_a_journal,
    ],
)
def test_a_record_that_does_not_agree_with_what_is_there_is_let_go_of(connected, spoil):
    world = connected.world
    (record,) = world.left()
    world.kill(connected.dom0)
    box = world.open_box()
    box.clear()
    box.keep(spoil(connected, record))
    before = connected.words[1], bytes(connected.page[64:])
    assert next_life(connected) == []
    assert (world.mapped, connected.dom0.ports, world.left()) == ([], {}, [])
    assert (connected.words[1], bytes(connected.page[64:])) == before, "nothing was answered"
    assert any("recovery box: vbd 51712 of domain" in each for each in connected.dom0.logs)


def test_what_lies_on_a_volume_that_is_not_known_is_let_go_of(connected):
    assert next_life(connected, knows=False) == []
    assert (connected.world.mapped, connected.dom0.ports, connected.world.left()) == ([], {}, [])


def test_one_that_is_let_go_of_does_not_cost_the_others(connected):
    connected.world.kill(connected.dom0)
    connected.world.open_box().keep(Handover("vbd", 9, 51712, "sda:1", 8, 3, persistent=True, generation=9))
    (back,) = next_life(connected)
    connected.world.run()
    assert back.attached
    assert [each.device for each in connected.world.left()] == [DEVICE]


def test_a_death_after_any_turn_of_the_take_over_leaves_enough_for_the_next(world, volume, connected):
    """Whoever dies while it takes over is followed by one that serves."""
    ref, _ = connected.data_frame()
    for turns in range(1, 12):
        world.kill(connected.dom0)
        connected.dom0 = dom0 = world.boot(0)
        box = world.open_box()

        def make(handover: Handover, dom0=dom0, box=box) -> Blkback:
            served = Served(
                BACK, FRONT, 1, Reconnect.resume, device=handover.device, backing="sda:0", box=box
            )
            return Blkback(dom0.kernel, dom0.store, served, volume)

        world.spawn(dom0, Adoption(dom0.kernel, box, make).perform())
        for _ in range(turns):
            world.turn()
    assert len(next_life(connected)) == 1
    world.run()
    connected.put(READ, 3, 0, [(ref, 0, 7)])
    assert connected.push() == [(3, READ, 0)]
