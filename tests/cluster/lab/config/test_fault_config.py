"""Faults in a configuration and by hand: what is refused, with its line, and what is made of the rest."""

import re
from collections.abc import Callable
from random import Random

import pytest

from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault, Trigger
from cluster.lab.experiment.breaking.by_hand import fault_by_hand
from cluster.lab.experiment.breaking.selection import choose
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kinds import FAULT_KINDS, OPTIONS

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]

FAULT = "- {kind: crash, target: host0/dom0, at: 2s}"
WRONG = [
    (
        "{kind: disk-eror, target: host0/sda, at: 1s}",
        "kind: there is no fault 'disk-eror'; did you mean disk-error?",
    ),
    (
        "{kind: disk-error, target: host0/dom0, at: 1s}",
        "no target 'host0/dom0' for disk-error; it is done to HOST/DISK; host0/dom0 is for crash, hang,",
    ),
    (
        "{kind: crash, target: host0/xenstored, at: 1s}",
        "host0/xenstored is for xenstored-kill, xenstored-live-update",
    ),
    (
        "{kind: crash, target: host0/xenstore, at: 1s}",
        "xenstored is in dom0 there; xenstored-kill of host0/xenstored, or write xenstore: stubdom",
    ),
    (
        "{kind: crash, target: [], at: 1s}",
        "no target is named; write HOST/dom0, HOST/GUEST, HOST/DRIVER or HOST/xenstore",
    ),
    ("{kind: crash, target: 'host0/db-*', at: 1s}", "no target 'host0/db-*' for crash;"),
    ("{kind: crash, target: host0/sda, at: 1s}", "no target 'host0/sda' for crash;"),
    (
        "{kind: link-drop, target: 'host0/web-0:web-1', at: 1s}",
        "no target 'host0/web-0:web-1' for link-drop; did you mean host0/",
    ),
    (
        "{kind: frontend-disconnect, target: host0/web-0/xvdb, at: 1s}",
        "no target 'host0/web-0/xvdb' for frontend-disconnect; did you mean host0/web-0/xvda?",
    ),
    ("{kind: crash, target: host0/dom0}", "neither at nor when; a fault has one of them: at: 2s"),
    (
        "{kind: crash, target: host0/dom0, at: 1s, when: {fault: 2, state: detected}}",
        "both at and when; a fault has one of them: at: 2s",
    ),
    ("{kind: crash, target: host0/dom0, at: 1s, after: 1s}", "after without when;"),
    (
        "{kind: crash, target: host0/dom0, every: 1s, when: {domain: host0/dom0, state: started}}",
        "every without at;",
    ),
    ("{kind: crash, target: host0/dom0, at: 1s, duration: 1s}", "crash has no duration;"),
    ("{kind: disk-stall, target: host0/sda, at: 1s, duration: 0s}", "a duration of nothing;"),
    ("{kind: crash, target: host0/dom0, at: 1s, probability: 0}", "probability: 0 does not fit here;"),
    ("{kind: crash, target: host0/dom0, at: 1s, probability: 1.5}", "probability: 1.5 does not fit here;"),
    (
        "{kind: disk-stall, target: host0/sda, at: 1s, factor: 2}",
        "disk-stall has no option 'factor'; it has none of its own",
    ),
    (
        "{kind: disk-stall, target: host0/sda, at: 1s, operations: [read]}",
        "disk-stall has no option 'operations'; it has none of its own",
    ),
    ("{kind: disk-error, target: host0/sda, at: 1s, operations: [trim]}", "0: 'trim' is not known;"),
    ("{kind: disk-error, target: host0/sda, at: 1s, operations: []}", "operations: nothing is named;"),
    (
        "{kind: link-drop, target: 'host0/dom0:sda', at: 1s, messages: [Upcal]}",
        "there is no message 'Upcal'; did you mean Upcall?",
    ),
    ("{kind: slow, target: host0/dom0, at: 1s, factor: 1}", "factor: 1 does not fit here;"),
    (
        "{kind: irq-storm, target: host0/sda, at: 1s, interval: 0s}",
        "interval: nothing is not possible here; more than 0ns",
    ),
    (
        "{kind: crash, target: 'host0/web-*', at: 1s, select: some}",
        "select: 'some' selects nothing; one, all, {fixed: 2} or {random: 3}",
    ),
    ("{kind: crash, target: 'host0/web-*', at: 1s, select: {fixed: 3}}", "fixed: 3 of 2 targets; at most 2"),
    ("{kind: crash, target: host0/dom0, at: 6s}", "the last one is due after 6 s, when the run is over;"),
    (
        "{kind: crash, target: host0/dom0, when: {vbd: host0/web-0/xvdb, state: Initialised}}",
        "no vbd 'host0/web-0/xvdb'; did you mean host0/web-0/xvda?",
    ),
    (
        "{kind: crash, target: host0/dom0, when: {vbd: host0/web-0/xvda, state: Initialized}}",
        "a vbd is never 'Initialized'; did you mean Initialised?",
    ),
    ("{kind: crash, target: host0/dom0, when: {state: started}}", "a trigger on nothing;"),
    (
        "{kind: crash, target: host0/dom0, when: {domain: host0/dom0, fault: 1, state: started}}",
        "both domain and fault;",
    ),
    ("{kind: crash, target: host0/dom0, when: {fault: 1, state: detected}}", "it waits for itself;"),
    ("{kind: crash, target: host0/dom0, when: {fault: 9, state: detected}}", "fault 9 of 1;"),
    (
        "{kind: crash, target: host0/dom0, when: {domain: host0/dom0, state: up}}",
        "a domain is never 'up'; one of",
    ),
]


