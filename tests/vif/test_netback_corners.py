"""What seldom happens to a network backend: frames that a guest cannot take, closing while it waits."""

import pytest

from actors.abi.interface import XenbusState as S
from actors.abi.ring import RING_PRIVATE_OFFSET
from actors.network.packet import Packet
from actors.vif.netback_tx import MAGIC
from tests.vif.backend_rig import MORE, Rig, frame, works


@pytest.fixture
def rig():
    return Rig()


def test_a_guest_that_takes_no_scattered_frames_gets_none_of_more_than_a_page(rig):
    one = rig.vif(1).connect()
    two = rig.vif(2, feature_sg=None).connect()
    two.post(4)
    for size in (4096, 4097):
        one.put_frame(frame(1, 2, size))
        one.push()
    assert [row[3] for row in two.received()] == [4096]
    assert two.back.statistics().drops["too-long"] == 1


def test_what_cannot_be_finished_for_a_guest_that_wants_it_whole_is_dropped(rig):
    two = rig.vif(2, feature_no_csum_offload="1").connect()
    two.post(2)
    two.back._deliver(Packet(frame(1, 2), blank=True))
    rig.world.run()
    assert two.received() == []
    assert two.back.statistics().drops["bad-offload"] == 1


def test_what_comes_before_the_frontend_is_connected_has_no_carrier(rig):
    two = rig.vif(2)
    two.back._deliver(Packet(frame(1, 2)))
    assert two.back.statistics().drops["no-carrier"] == 1


def test_a_packet_that_the_rate_holds_back_when_its_guest_leaves_goes_nowhere(rig):
    one = rig.vif(1, back=[("rate", "10000,50000")]).connect()
    two = rig.vif(2).connect()
    two.post(8)
    for number in range(4):
        one.put_frame(frame(1, 2, 4000), ident=number)
    assert len(one.push()) == 2
    one.front(S.Closing)
    rig.world.advance(1_000_000_000)
    assert (one.answers(), len(two.received())) == ([], 2)
    assert (one.back.state, one.back.statistics().queues) == (S.Closing, 0)


def test_a_broken_packet_that_a_dead_backend_had_taken_is_not_resumed_and_costs_nobody_else():
    rig = Rig("resume")
    one, two = rig.pair()
    ref, _ = one.data_frame(frame(1, 2))
    one.put(ref, 0, 100, flags=MORE, ident=5)
    private = RING_PRIVATE_OFFSET // 4
    one.tx.words[private], one.tx.words[private + 1] = MAGIC, 1
    one.tx.ring.push()
    rig.dom0_again()
    rig.world.run()

    assert one.answers() == []
    statistics = one.back.statistics()
    assert (statistics.resumes_refused, statistics.resumes) == (1, 0)
    assert (one.back.state, two.back.state) == (S.InitWait, S.Connected)
    assert not any(domid == 1 for domid, _ in rig.world.mapped)
    assert works(rig.vif(3).connect(), two)
