"""The bridge of a domain: who is told of which packet, and what is counted."""

import pytest

from actors.drivers.driven_bridge import DEFAULT_MTU, DrivenBridge
from actors.network.bridge_statistics import UplinkStatistics
from actors.network.packet import Packet
from tests.network.frames import BROADCAST, MACS, frame


class Wire:
    """An uplink that keeps what it is given."""

    def __init__(self, mtu: int = 9000) -> None:
        self.mtu = mtu
        self.sent: list[Packet] = []
        self.out_drops = {"queue-full": 3}

    def send(self, packet: Packet) -> None:
        self.sent.append(packet)

    def statistics(self) -> UplinkStatistics:
        return UplinkStatistics(1, 0, 0, 0, len(self.sent), 0)


class Host:
    """A bridge with an uplink and two interfaces; `heard` has what each of these was given."""

    def __init__(self, **protection: object) -> None:
        self.now_ns = 0
        self.bridge = DrivenBridge("xenbr0", lambda: self.now_ns)
        self.wire = Wire()
        self.uplink = self.bridge.add_uplink("eth0", self.wire)
        self.bridge.set_carrier("eth0", up=True)
        self.heard: list[list[Packet]] = [[], []]
        self.vifs = [
            self.bridge.join(
                f"vif{number}.0", self.heard[number].append, **(protection if number == 0 else {})
            )
            for number in range(2)
        ]


def test_a_packet_crosses_between_two_guests_as_it_is():
    host = Host()
    host.vifs[1].send(Packet(frame(BROADCAST, MACS[1])))
    packet = Packet(frame(MACS[1], MACS[0]) + bytes(60_000), 1448, blank=True, validated=True)
    host.vifs[0].send(packet)

    assert host.heard[1] == [packet]
    assert host.heard[1][0] is packet
    assert len(host.wire.sent) == 1, "the broadcast alone"
    assert len(host.heard[0]) == 1


def test_who_is_not_known_is_looked_for_everywhere_but_where_it_was_asked_for():
    host = Host()
    host.vifs[0].send(Packet(frame(MACS[2], MACS[0])))
    assert (len(host.heard[0]), len(host.heard[1]), len(host.wire.sent)) == (0, 1, 1)

    host.uplink.send(Packet(frame(MACS[0], MACS[2])))
    host.vifs[0].send(Packet(frame(MACS[2], MACS[0])))
    assert (len(host.heard[0]), len(host.heard[1]), len(host.wire.sent)) == (1, 1, 2)


def test_an_uplink_without_a_carrier_gets_nothing():
    host = Host()
    host.bridge.set_carrier("eth0", up=False)
    host.vifs[0].send(Packet(frame(BROADCAST, MACS[0])))
    assert host.wire.sent == []


def test_protected_interfaces_send_from_their_own_addresses_only():
    host = Host(macs=[MACS[0]], ips=["10.0.0.1"])
    host.vifs[0].send(Packet(frame(BROADCAST, MACS[3])))
    host.vifs[1].send(Packet(frame(BROADCAST, MACS[0])))

    assert host.heard == [[], []]
    ports = host.bridge.statistics().ports
    assert ports["vif0.0"].in_drops["source-mac"] == 1
    assert ports["vif1.0"].in_drops["source-of-another-port"] == 1


def test_names_and_addresses_that_are_taken_are_refused():
    host = Host(macs=[MACS[0]])
    with pytest.raises(ValueError, match=r"vif0\.0"):
        host.bridge.join("vif0.0", host.heard[0].append)
    with pytest.raises(ValueError, match="another port"):
        host.bridge.join("vif7.0", host.heard[0].append, macs=[MACS[0]])
    with pytest.raises(ValueError, match="without a MAC"):
        host.bridge.join("vif7.0", host.heard[0].append, ips=["10.0.0.1"])
    assert list(host.bridge.statistics().ports) == ["eth0", "vif0.0", "vif1.0"]


def test_who_has_left_hears_and_says_nothing_and_can_come_again():
    host = Host(macs=[MACS[0]])
    host.vifs[0].leave()
    host.vifs[0].leave()
    host.vifs[0].send(Packet(frame(BROADCAST, MACS[0])))
    host.vifs[1].send(Packet(frame(BROADCAST, MACS[1])))
    assert host.heard == [[], []]

    again = host.bridge.join("vif0.0", host.heard[0].append, macs=[MACS[0]])
    again.send(Packet(frame(BROADCAST, MACS[0])))
    host.vifs[0].send(Packet(frame(BROADCAST, MACS[0])))
    assert (len(host.heard[1]), len(host.wire.sent)) == (1, 2), "the port of a life before is not this one"


def test_all_is_counted_by_port():
    host = Host()
    host.vifs[0].send(Packet(frame(BROADCAST, MACS[0])))
    host.vifs[0].send(Packet(b"short"))
    said = host.bridge.statistics()

    vif0, vif1, eth0 = (said.ports[name] for name in ("vif0.0", "vif1.0", "eth0"))
    assert (vif0.in_frames, vif0.in_bytes, vif0.out_frames) == (2, 65, 0)
    assert (vif1.out_frames, vif1.out_bytes, eth0.out_frames) == (1, 60, 1)
    assert vif0.in_drops["too-short"] == 1
    assert (eth0.out_drops, vif0.out_drops) == ({"queue-full": 3}, {})
    assert (said.stations, said.flooded, said.uplinks["eth0"].sent_frames) == (1, 0, 1)


def test_the_mtu_is_that_of_the_uplinks():
    bridge = DrivenBridge("xenbr0", lambda: 0)
    assert bridge.mtu == DEFAULT_MTU
    bridge.add_uplink("eth0", Wire(9000))
    bridge.add_uplink("eth1", Wire(4000))
    bridge.add_uplink("eth2", Wire(0))
    assert bridge.mtu == 4000
