"""Each act, begun and taken away on a board with two guests: the effects, and what is refused."""

from collections.abc import Callable

import pytest

from actors.messages import Fault, PowerFails
from actors.runtime.link_rules import ALTER, DELAY, LinkRule
from actors.runtime.machine import Connect, Disconnect, Disturb, Effect, Freeze, Kill, Send, Slow, Thaw
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.performer import NOT_RUNNING, FaultPerformer
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.faults.kinds import FAULT_KINDS

DISK, DOM0, WEB = "host0/sda", "host0/dom0", "host0/dom1"
HYPERVISOR, IOAPIC = "host0/hypervisor", "host0/ioapic"
VBD = {"domid": 1, "virtual_device": 51712}


class Bench:
    """A performer with one host, whose domains run since 5 ns."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.effects: list[Effect] = []
        self.board = HostBoard(cluster.hosts[0], self.effects.append, lambda _change: None)
        self.board.power_on()
        for domid, name in enumerate(("dom0", "web-0")):
            self.board.domains.by_domid[domid] = DomainProcess(domid, 1, name, f"host0/dom{domid}", 5)
            self.board._running.add(f"host0/dom{domid}")
        self.performer = FaultPerformer({"host0": self.board}, self.effects.append)
        self.effects.clear()
        self.number = 0

    def trouble(self, kind: str, target: str) -> str:
        return self.performer.trouble(FAULT_KINDS[kind], "host0", target)

    def begin(self, kind: str, target: str, **options: object) -> Injection:
        assert not self.trouble(kind, target)
        self.number += 1
        injection = Injection(self.number, kind, "host0", target, 7, lives={target: 5})
        injection.options = {"probability": 1.0, "seed": "s", **options}
        self.effects.clear()
        self.performer.begin(injection)
        return injection

    def end(self, injection: Injection) -> bool:
        self.effects.clear()
        return self.performer.end(injection)


@pytest.fixture
def bench(load: Callable[..., ResolvedCluster]) -> Bench:
    return Bench(load())


def told(whom: str, kind: str, *, active: bool, **options: object) -> Send:
    return Send(whom, Fault(1, kind, active, {"probability": 1.0, "seed": "s", **options}))


def rule(action: str, **what: object) -> list[LinkRule]:
    return [LinkRule(action, **what)]


ACTS = [
    ("crash", "web-0", {}, [Kill(WEB)], []),
    ("hang", "web-0", {}, [Freeze(WEB)], [Thaw(WEB)]),
    ("toolstack-kill", "dom0", {}, *([told(DOM0, "toolstack-kill", active=on)] for on in (True, False))),
    ("xenstored-kill", "xenstored", {}, [told(DOM0, "xenstored-kill", active=True)], []),
    ("disk-stall", "sda", {}, *([told(DISK, "disk-stall", active=on)] for on in (True, False))),
    (
        "slow",
        "dom0",
        {"factor": 3.0},
        [Slow(DOM0, 3.0)],
        [Slow(DOM0, 1.0)],
    ),
    (
        "slow",
        "sda",
        {"factor": 3.0},
        [Slow(DISK, 3.0), told(DISK, "slow", active=True, factor=3.0)],
        [Slow(DISK, 1.0), told(DISK, "slow", active=False, factor=3.0)],
    ),
    (
        "link-delay",
        "hypervisor:web-0",
        {"delay_ns": 4, "jitter_ns": 2, "messages": ["Upcall"]},
        [Disturb(HYPERVISOR, "dom1", rule(DELAY, messages=("Upcall",), delay_ns=4, jitter_ns=2), "s")],
        [Disturb(HYPERVISOR, "dom1", [], "without 1")],
    ),
    (
        "evtchn-lost",
        "web-0",
        {},
        [Disturb(HYPERVISOR, "dom1", rule(ALTER, messages=("Upcall",), fields={"ports": []}), "s")],
        [Disturb(HYPERVISOR, "dom1", [], "without 1")],
    ),
    (
        "frontend-disconnect",
        "web-0/xvda",
        {},
        *([told(WEB, "frontend-disconnect", active=on, **VBD)] for on in (True, False)),
    ),
    (
        "block-detach",
        "web-0/xvda",
        {},
        *([told(DOM0, "block-detach", active=on, **VBD)] for on in (True, False)),
    ),
    (
        "backend-malformed-response",
        "web-0/xvda",
        {},
        *([told(DOM0, "backend-malformed-response", active=on, **VBD)] for on in (True, False)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "target", "options", "begun", "ended"), ACTS, ids=[f"{each[0]} of {each[1]}" for each in ACTS]
)
def test_an_act_is_begun_and_taken_away_by_effects(
    bench: Bench, kind: str, target: str, options: dict[str, object], begun: list[Effect], ended: list[Effect]
) -> None:
    injection = bench.begin(kind, target, **options)
    assert bench.effects == begun
    assert bench.end(injection)
    assert bench.effects == ended


def test_all_rules_of_a_link_are_taken_off_it_at_once(bench: Bench) -> None:
    bench.begin("link-drop", "web-0:hypervisor")
    bench.begin("link-duplicate", "web-0:hypervisor")
    bench.begin("link-heal", "web-0:hypervisor")
    assert bench.effects == [Disturb(WEB, "xen", [], "")]
    bench.begin("link-heal", "web-0:hypervisor")
    assert bench.effects == []


def test_only_a_disk_that_tears_is_told_that_the_power_fails(bench: Bench) -> None:
    bench.begin("disk-lying-flush", "sda")
    bench.begin("host-power-loss", "")
    assert bench.effects == [Kill(each) for each in (DOM0, WEB, HYPERVISOR, IOAPIC, DISK)]

    bench.board.state.power = "on"
    bench.begin("disk-torn-write", "sda")
    bench.begin("host-power-loss", "")
    assert bench.effects == [
        *(Kill(each) for each in (DOM0, WEB, HYPERVISOR, IOAPIC)),
        Send(DISK, PowerFails()),
    ]


def test_power_comes_back_when_all_is_off_and_a_disk_is_broken_again(bench: Bench) -> None:
    bench.begin("disk-stall", "sda")
    loss = bench.begin("host-power-loss", "")
    assert not bench.end(loss)
    for address in (DOM0, WEB, HYPERVISOR, IOAPIC, DISK):
        bench.board.ended(address, 9, 8)
    assert bench.end(loss)
    assert bench.effects[-1] == told(DISK, "disk-stall", active=True)


def test_a_disk_is_attached_again_by_the_next_dom0_if_there_is_none_now(bench: Bench) -> None:
    injection = bench.begin("block-detach", "web-0/xvda")
    bench.board.ended(DOM0, 9, 8)
    assert not bench.end(injection)
    injection.ended_at_ns = 9
    bench.board.domains.by_domid[0] = DomainProcess(0, 2, "dom0", DOM0, 10)
    bench.board._running.add(DOM0)
    bench.performer.started("host0", 0)
    assert bench.effects == [told(DOM0, "block-detach", active=False, **VBD)]


def test_a_later_life_of_a_domain_is_not_what_hangs(bench: Bench) -> None:
    injection = bench.begin("hang", "web-0")
    bench.board.domains.by_domid[1] = DomainProcess(1, 2, "web-0", WEB, 9, state="hung")
    assert bench.end(injection)
    assert bench.effects == []


@pytest.mark.parametrize(
    ("kind", "target"),
    [("crash", "web-1"), ("link-drop", "web-1:hypervisor"), ("frontend-disconnect", "web-1/xvda")],
)
def test_what_does_not_run_cannot_be_broken(bench: Bench, kind: str, target: str) -> None:
    assert bench.trouble(kind, target) == NOT_RUNNING


def test_power_that_is_off_cannot_be_lost(bench: Bench) -> None:
    bench.begin("host-power-loss", "")
    assert bench.trouble("host-power-loss", "") == "its power is off"


def test_the_death_of_a_store_that_has_a_domain_is_a_kill_unless_it_is_planned(
    load: Callable[..., ResolvedCluster],
) -> None:
    keeping = "    xenstore: {domain: stubdom, restart: live-update}\n    memory: 1GiB"
    bench = Bench(load(("    memory: 1GiB", keeping)))
    bench.board.domains.by_domid[2] = DomainProcess(2, 1, "xenstore", "host0/dom2", 5)
    bench.board._running.add("host0/dom2")
    bench.begin("xenstored-kill", "xenstored")
    assert bench.effects == [Kill("host0/dom2")]
    bench.begin("xenstored-live-update", "xenstored")
    (effect,) = bench.effects
    assert isinstance(effect, Send)
    assert effect.link == "host0/dom2"


CUT = [Disconnect(DOM0, "events/1"), Disconnect(WEB, "events/0")]
MADE = [Connect(DOM0, "events/1", WEB, "events/0")]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("evtchn-lost", "web-0"),
        ("link-delay", "hypervisor:web-0"),
        ("link-delay", "dom0:hypervisor"),
        ("slow", "hypervisor"),
    ],
)
def test_events_go_by_the_hypervisor_before_something_breaks_there_and_until_it_is_whole(bench, kind, target):
    bench.board.event_links.join(1, 0)
    injection = bench.begin(kind, target, delay_ns=9, factor=2.0)
    assert bench.effects[:2] == CUT
    assert isinstance(bench.effects[2], Disturb | Slow)
    bench.end(injection)
    assert [each for each in bench.effects if not isinstance(each, Disturb | Slow)] == MADE


def test_what_breaks_elsewhere_does_not_concern_events(bench):
    bench.board.event_links.join(1, 0)
    for target in ("sda:dom0", "hypervisor:ioapic"):
        bench.begin("link-delay", target, delay_ns=9)
        assert len(bench.effects) == 1
    bench.begin("slow", "dom0", factor=2.0)
    assert len(bench.effects) == 1


def test_two_rules_of_a_link_have_to_end_before_events_go_directly_again(bench):
    bench.board.event_links.join(1, 0)
    one, other = (bench.begin("link-delay", "hypervisor:web-0", delay_ns=9) for _ in range(2))
    bench.end(one)
    assert len(bench.effects) == 1
    bench.end(other)
    assert bench.effects[1:] == MADE


def test_a_heal_lets_events_go_directly_again(bench):
    bench.board.event_links.join(1, 0)
    bench.begin("link-delay", "hypervisor:web-0", delay_ns=9)
    bench.begin("link-heal", "hypervisor:web-0")
    assert bench.effects[1:] == MADE
