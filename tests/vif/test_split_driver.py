"""Both ends of the network driver: real frontends at a bridge, through the life and death of domain 0."""

from random import Random

import pytest

from actors.abi.interface import XenbusState as S
from actors.drivers.driven_bridge import DrivenBridge
from actors.kernel.xenbus_backend import Served
from actors.network.packet import Packet
from actors.policies import Frontend, Reconnect
from actors.vif.netback import Netback
from actors.vif.netfront import Netfront
from tests.vif.backend_rig import frame, mac
from tests.vif.test_netback import tcp_frame
from tests.xen.split_world import World


class End:
    """A guest with an interface, and its backend."""

    def __init__(self, net, domid, *, policy="reconnect", queues=1):
        self.net, self.domid = net, domid
        self.guest = net.world.boot(domid)
        self.front_path = f"/local/domain/{domid}/device/vif/0"
        self.path = f"/local/domain/0/backend/vif/{domid}/0"
        net.world.nodes |= {
            f"{self.front_path}/backend": self.path,
            f"{self.front_path}/backend-id": "0",
            f"{self.front_path}/state": "1",
            f"{self.path}/frontend": self.front_path,
            f"{self.path}/frontend-id": str(domid),
            f"{self.path}/online": "1",
            f"{self.path}/state": "1",
            f"{self.path}/mac": mac(domid).hex(":"),
        }
        self.packets = []
        self.begin()
        self.front = Netfront(self.guest.kernel, self.guest.store, "device/vif/0", Frontend(policy))
        self.front.queues_wanted = queues
        self.front.on_packet = self.packets.append
        net.world.spawn(self.guest, self.front.connect())
        net.world.run()

    def begin(self):
        served = Served(self.path, self.front_path, self.domid, self.net.policy, early=True)
        self.back = Netback(self.net.dom0.kernel, self.net.dom0.store, served, self.net.bridge)
        self.net.dom0.kernel.threads.spawn("vif", self.back.run())

    def send(self, *packets):
        for packet in packets:
            self.front.send(packet)


class Net:
    """Domain 0 with a bridge, and two guests at it."""

    def __init__(self, policy="renegotiate", **options):
        self.world, self.policy = World(), Reconnect(policy)
        self.boot()
        self.ends = []
        for domid in (1, 2):
            self.ends.append(End(self, domid, **options))

    def boot(self):
        self.dom0 = self.world.boot(0)
        kernel = self.dom0.kernel
        self.bridge = DrivenBridge("xenbr0", lambda: kernel.threads.now_ns)

    def dom0_again(self):
        self.world.kill(self.dom0)
        self.world.xen.now_ns += 1_000_000
        self.boot()
        for end in self.ends:
            self.world.write(f"{end.path}/state", "1")
            end.begin()
        self.world.run()

    def check(self):
        for end in self.ends:
            end.back.check()
            end.front.check()


@pytest.mark.parametrize("queues", [1, 2])
def test_both_ends_connect_and_packets_come_as_they_were(queues):
    net = Net(queues=queues)
    one, two = net.ends
    assert (one.front.state, one.back.state) == (S.Connected, S.Connected)
    statistics = one.back.statistics()
    assert (statistics.queues, statistics.renegotiations, statistics.resumes) == (queues, 0, 0)
    sizes = [14, 60, 1514, 4096, 4097, 30000, 65535]
    packets = [Packet(frame(1, 2, size, bytes([size & 0xFF]))) for size in sizes]
    packets.append(Packet(tcp_frame(1, 2, 20000), 1448, blank=True, validated=True))
    one.send(*packets)
    net.world.run()
    assert sorted(two.packets) == sorted(packets)
    net.check()


def test_a_large_segment_costs_few_hypercalls():
    net = Net()
    one, two = net.ends
    net.world.run()
    calls, before = net.dom0.kernel.copies.calls, net.world.xen.hypercalls
    one.send(*[Packet(tcp_frame(1, 2, 60000), 1448, blank=True, validated=True) for _ in range(3)])
    net.world.run()
    assert len(two.packets) == 3
    assert net.dom0.kernel.copies.calls - calls <= 4
    assert net.world.xen.hypercalls - before <= 12


