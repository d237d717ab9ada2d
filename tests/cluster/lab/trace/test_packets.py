"""The way of a packet, from the points it met."""

import pytest

from actors.abi.packet_trace import PacketPoint
from actors.abi.trace import TracePoint
from actors.network.packet_mark import ARP
from cluster.lab.trace import packets as module
from cluster.lab.trace.packets import PacketPaths, TracedPacket, packets
from cluster.lab.trace.recording import Point

TCP = 6
MARK = 0xABCD
ALL = list(PacketPoint)
LOCAL = [PacketPoint.FRONT_SEND, PacketPoint.BACK_TAKE, PacketPoint.BACK_GIVE, PacketPoint.FRONT_TAKE]


class Path:
    """Writes the points of packets, in the order in which they happen."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def at(self, address: str, point: PacketPoint, a: int = 0, b: int = 0, c: int = MARK, d: int = 0) -> None:
        self.points.append(Point(len(self.points) * 10, address, int(point), a, b, c, d))

    def send(self, guest: str = "h/dom1", *, slot: int = 3, mark: int = MARK) -> None:
        self.at(guest, PacketPoint.FRONT_SEND, TCP, slot, mark, 60)

    def take(self, guest: int = 1, *, slot: int = 3, mark: int = MARK, host: str = "h") -> None:
        self.at(f"{host}/dom0", PacketPoint.BACK_TAKE, 0, slot, mark, guest)

    def out(self, host: str = "h", *, mark: int = MARK) -> None:
        self.at(f"{host}/dom0", PacketPoint.UPLINK_SEND, c=mark)
        self.at(f"{host}/eth0", PacketPoint.NIC_SEND, TCP, c=mark, d=60)

    def back(self, host: str = "i", *, mark: int = MARK) -> None:
        self.at(f"{host}/eth0", PacketPoint.NIC_RECEIVE, TCP, c=mark, d=60)
        self.at(f"{host}/dom0", PacketPoint.UPLINK_TAKE, c=mark)

    def give(self, host: str = "i", guest: int = 2, *, mark: int = MARK) -> None:
        self.at(f"{host}/dom0", PacketPoint.BACK_GIVE, c=mark, d=guest)
        self.at(f"{host}/dom{guest}", PacketPoint.FRONT_TAKE, c=mark)

    def whole(self, *, mark: int = MARK) -> None:
        self.send(mark=mark)
        self.take(mark=mark)
        self.out(mark=mark)
        self.back(mark=mark)
        self.give(mark=mark)

    def packets(self) -> list[TracedPacket]:
        paths = PacketPaths()
        paths.take(self.points)
        return paths.packets


@pytest.fixture
def path() -> Path:
    return Path()


def way(packet: TracedPacket) -> list[PacketPoint]:
    return [PacketPoint(each.number) for each in packet.hops]


def test_a_packet_goes_to_another_host(path: Path) -> None:
    path.whole()
    (packet,) = path.packets()

    assert way(packet) == ALL
    assert (packet.name, packet.guest, packet.submitted_ns) == ("TCP", "h/dom1", 0)
    assert packet.told == {"bytes": 60, "arrived": True, "last seen": "i/dom2"}
    assert packet.done_ns == path.points[-1].time_ns
    assert set(packet.phases) == set(ALL) >= set(packet.arrows)


def test_a_packet_to_a_guest_of_the_same_host_meets_no_wire(path: Path) -> None:
    path.send()
    path.take()
    path.give("h")
    (packet,) = path.packets()

    assert way(packet) == LOCAL


def test_the_points_of_packets_are_no_block_requests() -> None:
    assert {int(each) for each in PacketPoint}.isdisjoint(map(int, TracePoint))


def test_points_of_another_class_are_passed_over(path: Path) -> None:
    path.whole()
    path.points.insert(2, Point(15, "h/dom0", int(TracePoint.DISK_SUBMIT), 0, 3, MARK, 1))
    (packet,) = path.packets()

    assert way(packet) == ALL


def test_a_slot_is_used_again(path: Path) -> None:
    path.whole()
    path.whole(mark=5)

    assert [way(each) for each in path.packets()] == [ALL, ALL]


def test_what_a_dead_backend_has_not_taken_ends_in_the_ring(path: Path) -> None:
    path.send(mark=4)
    path.whole(mark=5)
    lost, came = path.packets()

    assert way(lost) == [PacketPoint.FRONT_SEND]
    assert lost.told["arrived"] is False
    assert lost.done_ns == lost.submitted_ns
    assert way(came) == ALL


def test_one_that_is_lost_on_the_wire_does_not_take_the_way_of_the_next_one_like_it(path: Path) -> None:
    path.send()
    path.take()
    path.out()
    path.send(slot=4)
    path.take(slot=4)
    path.out()
    path.back()
    path.give()
    lost, came = path.packets()

    assert way(lost)[-1] == PacketPoint.NIC_SEND
    assert lost.told["last seen"] == "h/eth0"
    assert way(came) == ALL


def test_guests_with_the_same_slots_are_told_apart(path: Path) -> None:
    path.send("h/dom1", mark=4)
    path.send("h/dom2", mark=5)
    path.take(2, mark=5)
    path.take(1, mark=4)

    assert [(each.mark, len(each.hops)) for each in path.packets()] == [(4, 2), (5, 2)]


def test_one_for_everybody_is_followed_to_where_it_comes_first(path: Path) -> None:
    path.send()
    path.take()
    path.at("h/dom0", PacketPoint.UPLINK_SEND)
    path.give("h", 2)
    path.at("h/eth0", PacketPoint.NIC_SEND, ARP)
    path.back("i")
    path.back("j")
    path.give("j", 7)
    path.give("i", 2)
    path.give("i", 3)
    (packet,) = path.packets()

    assert way(packet) == ALL
    assert packet.hops[-1].address == "i/dom2"


def test_a_frame_does_not_come_back_to_who_has_sent_it(path: Path) -> None:
    path.send()
    path.take()
    path.out()
    path.back("h")
    (packet,) = path.packets()

    assert way(packet)[-1] == PacketPoint.NIC_SEND


def test_a_guest_takes_what_was_given_to_it_alone(path: Path) -> None:
    path.send()
    path.take()
    path.at("h/dom0", PacketPoint.BACK_GIVE, d=2)
    path.at("h/dom3", PacketPoint.FRONT_TAKE)
    (packet,) = path.packets()

    assert way(packet)[-1] == PacketPoint.BACK_GIVE


def test_what_comes_from_outside_begins_at_the_controller(path: Path) -> None:
    path.back()
    path.give()
    (packet,) = path.packets()

    assert packet.guest == "i/eth0"
    assert way(packet) == ALL[4:]
    assert packet.told["arrived"]


def test_segments_behind_the_first_are_nobodys(path: Path) -> None:
    path.send()
    path.take()
    path.out()
    for segment in (7, 8):
        path.at("h/eth0", PacketPoint.NIC_SEND, TCP, c=segment)
    for mark in (MARK, 7, 8):
        path.back(mark=mark)
        path.give(mark=mark)
    (packet,) = path.packets()

    assert way(packet) == ALL


@pytest.mark.parametrize(("count", "drawn", "one_of"), [(5, 5, 1), (6, 3, 2), (11, 4, 3)])
def test_of_very_many_each_nth_is_drawn_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, count: int, drawn: int, one_of: int
) -> None:
    monkeypatch.setattr(module, "DRAWN_MAX", 5)
    for mark in range(count):
        path.send(mark=mark)
    found = packets(None, path.points)  # type: ignore[arg-type]

    assert len(found) == drawn
    assert {each.told.get("one of", 1) for each in found} == {one_of}


@pytest.mark.parametrize(
    ("kind", "name"), [(1, "ICMP"), (17, "UDP"), (ARP, "ARP"), (47, "protocol 47"), (511, "frame")]
)
def test_a_packet_is_called_after_what_it_is(path: Path, kind: int, name: str) -> None:
    path.at("h/dom1", PacketPoint.FRONT_SEND, kind)
    assert path.packets()[0].name == name
