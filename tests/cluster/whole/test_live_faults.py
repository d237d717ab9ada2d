"""Faults of real processes: the verdict that the simulated driver gives, too."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

POWER_LOSS = {"kind": "host-power-loss", "target": "host0", "at": "700ms", "duration": "20ms"}
HARMLESS = [
    {"kind": "irq-storm", "target": "host0/sda", "duration": "50ms"},
    {"kind": "irq-lost", "target": "host0/sda", "duration": "50ms"},
    {"kind": "disk-stall", "target": "host0/sda", "duration": "50ms"},
    {"kind": "link-delay", "target": "host0/hypervisor:web-0", "duration": "50ms", "delay": "2ms"},
    {"kind": "link-reorder", "target": "host0/hypervisor:web-1", "duration": "50ms", "messages": ["Upcall"]},
    {"kind": "slow", "target": "host0/dom0", "duration": "100ms", "factor": 3},
    {"kind": "toolstack-kill", "target": "host0/dom0", "duration": "50ms"},
    {"kind": "hang", "target": "host0/web-1", "duration": "50ms"},
    {"kind": "block-detach", "target": "host0/web-0/xvda", "duration": "50ms"},
]


@pytest.fixture
def both(scenarios, variant, laboratory, control_sockets: Path):
    """Run the same faults in both drivers."""

    def _both(*faults: dict[str, object], duration: str = "800ms", work: object = None, **more: object):
        scenario = variant(
            scenarios["renegotiate-dom0-crash"],
            faults=faults,
            work=work or {"rate": "200/s", "read_share": 0.3},
            duration=duration,
            latency={"read": "0ms", "write": "0ms"},
            survivors=None,
            **more,
        )
        return laboratory.run(laboratory.session(scenario)), laboratory.simulate(scenario)

    return _both


def facts(run) -> dict[str, object]:
    data = run.report.to_dict()
    return {
        "verdict": data["verdict"],
        "failed": [each["name"] for each in data["checks"] if each["verdict"] != "held"],
        "survived": [each["survived"] for each in data["guests"]],
        "boots": [each["boots"] for each in data["guests"]],
        "targets": [(each["kind"], each["target"], each["skipped"]) for each in data["fault_targets"]],
        "recovered": [each["recovered_at_ns"] is not None for each in data["fault_targets"]],
    }


def test_what_is_taken_away_is_recovered_from(both) -> None:
    faults = [{**each, "at": f"{50 + 80 * index}ms"} for index, each in enumerate(HARMLESS)]
    live, simulated = both(*faults)

    assert facts(live) == facts(simulated), live.story()
    assert facts(live)["verdict"] == "held", live.story()
    assert all(facts(live)["recovered"])


def test_a_guest_that_does_not_run_is_out_though_it_has_asked_for_nothing(both) -> None:
    # Mostly idle, so that it is stopped with nothing in flight.
    hang = {"kind": "hang", "target": "host0/web-0", "at": "300ms", "duration": "1s"}
    for run in both(hang, duration="1500ms", work={"rate": "20/s", "read_share": 0.3}):
        data = run.report.to_dict()
        (chosen,) = data["fault_targets"]
        lasted_ns = chosen["ended_at_ns"] - chosen["injected_at_ns"]
        outages = [each["outage_ns"]["max"] for each in data["guests"]]
        assert outages[0] >= lasted_ns - 1e9 / 20, run.story()


def test_a_lying_disk_is_found_when_the_power_goes(both) -> None:
    # Nothing is written back in time: what is lost does not hang on when the power goes.
    disk = {"name": "sda", "write_back": "10s"}
    lie = {"kind": "disk-lying-flush", "target": "host0/sda", "at": "100ms"}
    live, simulated = both(lie, POWER_LOSS, host={"disks": [disk]})

    assert facts(live) == facts(simulated), live.story()
    assert facts(live)["failed"] == ["ledger"]


def test_an_honest_disk_keeps_what_was_flushed_when_the_power_goes(both) -> None:
    live, simulated = both({**POWER_LOSS, "at": "400ms"}, host={"pack": [["hypervisor", "ioapic", "sda"]]})

    assert facts(live) == facts(simulated), live.story()
    assert facts(live)["verdict"] == "held", live.story()


def test_a_lost_hypercall_hangs_a_kernel_until_its_watchdog_fires(both) -> None:
    # Longer than dom0 waits between two calls that set its watchdog: one of them is lost for certain.
    partition = {
        "kind": "link-partition",
        "target": "host0/dom0:hypervisor",
        "at": "100ms",
        "duration": "500ms",
    }
    live, simulated = both(partition, duration="700ms")

    assert facts(live) == facts(simulated), live.story()
    assert facts(live)["verdict"] == "held", live.story()
    assert live.report.to_dict()["hosts"][0]["dom0_boots"] == 2


def test_a_trigger_fires_on_what_real_processes_write_into_the_store(both) -> None:
    when = {"vbd": "host0/web-1/xvda", "state": "Initialised", "since": "boot"}
    second = {"kind": "crash", "target": "host0/web-0", "when": {"fault": 1, "state": "detected"}}
    live, simulated = both({"kind": "crash", "target": "host0/dom0", "when": when}, second, duration="300ms")

    for run in (live, simulated):
        assert facts(run)["verdict"] in {"held", "unknown"}, run.story()
        assert run.check("ledger") == run.check("liveness") == "held"
        assert run.report.to_dict()["hosts"][0]["dom0_boots"] == 2
