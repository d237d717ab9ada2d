"""Every kind of fault in a whole simulated run, with the verdict that it must give."""

from dataclasses import dataclass, field

import pytest

from actors.devices.volume import Volume
from cluster.lab.config.quantities import duration_ns
from cluster.lab.faults.kinds import FAULT_KINDS

FOR = {"duration": "100ms"}
POWER_LOSS = {"kind": "host-power-loss", "target": "host0", "at": "440ms", "duration": "10ms"}
NIC = {"nics": [{"name": "eth0"}]}
WIRED = {**NIC, "memory": "128MiB", "dom0": {"memory": "32MiB"}}
NETWORK = {"memory": "16MiB", "networks": [{}]}
BOTH, ONE_DIES, NONE = (True, True), (False, True), (False, False)


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at 200 ms, and what must come of it: who survives, which checks fail, how many errors."""

    name: str
    fault: dict[str, object]
    more: tuple[dict[str, object], ...] = ()
    survived: tuple[bool, ...] = BOTH
    failed: tuple[str, ...] = ()
    errors: bool = False
    recovered: bool = True
    host: dict[str, object] = field(default_factory=dict)
    run_for: str = "450ms"
    guest: dict[str, object] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.fault["kind"])


def case(kind: str, target: str, name: str = "", /, **more: object) -> Case:
    options = {key: more.pop(key) for key in list(more) if key not in Case.__dataclass_fields__}
    return Case(name or kind, {"kind": kind, "target": target, "at": "200ms", **options}, **more)


CASES = [
    case("crash", "host0/dom0"),
    case("crash", "host0/web-0", "crash of a guest", survived=ONE_DIES),
    case("hang", "host0/dom0"),
    case("hang", "host0/web-0", "hang for a while", **FOR),
    case("hang", "host0/dom0", "hang of dom0 for a while", **FOR),
    case("hang", "host0/web-0", "hang for good", survived=ONE_DIES, failed=("liveness",), recovered=False),
    case("hwdom-reboot", "host0/dom0", survived=NONE),
    case("driver-reboot", "host0/net",
         host={**WIRED, "driver_domains": [{"name": "net", "memory": "16MiB", "nics": ["eth0"]}]}),
    case("spare-crash", "host0/dom0-spare", host={"architecture": "warm-spare"}, at="750ms",
         run_for="900ms"),
    case("toolstack-kill", "host0/dom0", **FOR),
    case("toolstack-kill", "host0/dom0", "toolstack-kill for good", recovered=False),
    case("xenstored-kill", "host0/xenstored"),
    case("xenstored-kill", "host0/xenstored", "its domain is killed", host={"xenstore": "stubdom"}),
    case("xenstored-live-update", "host0/xenstored"),
    case("hypervisor-crash", "host0", survived=NONE),
    case("host-power-loss", "host0", survived=NONE, **FOR),
    case("disk-error", "host0/sda", probability=0.2, errors=True, **FOR),
    case("disk-error", "host0/sda", "errors of reads only", operations=["read"], errors=True, **FOR),
    case("disk-stall", "host0/sda", **FOR),
    case("disk-torn-write", "host0/sda"),
    case("disk-torn-write", "host0/sda", "torn", more=(POWER_LOSS,), survived=NONE, failed=("ledger",)),
    case("disk-lying-flush", "host0/sda"),
    case("disk-lying-flush", "host0/sda", "lied", more=(POWER_LOSS,), survived=NONE, failed=("ledger",)),
    case("irq-lost", "host0/sda", probability=0.5, **FOR),
    case("irq-lost", "host0/sda", "edges lost", host={"disks": [{"name": "sda", "trigger": "edge"}]},
         probability=0.2, **FOR),
    case("irq-storm", "host0/sda", duration="10ms"),
    case("irq-storm", "host0/sda", "storm of edges", host={"disks": [{"name": "sda", "trigger": "edge"}]},
         interval="50us", duration="50ms"),
    case("evtchn-lost", "host0/web-0", survived=ONE_DIES, failed=("liveness",), recovered=False, **FOR),
    case("link-delay", "host0/hypervisor:web-0", delay="5ms", jitter="2ms", **FOR),
    case("link-drop", "host0/web-0:hypervisor", survived=ONE_DIES, failed=("liveness",),
         recovered=False, **FOR),
    case("link-duplicate", "host0/hypervisor:dom0", **FOR),
    case("link-duplicate", "host0/web-0:hypervisor", "twice said is a violation", survived=ONE_DIES, **FOR),
    case("link-reorder", "host0/hypervisor:web-0", delay="1ms", **FOR),
    case("backend-crash", "host0/web-0/xvda"),
    case("backend-crash", "host0/web-0/xvda", "its device model is killed",
         host={"architecture": "linux-as-hypervisor"}, survived=ONE_DIES),
    case("link-partition", "host0/dom0:hypervisor", at="50ms", duration="350ms"),
    case("link-partition", "host0/web-0:hypervisor", "partition of a guest", survived=ONE_DIES,
         failed=("liveness",), recovered=False, **FOR),
    case("link-heal", "host0/web-0:hypervisor", recovered=False),
    case("backend-malformed-response", "host0/web-0/xvda", errors=True, survived=ONE_DIES,
         failed=("liveness",), recovered=False),
    case("netback-restart", "host0/web-0/vif0", host=WIRED, guest=NETWORK, recovered=False),  # nobody talks
    case("netback-stop", "host0/web-0/vif0", host=WIRED, guest=NETWORK, **FOR),
    case("netfront-disconnect", "host0/web-0/vif0", host=WIRED, guest=NETWORK, **FOR),
    case("network-detach", "host0/web-0/vif0", host=WIRED, guest=NETWORK, **FOR),
    case("network-attach", "host0/web-0/vif0", host=WIRED, guest=NETWORK, recovered=False),
    case("frontend-disconnect", "host0/web-0/xvda", errors=True, **FOR),
    case("frontend-disconnect", "host0/web-0/xvda", "disconnect for good", errors=True,
         survived=ONE_DIES, failed=("liveness",), recovered=False),
    case("block-detach", "host0/web-0/xvda", errors=True, **FOR),
    case("block-detach", "host0/web-0/xvda", "detached for good", errors=True,
         survived=ONE_DIES, failed=("liveness",), recovered=False),
    case("block-attach", "host0/web-0/xvda", recovered=False),
    case("slow", "host0/dom0", factor=20, **FOR),
    case("slow", "host0/sda", "slow disk", factor=20, **FOR),
    case("slow", "host0/hypervisor", "slow hypervisor", factor=20, **FOR),
    case("irq-lost", "host0/eth0", "interrupts of a controller lost", host=NIC, **FOR),
    case("irq-storm", "host0/eth0", "storm of a controller", host=NIC, duration="10ms"),
    case("nic-hang", "host0/eth0", host=NIC, **FOR),
    case("nic-hang", "host0/eth0", "gone while dom0 boots", host=NIC,
         more=({"kind": "crash", "target": "host0/dom0", "at": "220ms"},), **FOR),
    case("nic-dma-stop", "host0/eth0", host=NIC, **FOR),
    case("nic-link-down", "host0/eth0", host=NIC, **FOR),
    case("nic-link-flap", "host0/eth0", host=NIC, interval="7ms", **FOR),
    case("switch-partition", "host0", host=NIC, **FOR),
    case("switch-stall", "host0", host=NIC, **FOR),
    case("frame-corrupt", "host0/eth0:switch", host=NIC, **FOR),
    case("link-partition", "host0/switch:eth0", "a broken fibre", host=NIC, **FOR),
    case("slow", "host0/eth0", "slow controller", host=NIC, factor=20, **FOR),
]  # fmt: skip


@pytest.fixture
def simulate(scenarios, variant, laboratory):
    def _simulate(one: Case, flush_every: int = 16, **more: object):
        scenario = variant(
            scenarios["renegotiate-dom0-crash"],
            name=one.name.replace(" ", "-"),
            host=one.host,
            guest=one.guest,
            faults=(one.fault, *one.more),
            work={"rate": "300/s", "read_share": 0.3, "flush_every": flush_every},
            duration=one.run_for,
            settle="1500ms",
            latency={"read": "0ms", "write": "0ms"},
            survivors=None,
        )
        return laboratory.simulate(scenario, out=f"out-{scenario.name}", **more)

    return _simulate


def test_no_kind_is_left_out() -> None:
    assert {each.kind for each in CASES} | {"host-power-loss"} == set(FAULT_KINDS)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_a_fault_gives_the_verdict_that_it_must_give(one: Case, simulate) -> None:
    run = simulate(one)

    data = run.report.to_dict()
    failed = tuple(each["name"] for each in data["checks"] if each["verdict"] != "held")
    assert failed == one.failed, run.story()
    assert tuple(each["survived"] for each in data["guests"]) == one.survived, run.story()
    assert any(each["requests"]["errors"] for each in data["guests"]) == one.errors
    chosen = data["fault_targets"][0]
    assert (chosen["kind"], chosen["target"], chosen["skipped"]) == (one.kind, one.fault["target"], "")
    assert chosen["selected_at_ns"] == chosen["injected_at_ns"] == data["faults"][0]["injected_at_ns"]
    assert (chosen["recovered_at_ns"] is not None) == one.recovered
    if "duration" in one.fault and one.kind != "host-power-loss":
        lasted_ns = chosen["ended_at_ns"] - chosen["injected_at_ns"]
        assert 0 <= lasted_ns - duration_ns(one.fault["duration"]) < 1_000_000


def test_guests_do_their_io_without_a_store(simulate) -> None:
    run = simulate(case("crash", "host0/xenstore", "store", host={"xenstore": "stubdom"}))

    assert [each.survived for each in run.report.guests] == [True, True], run.story()
    assert run.check("ledger") == run.check("liveness") == "held"


def test_what_was_flushed_outlives_a_loss_of_power_and_the_rest_may_vanish(simulate) -> None:
    # Late, so that little of what vanished is written again by the guests' next life.
    run = simulate(Case("power", POWER_LOSS), flush_every=60)

    ledgers = [each.ledger for each in run.report.guests]
    assert sum(each.vanished for each in ledgers) > 0, run.story()
    assert all(each.holds for each in ledgers)


def test_a_disk_that_loses_what_it_flushed_is_found_after_a_loss_of_power(simulate, monkeypatch) -> None:
    monkeypatch.setattr(Volume, "flush", lambda _self: None)

    # As late as above, or the guests' next life writes again what was lost.
    run = simulate(Case("planted", POWER_LOSS))

    assert run.check("ledger") == "failed", run.story()


@pytest.mark.parametrize(("name", "said"), [("lied", "did nothing"), ("torn", "tore sectors")])
def test_the_report_says_which_disk_broke_its_promise(name: str, said: str, simulate) -> None:
    (one,) = [each for each in CASES if each.name == name]

    (ledger,) = [each for each in simulate(one).report.checks if each.name == "ledger"]

    assert f"host0/sda {said}" in ledger.detail or said in ledger.detail
    assert "as it was told to" in ledger.detail


def test_guests_that_die_while_the_toolstack_is_dead_are_restarted_by_the_next_one(simulate) -> None:
    crash = {"kind": "crash", "target": "host0/web-1", "at": "240ms"}
    run = simulate(case("toolstack-kill", "host0/dom0", "reaped-late", more=(crash,), **FOR))

    assert [each.boots for each in run.report.guests] == [1, 2], run.story()
    crashed = run.report.to_dict()["faults"][1]
    assert crashed["recovered_at_ns"] - crashed["injected_at_ns"] > 50_000_000


@pytest.mark.parametrize("after", ["1ms", "4ms", "5ms", "6ms", "7ms", "8ms", "10ms"])
def test_the_next_toolstack_finishes_what_a_killed_one_was_taking_over(after: str, simulate) -> None:
    when = {"domain": "host0/dom0", "state": "started"}
    kill = {
        "kind": "toolstack-kill",
        "target": "host0/dom0",
        "when": when,
        "after": after,
        "duration": "50ms",
    }
    run = simulate(case("crash", "host0/dom0", f"takeover-{after}", more=(kill,)))

    assert run.report.to_dict()["verdict"] == "held", run.story()
    assert [each.survived for each in run.report.guests] == [True, True]


def test_a_fault_comes_when_a_vbd_is_in_a_state_even_at_boot(simulate) -> None:
    when = {"vbd": "host0/web-1/xvda", "state": "Initialised", "since": "boot"}
    one = Case("trigger", {"kind": "crash", "target": "host0/dom0", "when": when, "after": "100us"})
    run = simulate(one)

    assert run.report.to_dict()["verdict"] == "held", run.story()
    assert run.report.to_dict()["hosts"][0]["dom0_boots"] == 2
    assert run.supervisor.injections[0].injected_at_ns < run.supervisor.phases.workload_began_ns


def test_a_fault_comes_when_the_backend_of_another_guest_reconnects(simulate) -> None:
    when = {"vbd": "host0/web-1/xvda", "end": "backend", "state": "InitWait"}
    second = {"kind": "crash", "target": "host0/dom0", "when": when}
    run = simulate(case("crash", "host0/dom0", "twice", more=(second,)))

    data = run.report.to_dict()
    assert (data["verdict"], data["hosts"][0]["dom0_boots"]) == ("held", 3), run.story()
    assert data["fault_targets"][1]["cause"] == "when backend host0/web-1/xvda is InitWait"


def test_a_fault_comes_when_another_one_was_detected(simulate) -> None:
    second = {
        "kind": "crash",
        "target": "host0/web-*",
        "select": "one",
        "when": {"fault": 1, "state": "detected"},
    }
    run = simulate(case("crash", "host0/dom0", "chain", more=(second,)))

    first, then = run.report.to_dict()["faults"]
    assert 0 <= then["injected_at_ns"] - first["detected_at_ns"] < 1_000_000
    assert sorted(each.boots for each in run.report.guests) == [1, 2]


@pytest.mark.parametrize(("optional", "verdict"), [(False, "unknown"), (True, "held")])
def test_a_trigger_that_never_fires_leaves_a_question_unless_it_is_optional(
    optional: bool, verdict: str, simulate
) -> None:
    when = {"domain": "host0/web-0", "state": "started", "nth": 7}
    fault = {"kind": "crash", "target": "host0/dom0", "when": when, "optional": optional}

    run = simulate(Case("never", fault))

    assert run.report.to_dict()["verdict"] == verdict, run.story()
    (never,) = run.report.to_dict()["faults"]
    why = "when domain host0/web-0 is started, time 7: that was never so"
    assert (never["id"], never["injected_at_ns"], never["never_fired"]) == ("1", None, why)
    assert (why in run.story()) == (not optional)


def test_what_a_probability_spares_is_recorded_and_nothing_is_done(simulate) -> None:
    fault = {"kind": "crash", "target": "host0/web-*", "at": "200ms", "probability": 0.5, "seed": 1}
    data = simulate(Case("spared", fault)).report.to_dict()

    skipped = [each["skipped"] for each in data["fault_targets"]]
    spared = skipped.count("spared by its probability")
    assert len(skipped) == 2
    assert [each["injected_at_ns"] is None for each in data["faults"]] == [False] * (2 - spared) + [
        True
    ] * spared


def test_the_same_seed_gives_the_same_bytes_with_every_kind_at_once(simulate) -> None:
    calm = [each for each in CASES if each.survived == BOTH and not each.host and not each.failed]
    faults = [{**each.fault, "at": f"{100 + 8 * index}ms"} for index, each in enumerate(calm)]
    everything = Case("all", faults[0], more=tuple(faults[1:]))

    traces = []
    for name in ("first", "second"):
        one = Case(name, everything.fault, everything.more)
        run = simulate(one, trace=True, invariants=False)
        traces.append((run.directory / "trace.log").read_bytes())

    assert traces[0] == traces[1]
    assert len(traces[0]) > 100_000
