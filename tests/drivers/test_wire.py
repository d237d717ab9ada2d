"""Two drivers, their controllers, and the switch between them, with and without rules on the wires."""

from random import Random

import pytest

from actors.devices.switch import Switch
from actors.messages import EthernetFrame, Fault
from actors.runtime.link_rules import DROP, DUPLICATE, LinkRule, LinkRules
from actors.runtime.machine import DeadlinePassed, LinkOpened, Received
from tests.drivers.driver_and_nic import DATA, Pair, ethernet

MACS = [bytes.fromhex(f"00163e0000{number:02x}") for number in range(2)]
NAMES = ("host0/eth0", "host1/eth0")


class Cluster:
    """Two hosts; `rules` break what each sends into its wire."""

    def __init__(self, *rules: LinkRule, **port) -> None:
        self.switch = Switch({"ports": [{"name": name, **port} for name in NAMES]})
        self.hosts = [Pair(mac=mac.hex(":"), buffers=64) for mac in MACS]
        self.rules = [LinkRules(rules, Random(number)) for number in range(2)]
        self.now_ns = 0
        self.to_switch(*(LinkOpened(name) for name in NAMES))
        for host in self.hosts:
            host.start()

    def to_switch(self, *events) -> None:
        effects = [effect for event in events for effect in self.switch.handle(event, self.now_ns)]
        for effect in [*effects, *self.switch.end_turn(self.now_ns)]:
            if getattr(effect, "link", None) in NAMES:
                self.hosts[NAMES.index(effect.link)].give(Received("wire", effect.message))
        self.switch.check()

    def settle(self) -> None:
        """Until nothing is under way."""
        while True:
            for name, host, rules in zip(NAMES, self.hosts, self.rules, strict=True):
                host.settle()
                sent, host.wire = host.wire, []
                copies = [copy for data in sent for copy in rules.decide(EthernetFrame(data))]
                self.to_switch(*(Received(name, copy.message) for copy in copies))
            due = self.switch.next_deadline_ns()
            if due is None and not any(host.wire or host.pending for host in self.hosts):
                return
            if due is not None:
                self.now_ns = max(self.now_ns, due)
                self.to_switch(DeadlinePassed())

    def talk(self, count: int) -> tuple[list[bytes], list[bytes]]:
        """Each host sends the other one so many frames; what they heard."""
        for number in range(count):
            for source, host in enumerate(self.hosts):
                host.send(ethernet(number.to_bytes(2) * 30, MACS[1 - source], MACS[source]))
                self.settle()
        return self.hosts[0].frames, self.hosts[1].frames


def numbers(frames: list[bytes]) -> list[int]:
    return [int.from_bytes(frame[14:16]) for frame in frames]


@pytest.mark.parametrize("port", [{}, {"bits_per_second": 10_000_000_000, "latency_ns": 20_000}])
def test_hosts_hear_what_the_other_one_says(port):
    first, second = Cluster(**port).talk(50)
    assert numbers(first) == numbers(second) == list(range(50))
    assert {frame[6:12] for frame in first} == {MACS[1]}


def test_a_rule_of_a_wire_strikes_frames_one_by_one():
    cluster = Cluster(LinkRule(DROP, 0.3, ("EthernetFrame",)), LinkRule(DUPLICATE, 0.1))
    for turn in range(5):
        for number in range(20 * turn, 20 * turn + 20):
            frame = ethernet(number.to_bytes(2) * 30, MACS[1], MACS[0])
            cluster.hosts[0].send(frame, mfn=DATA + number % 20)
        cluster.settle()
    heard = numbers(cluster.hosts[1].frames)
    assert heard == sorted(heard)
    assert 50 < len(set(heard)) < 90, "of one turn some come, and some do not"
    assert len(heard) > len(set(heard))


def test_a_partition_of_the_switch_lasts_until_it_is_over():
    cluster = Cluster()
    cluster.to_switch(Received("supervisor", Fault(1, "switch-partition", True, {"ports": [NAMES[0]]})))
    assert cluster.talk(5) == ([], [])
    assert all(host.driver.link_up for host in cluster.hosts), "nobody sees it but by silence"
    cluster.to_switch(Received("supervisor", Fault(1, "switch-partition", False, {})))
    first, second = cluster.talk(5)
    assert numbers(first) == numbers(second) == list(range(5))
