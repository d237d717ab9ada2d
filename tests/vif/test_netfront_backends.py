"""A network frontend whose backend begins anew, resumes, changes its mind, or is left."""

from random import Random

import pytest

from actors.abi.interface import XenbusState as S
from actors.network.packet import Packet
from actors.vif.front_queue import RX_BUFFERS, TX_FRAMES
from tests.vif.frontend_rig import Rig


def frame_of(size, seed=0):
    return Random(seed).randbytes(size)


@pytest.fixture
def rig():
    return Rig().bring_to(S.Connected)


def test_its_keys_are_written_in_the_order_of_linux_6_1():
    rig = Rig()
    written, write = [], rig.world.store.write
    rig.world.store.write = lambda path, value: (written.append(path.rpartition("/")[2]), write(path, value))
    rig.back(S.InitWait, "1")
    assert written[1:] == [
        *("multi-queue-num-queues", "tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx"),
        *("request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6"),
        *("feature-ipv6-csum-offload", "invitation", "state"),
    ]


def test_a_backend_that_begins_anew_gets_new_rings_and_what_was_in_flight_is_lost(rig):
    rig.send(frame_of(9000))
    for each in range(TX_FRAMES + 5):
        rig.send(frame_of(60, each))
    waiting = rig.front.statistics().waiting
    granted = rig.guest.kernel.grants.granted
    rig.back(S.InitWait, "2")
    assert (rig.key("state"), rig.key("invitation"), rig.front.reconnects) == ("4", "2", 1)
    assert rig.slots() == []
    assert len(rig.posted()) == RX_BUFFERS
    rig.back(S.Connected)
    assert len(rig.sent()) == waiting
    assert rig.front.statistics().lost == TX_FRAMES
    assert rig.guest.kernel.grants.granted == granted
    assert rig.announced == 2
    rig.fill((frame_of(60), 0))
    assert rig.packets == [Packet(frame_of(60))]


def test_a_stock_frontend_ignores_a_backend_that_begins_anew():
    rig = Rig("stock-linux").bring_to(S.Connected)
    ref = rig.key("tx-ring-ref")
    rig.back(S.InitWait, "2")
    assert (rig.key("invitation"), rig.key("tx-ring-ref"), rig.front.reconnects) == ("1", ref, 0)


def test_a_backend_that_resumes_finds_everything_as_it_was(rig):
    ref = rig.key("rx-ring-ref")
    rig.send(frame_of(60))
    rig.world.nodes["/local/domain/0/backend/vif/1/0/reconnect"] = "resume"
    rig.back(S.InitWait, "2")
    assert (rig.key("rx-ring-ref"), rig.key("invitation")) == (ref, "1")
    rig.back(S.Connected)
    rig.answer_all()
    assert (rig.front.in_flight, rig.front.statistics().lost, rig.announced) == (0, 0, 2)


def test_a_backend_with_fewer_features_and_queues_is_offered_less():
    rig = Rig(queues=2).bring_to(S.Connected)
    rig.tell(multi_queue_max_queues=None, feature_split_event_channels=None)
    granted = rig.guest.kernel.grants.granted
    rig.back(S.InitWait, "2")
    rig.back(S.Connected)
    assert rig.front.statistics().queues == 1
    assert rig.guest.kernel.grants.granted == granted // 2
    assert len(rig.guest.ports) == 1


def test_who_closes_gives_everything_back(rig):
    rig.send(frame_of(9000))
    rig.world.spawn(rig.guest, rig.front.disconnect())
    rig.world.run()
    rig.back(S.Closing)
    rig.back(S.Closed)
    assert (rig.guest.ports, rig.guest.kernel.grants.granted) == ({}, 0)
    assert not rig.front.send(Packet(frame_of(60)))