@pytest.mark.parametrize("policy", ["renegotiate", "resume"])
@pytest.mark.parametrize("seed", range(25))
def test_whenever_dom0_dies_each_packet_comes_once_at_most_and_whole(policy, seed):
    random = Random(seed)
    net = Net(policy, queues=random.choice((1, 2)))
    sent = set()
    for life in range(4):
        for number in range(random.randrange(1, 40)):
            source, target = random.sample((1, 2), 2)
            mark = b"%06d" % (life * 1000 + number)
            packet = Packet(frame(source, target, 20) + mark * random.choice((5, 200, 3000)))
            sent.add(packet)
            net.ends[source - 1].send(packet)
        for _ in range(random.randrange(30)):
            net.world.turn()
        net.dom0_again()
        net.check()
    for source, target in ((1, 2), (2, 1)):
        last = Packet(frame(source, target, 999))
        net.ends[source - 1].send(last)
        net.world.run()
        assert net.ends[target - 1].packets[-1] == last
        found = [each for each in net.ends[target - 1].packets if each != last]
        assert len(found) == len(set(found))
        assert set(found) <= sent


def test_an_interface_that_its_guest_has_closed_is_opened_again():
    net = Net(queues=2)
    one, two = net.ends
    done = net.world.spawn(one.guest, one.front.disconnect(for_good=False))
    net.world.run()
    assert (done.done, one.front.state, one.guest.kernel.grants.granted) == (True, S.Closed, 0)
    one.front.send(Packet(frame(1, 2, 60)))
    one.front.reopen()
    net.world.run()
    assert (one.front.state, one.back.state) == (S.Connected, S.Connected)
    packet = Packet(frame(1, 2, 61))
    one.send(packet)
    net.world.run()
    assert two.packets == [packet], "what was sent while it was closed is dropped"
    net.check()


def test_a_guest_that_goes_leaves_nothing_behind():
    net = Net(queues=2)
    one, _ = net.ends
    done = net.world.spawn(one.guest, one.front.disconnect())
    net.world.run()
    assert done.done
    assert one.back.state is S.Closed
    assert all(domid == 2 for domid, _ in net.world.mapped)
    assert one.guest.kernel.grants.granted == 0


@pytest.mark.parametrize("policy", ["renegotiate", "resume"])
def test_a_backend_that_dies_alone_is_there_again_and_its_neighbours_notice_nothing(policy):
    net = Net(policy)
    one, two = net.ends
    one.send(*[Packet(frame(1, 2, 100 + number)) for number in range(10)])
    assert one.back.restart()
    net.world.run()
    assert one.back.state is one.front.state is S.Connected
    recoveries = one.back.recoveries
    assert (recoveries.resumes, recoveries.renegotiations) == ((1, 0) if policy == "resume" else (0, 1))
    assert one.front.reconnects == (0 if policy == "resume" else 1)
    assert (two.front.reconnects, two.back.recoveries.resumes) == (0, 0)
    last = Packet(frame(1, 2, 999))
    one.send(last)
    net.world.run()
    assert two.packets[-1] == last
    assert len(two.packets) == len(set(two.packets))
    net.check()


def test_a_backend_that_stands_still_takes_and_gives_nothing_until_it_goes_on():
    net = Net()
    one, two = net.ends
    assert one.back.freeze(frozen=True)
    late, lost = Packet(frame(1, 2, 100)), Packet(frame(2, 1, 100))
    one.send(late)
    two.send(lost)
    net.world.run()
    assert (one.packets, two.packets) == ([], [])
    assert one.back.freeze(frozen=False)
    net.world.run()
    assert (one.packets, two.packets) == ([], [late])
    assert one.back.statistics().drops["stalled"] == 1


def test_a_backend_that_serves_nobody_can_neither_die_alone_nor_stand_still():
    net = Net()
    one, _ = net.ends
    net.world.spawn(one.guest, one.front.disconnect())
    net.world.run()
    assert not one.back.restart()
    assert not one.back.freeze(frozen=True)
