"""A controller as an uplink: packets finished on their way out, a bound on what waits, every drop counted."""

import pytest

from actors.abi.network_controller import DescriptorStatus
from actors.drivers.nic_driver import NIC_LOST
from actors.drivers.uplink import BACKLOG_FRAMES, Uplink
from actors.network.packet import Packet
from tests.drivers.driver_and_nic import MAC, PEER, Pair, ethernet
from tests.network.test_wire_frames import parsed, tcp

BUFFERS = range(80, 90)


class Joined:
    """A driver and a controller on whose wire frames are kept."""

    def __init__(self, buffers: int = 10, queues: int = 1, **argument: object) -> None:
        self.pair = Pair(buffers=16 * queues, queues=queues, **argument)
        self.uplink = Uplink(self.pair.driver, self.pair.memory, queues, BUFFERS[:buffers])
        self.heard: list[Packet] = []
        self.carrier: list[bool] = []
        self.uplink.received = self.heard.append
        self.uplink.carrier = self.carrier.append
        self.pair.start()

    def send(self, *packets: Packet) -> list[bytes]:
        """What is on the wire once all is quiet."""
        for each in packets:
            self.uplink.send(each)
            self.uplink.check()
        self.pair.settle()
        self.uplink.check()
        wire, self.pair.wire[:] = list(self.pair.wire), []
        return wire

    @property
    def drops(self) -> dict[str, int]:
        return {reason: count for reason, count in self.uplink.out_drops.items() if count}


def test_what_is_sent_is_on_the_wire_and_what_comes_is_heard():
    joined = Joined()
    assert joined.carrier == [True]
    assert joined.uplink.mtu == 1500
    assert joined.send(Packet(ethernet(b"out", PEER, MAC))) == [ethernet(b"out", PEER, MAC)]
    joined.pair.hear(ethernet(b"in"))
    assert joined.heard == [Packet(ethernet(b"in"))]
    assert not joined.heard[0].validated
    assert (joined.uplink.statistics().sent_frames, joined.drops) == (1, {})


@pytest.mark.parametrize("queues", [1, 4])
def test_a_large_packet_is_cut_before_it_goes_out(queues: int):
    joined = Joined(queues=queues)
    data = bytes(range(256)) * 100
    wire = joined.send(Packet(tcp(data), 1448, blank=True))
    assert b"".join(bytes(parsed(each).data.data) for each in wire) == data
    assert all(len(each) <= 1514 for each in wire)


def test_a_frame_may_take_several_buffers():
    joined = Joined(mtu=9000)
    long = ethernet(b"0123456789" * 890, PEER, MAC)
    assert joined.send(*[Packet(long)] * 7) == [long] * 7
    joined.pair.hear(ethernet(long))
    assert joined.heard == [Packet(ethernet(long))]


def test_what_finds_no_room_waits_in_order_and_what_is_too_much_is_dropped():
    joined = Joined(buffers=4)
    packets = [Packet(ethernet(number.to_bytes(2) * 30, PEER, MAC)) for number in range(BACKLOG_FRAMES + 10)]
    for each in packets:
        joined.uplink.send(each)
    said = joined.uplink.statistics()
    assert (said.waiting_frames, joined.drops) == (BACKLOG_FRAMES, {"queue-full": 6})
    assert said.waiting_bytes == 74 * BACKLOG_FRAMES

    assert joined.send() == [each.frame for each in packets[: BACKLOG_FRAMES + 4]]
    said = joined.uplink.statistics()
    assert (said.waiting_frames, said.waiting_bytes) == (0, 0)


def test_nothing_overtakes_what_waits_though_there_is_room_again():
    joined = Joined(buffers=4)
    frames = [ethernet(number.to_bytes(2) * 30, PEER, MAC) for number in range(8)]
    for each in frames[:6]:
        joined.uplink.send(Packet(each))
    joined.uplink._free += [BUFFERS[4], BUFFERS[5]]  # as if they came back between two turns
    assert joined.send(*map(Packet, frames[6:])) == frames


def test_a_ring_without_room_keeps_no_buffer():
    joined = Joined(buffers=10)
    while joined.pair.driver.transmit([(90, 0, 60)], lambda _status: None):
        pass
    joined.uplink.send(Packet(ethernet(b"", PEER, MAC)))
    assert joined.uplink.statistics().waiting_frames == 1
    assert len(joined.uplink._free) == 10
    joined.pair.settle()
    assert joined.uplink.statistics().waiting_frames == 0
    assert joined.pair.wire[-1] == ethernet(b"", PEER, MAC)


def test_what_cannot_be_sent_is_counted_by_reason():
    joined = Joined()
    assert joined.send(Packet(ethernet(bytes(1600))), Packet(tcp(b"x" * 100), 1), Packet(b"x")) == []
    assert joined.drops == {"too-long": 1, "bad-offload": 1, "refused": 1}


def test_without_a_carrier_nothing_waits():
    joined = Joined(buffers=1, bits_per_second=1_000)
    for _ in range(5):
        joined.uplink.send(Packet(ethernet(b"", PEER, MAC)))
    joined.pair.end_turn()
    joined.pair.exchange()
    joined.pair.break_it("nic-link-down")
    joined.pair.settle()
    assert joined.carrier == [True, False]
    assert joined.uplink.statistics().waiting_frames == 0

    assert joined.send(Packet(ethernet(b"", PEER, MAC))) == []
    assert joined.drops["no-carrier"] >= 5
    joined.pair.break_it("nic-link-down", active=False)
    joined.pair.at(2_000_000_000)
    assert joined.carrier == [True, False, True]
    joined.pair.wire.clear()
    joined.uplink.send(Packet(ethernet(b"again", PEER, MAC)))
    joined.pair.at(4_000_000_000)
    assert joined.pair.wire == [ethernet(b"again", PEER, MAC)]


def test_what_a_lost_controller_had_is_lost_and_its_buffers_are_not():
    joined = Joined(buffers=3)
    for _ in range(3):
        joined.uplink.send(Packet(ethernet(b"", PEER, MAC)))
    joined.pair.driver.lost()
    assert joined.drops == {"controller-lost": 3}

    joined.pair.bus.clear()
    joined.pair.plug()
    joined.pair.start()
    assert len(joined.send(*[Packet(ethernet(b"", PEER, MAC))] * 3)) == 3


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (NIC_LOST, "controller-lost"),
        (DescriptorStatus.link_down, "no-carrier"),
        (DescriptorStatus.bad_buffer, "refused"),
    ],
)
def test_what_the_controller_says_of_a_frame_is_counted(status: int, reason: str):
    joined = Joined()
    joined.uplink._done([(80, 0, 60)], status)
    assert joined.drops == {reason: 1}