@pytest.mark.parametrize(("fault", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_fault_is_refused_with_its_line(fault: str, said: str, refuse: Refuse) -> None:
    found = refuse((FAULT, f"- {fault}"))

    assert any(line.startswith("test.yaml:15: ") and said in line for line in found.splitlines()), found


def test_everything_of_a_fault_is_decided(load: Load) -> None:
    fault = (
        "{kind: link-delay, target: ['host0/web-*:hypervisor', 'host0/dom0:sda'], select: {random: 2}, "
        "when: {vbd: host0/web-1/xvda, end: backend, state: Connected, nth: 2, since: boot}, after: 3ms, "
        "duration: 1s, probability: 0.5, seed: 7, delay: 2ms, messages: [Hypercall], optional: true}"
    )

    assert load((FAULT, f"- {fault}")).faults == [
        ResolvedFault(
            kind="link-delay",
            targets=("host0/web-0:hypervisor", "host0/web-1:hypervisor", "host0/dom0:sda"),
            at_ns=None,
            number=1,
            trigger=Trigger("backend", "host0/web-1/xvda", "Connected", 2, since_boot=True),
            after_ns=3_000_000,
            select="random",
            select_count=2,
            duration_ns=1_000_000_000,
            probability=0.5,
            seed=7,
            optional=True,
            options={"delay_ns": 2_000_000, "jitter_ns": 0, "messages": ["Hypercall"]},
        )
    ]


def test_a_pattern_stands_for_what_is_there_in_its_order(load: Load) -> None:
    more = "    memory: 2GiB\n    dom0: {spare: warm}\n    nics: [{name: eth0}, {name: eth1}]\n"
    more += "    driver_domains: [{name: net, memory: 16MiB, nics: [eth1]}]\n"
    disk = "        disks: [{vdev: xvda, size: 1MiB}]\n"
    vif = f"{disk}        networks: [{{}}]\n"
    inventory = Inventory(load(("    memory: 1GiB\n", more), (disk, vif)).hosts)

    for kind in FAULT_KINDS.values():
        assert inventory.targets(kind.aim), kind.name
        assert inventory.match(kind.aim, "*") == inventory.targets(kind.aim)
        assert set(kind.option_names) <= set(OPTIONS)


def test_what_belongs_to_the_network_is_there_with_a_controller(load: Load) -> None:
    nics = "    memory: 1GiB\n    nics: [{name: eth0}, {name: eth1}]\n"
    inventory, without = Inventory(load(("    memory: 1GiB\n", nics)).hosts), Inventory(load().hosts)

    assert inventory.targets(Aim.nic) == ["host0/eth0", "host0/eth1"]
    assert inventory.targets(Aim.device) == ["host0/sda", "host0/eth0", "host0/eth1"]
    wires = [f"host0/{way}" for way in ("eth0:switch", "switch:eth0", "eth1:switch", "switch:eth1")]
    assert inventory.targets(Aim.wire) == wires
    assert inventory.targets(Aim.link)[-4:] == wires
    assert inventory.targets(Aim.wired) == ["host0"]
    for aim in (Aim.nic, Aim.wire, Aim.wired):
        assert without.targets(aim) == []


@pytest.mark.parametrize(
    ("select", "count", "sizes"),
    [("one", 0, {1}), ("all", 0, {5}), ("fixed", 2, {2}), ("random", 3, {1, 2, 3})],
)
def test_a_selection_takes_as_many_as_it_says_and_any_of_them(
    select: str, count: int, sizes: set[int]
) -> None:
    targets = tuple(f"host0/web-{number}" for number in range(5))
    fault = ResolvedFault("crash", targets, 0, select=select, select_count=count)
    random = Random(1)
    chosen = [choose(fault, random) for _ in range(200)]

    assert {len(each) for each in chosen} == sizes
    assert {target for each in chosen for target in each} == set(targets)
    assert all(each == sorted(each) for each in chosen)
    again = Random(1)
    assert chosen == [choose(fault, again) for _ in range(200)]


@pytest.fixture
def boards(load: Load) -> dict[str, HostBoard]:
    board = HostBoard(load().hosts[0], lambda _effect: None, lambda _change: None)
    board.domains.by_domid[3] = DomainProcess(3, 1, "web-1", "host0/dom3", 0)
    return {"host0": board}


def test_a_domain_may_be_named_by_its_number_by_hand(load: Load, boards: dict[str, HostBoard]) -> None:
    def by_hand(kind: str, target: str, **words: object) -> ResolvedFault:
        return fault_by_hand(load(), {"kind": kind, "target": target, **words}, boards)

    assert by_hand("crash", "host0/dom3").targets == ("host0/web-1",)
    assert by_hand("link-drop", "host0/dom3:hypervisor").targets == ("host0/web-1:hypervisor",)
    assert by_hand("frontend-disconnect", "host0/dom3/xvda").targets == ("host0/web-1/xvda",)
    stall = by_hand("disk-stall", "host0/sda", duration="5ms")
    assert (stall.duration_ns, stall.number, stall.cause) == (5_000_000, 0, "by hand")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"kind": "melt", "target": "host0"}, "kind: there is no fault 'melt'"),
        ({"kind": "crash", "target": "host0/db"}, "no target 'host0/db' for crash; did you mean host0/dom0?"),
        ({"kind": "crash", "target": "host0/dom0", "factor": 2.0}, "crash has no option 'factor'"),
        (
            {"kind": "crash", "target": "host0/dom0", "duration": "1s"},
            "crash has no duration; leave it out: it just happens",
        ),
        ({"kind": "disk-stall", "target": "host0/sda", "duration": "1"}, "duration: '1' has no unit"),
        ({"kind": "disk-stall", "target": "host0/sda", "probability": 7.0}, "probability: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_fault_by_hand_is_one_message(
    words: dict[str, object], said: str, load: Load, boards: dict[str, HostBoard]
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        fault_by_hand(load(), words, boards)
