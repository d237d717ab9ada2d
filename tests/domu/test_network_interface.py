"""A frontend with a stack on top, whose backend is the test."""

from random import Random

import pytest

from actors.abi.interface import XenbusState as S
from actors.abi.netif import RxFlags
from actors.domu.network_interface import NetworkInterface, interface_of
from actors.inet.address import Endpoint, ipv4
from actors.inet.arp import REPLY, REQUEST, ArpPacket, build_arp, parse_arp
from actors.inet.checksum import pseudo_sum, transport_checksum
from actors.inet.ethernet import ARP, BROADCAST, IPV4, frame_header, parse_frame
from actors.inet.icmp import ECHO_REPLY
from actors.inet.ipv4 import ICMP, TCP, parse_ipv4
from tests.vif.frontend_rig import Rig

ROW = {"mac": "00:16:3e:00:00:02", "ip": "10.0.0.2/24", "gateway": "10.0.0.1", "mtu": 1500, "queues": 1}
OURS, THEIRS = bytes.fromhex("00163e000002"), bytes.fromhex("00163e000003")
OUR_IP, THEIR_IP = ipv4("10.0.0.2"), ipv4("10.0.0.3")


class Guest(Rig):
    """A guest that is connected, and the frames that it has sent since it was asked last."""

    def __init__(self, row=ROW, **features):
        self.row = row
        super().__init__(**features)
        self.bring_to(S.Connected)

    def begin(self):
        self.interface = NetworkInterface(self.guest.kernel.threads, self.front, self.row, Random(1))
        return self.interface.connect()

    def frames(self):
        self.world.run()
        frames = self.sent()
        self.answer_all()
        return frames

    def hear(self, frame, flags=0):
        self.fill((frame, flags))

    def introduce(self, address, mac):
        """Somebody is known."""
        self.interface.stack.network.neighbours.heard(address, mac, 0, answer=True, create=True)


@pytest.fixture
def guest():
    return Guest()


def arp_of(frame):
    return parse_arp(parse_frame(frame).payload)


def test_it_announces_itself_when_the_backend_is_connected_and_each_time_after(guest):
    assert guest.connected.done
    (frame,) = guest.frames()
    assert parse_frame(frame).destination == BROADCAST
    packet = arp_of(frame)
    assert (packet.operation, packet.sender, packet.target) == (REQUEST, OUR_IP, OUR_IP)
    guest.back(S.Connected)
    assert [arp_of(each).target for each in guest.frames()] == [OUR_IP]
    guest.back(S.InitWait, "2")
    assert guest.sent() == []
    guest.back(S.Connected)
    assert [arp_of(each).target for each in guest.frames()] == [OUR_IP]


def test_who_asks_for_it_gets_an_answer(guest):
    guest.frames()
    request = ArpPacket(REQUEST, THEIRS, THEIR_IP, bytes(6), OUR_IP)
    guest.hear(frame_header(BROADCAST, THEIRS, ARP) + build_arp(request))
    (frame,) = guest.frames()
    packet = arp_of(frame)
    assert (packet.operation, packet.sender_mac, packet.target_mac) == (REPLY, OURS, THEIRS)


def test_a_deadline_of_the_stack_wakes_the_guest(guest):
    guest.frames()
    guest.interface.stack.icmp.echo(ipv4("10.0.0.9"), 1, 1, b"x", 0)
    assert len(guest.frames()) == 1
    assert guest.guest.kernel.next_deadline_ns() == 1_000_000_000
    guest.world.advance(1_000_000_000)
    assert len(guest.frames()) == 1


def test_what_a_backend_can_do_is_what_the_stack_leaves_to_it(guest):
    guest.frames()
    guest.introduce(THEIR_IP, THEIRS)
    connection = guest.interface.stack.tcp.connect(Endpoint(THEIR_IP, 80), lambda *_: None, 0)
    assert connection is not None
    guest.world.run()
    (slot,) = guest.slots()
    assert slot[2] == 3, "the checksum is blank"
    assert parse_ipv4(parse_frame(guest.frames()[0]).payload).protocol == TCP


def test_an_interface_is_as_its_row_says():
    interface = interface_of(ROW)
    assert (interface.mac, interface.address, interface.prefix) == (OURS, OUR_IP, 24)
    assert (interface.gateway, interface.mtu) == (ipv4("10.0.0.1"), 1500)
    assert interface_of({**ROW, "gateway": ""}).gateway is None


def test_what_a_backend_cannot_do_is_done_before():
    guest = Guest(feature_gso_tcpv4="0", feature_no_csum_offload="1")
    guest.frames()
    guest.introduce(THEIR_IP, THEIRS)
    assert guest.interface.stack.tcp.connect(Endpoint(THEIR_IP, 80), lambda *_: None, 0) is not None
    guest.world.run()
    assert guest.slots()[0][2] == 0
    packet = parse_ipv4(parse_frame(guest.frames()[0]).payload)
    pseudo = pseudo_sum(OUR_IP, THEIR_IP, TCP, len(packet.payload))
    assert transport_checksum(pseudo, bytes(packet.payload)) == 0


def test_a_ping_is_answered(guest):
    guest.frames()
    other = Guest({**ROW, "mac": "00:16:3e:00:00:03", "ip": "10.0.0.3/24"})
    other.frames()
    guest.introduce(THEIR_IP, THEIRS)
    other.introduce(OUR_IP, OURS)
    other.interface.stack.icmp.echo(OUR_IP, 7, 1, b"hello", 0)
    (request,) = other.frames()
    guest.hear(request, int(RxFlags.DATA_VALIDATED))
    (reply,) = guest.frames()
    packet = parse_ipv4(parse_frame(reply).payload)
    assert (parse_frame(reply).ethertype, packet.protocol, packet.payload[0]) == (IPV4, ICMP, ECHO_REPLY)
    assert packet.destination == THEIR_IP
