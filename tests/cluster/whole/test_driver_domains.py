"""Hosts whose disks a driver domain serves: what goes on without dom0, and what is built again."""

import pytest

STORAGE = {"name": "storage", "memory": "4MiB", "disks": ["sda"]}
FOR = {"duration": "100ms"}


@pytest.fixture
def storage(scenarios):
    return scenarios["driver-domain-crash"]


def log_of(run, actor: str) -> str:
    return (run.directory / f"logs/host0-{actor}.log").read_text()


def test_no_request_waits_while_dom0_hangs_and_is_replaced(storage, laboratory, variant) -> None:
    hang = {"kind": "hang", "target": "host0/dom0", "at": "150ms"}
    run = laboratory.simulate(variant(storage, faults=(hang,)))

    (fault,) = run.report.to_dict()["faults"]
    assert fault["detected_at_ns"] - fault["injected_at_ns"] > 300_000_000, "dom0 was away for long"
    assert fault["recovered_at_ns"] > fault["detected_at_ns"], "it was built again"
    assert all(each.outage_max_ns < 100_000_000 for each in run.report.guests), run.story()
    assert run.report.verdict.value == "held", run.story()


def test_who_is_served_by_dom0_hangs_with_it_and_who_is_not_goes_on(storage, laboratory, variant) -> None:
    guest = {
        "count": 1,
        "disks": [
            {"vdev": "xvda", "size": "128KiB", "backend": "storage"},
            {"vdev": "xvdb", "size": "128KiB"},
        ],
    }
    disks = [{"name": "sda"}, {"name": "sdb"}]
    host = {"driver_domains": [STORAGE], "disks": disks, "watchdog": "0s"}
    hang = {"kind": "hang", "target": "host0/dom0", "at": "100ms"}
    run = laboratory.simulate(variant(storage, guest=guest, host=host, faults=(hang,), settle="1s"))

    (guest,) = run.supervisor.guests.values()
    served, hanging = guest.journals
    assert not served.wanted, "it did its work to the end"
    assert hanging.wanted, "it waits for a dom0 that nobody will find"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "irq-lost", "target": "host0/sda", "probability": 0.5, **FOR},
        {"kind": "disk-stall", "target": "host0/sda", **FOR},
        {"kind": "slow", "target": "host0/storage", "factor": 20, **FOR},
        {"kind": "hang", "target": "host0/storage", **FOR},
        {"kind": "link-delay", "target": "host0/sda:storage", "delay": "2ms", **FOR},
        {"kind": "link-delay", "target": "host0/storage:sda", "delay": "2ms", **FOR},
        {"kind": "link-delay", "target": "host0/hypervisor:storage", "delay": "2ms", **FOR},
        {"kind": "frontend-disconnect", "target": "host0/web-0/xvda", **FOR},
    ],
    ids=lambda each: f"{each['kind']} {each['target']}",
)
def test_it_can_be_disturbed_as_a_dom0_that_serves(fault: dict, storage, laboratory, variant) -> None:
    run = laboratory.simulate(variant(storage, faults=({**fault, "at": "100ms"},)))

    assert run.report.verdict.value == "held", run.story()
    (done,) = run.supervisor.injections
    assert done.recovered_at_ns is not None


def test_a_malformed_response_comes_from_the_domain_that_serves(storage, laboratory, variant) -> None:
    fault = {"kind": "backend-malformed-response", "target": "host0/web-0/xvda", "at": "150ms"}
    run = laboratory.simulate(variant(storage, faults=(fault,), survivors=None))

    assert "the backend broke the ring" in log_of(run, "dom2")
    assert "disconnected from domain 2" in log_of(run, "dom1")
    assert run.check("processes") == "held"


@pytest.mark.parametrize("state", ["shutdown", "dying", "destroyed", "started"])
@pytest.mark.parametrize("kind", ["crash", "toolstack-kill"])
def test_whoever_builds_it_may_die_at_any_step(state: str, kind: str, storage, laboratory, variant) -> None:
    crash = {"kind": "crash", "target": "host0/storage", "at": "150ms"}
    trigger = {"domain": "host0/storage", "state": state}
    second = {"kind": kind, "target": "host0/dom0", "when": trigger, "after": "300us"}
    if kind == "toolstack-kill":
        second["duration"] = "20ms"
    run = laboratory.simulate(variant(storage, faults=(crash, second)))

    assert run.report.verdict.value == "held", run.story()
    assert run.supervisor.boards["host0"].domains.boots["storage"] >= 2


def test_its_number_stays_so_that_its_next_life_has_its_grants_and_ports(
    storage, laboratory, variant
) -> None:
    run = laboratory.simulate(variant(storage, host={**storage.host, "reconnect": "resume"}, rings=2))

    assert log_of(run, "dom0").count("xl: storage is domain 1\n") == 2
    assert "offering" in log_of(run, "dom2"), "once, at the beginning"
    assert log_of(run, "dom2").count("offering") == 1


def test_domains_that_it_serves_are_shut_down_before_it(storage, laboratory, variant) -> None:
    run = laboratory.simulate(variant(storage, faults=(), dom0_boots=(1,)))

    ends = [
        line.split("xl: ")[1].split(" ")[0] for line in log_of(run, "dom0").splitlines() if "ended:" in line
    ]
    assert (sorted(ends[:2]), ends[2:]) == (["web-0", "web-1"], ["storage"])


def test_the_report_says_who_drives_what_and_how_often_it_was_started(storage, laboratory) -> None:
    run = laboratory.simulate(storage)

    (host,) = run.report.to_dict()["hosts"]
    assert host["driver_domains"] == [
        {"address": "host0/dom1", "name": "storage", "disks": ["sda"], "boots": 2}
    ]


def test_what_it_serves_is_written_again_before_it_looks_at_a_store_that_was_lost(
    storage, laboratory, variant
) -> None:
    crash = {"kind": "crash", "target": "host0/dom0", "at": "150ms"}
    many = {**storage.guest, "count": 10}
    run = laboratory.simulate(
        variant(storage, guest=many, host={**storage.host, "memory": "96MiB"}, faults=(crash,))
    )

    assert run.report.verdict.value == "held", run.story()
    taken_over = [line for line in log_of(run, "dom0").splitlines() if "took over" in line]
    assert "storage" in taken_over[-1]
    assert sum(log_of(run, f"dom{domid}").count("offering") for domid in range(2, 12)) == 10, "nothing anew"


def test_it_may_have_more_of_the_store_than_a_guest(storage, laboratory, variant) -> None:
    crowd = {**storage.guest, "count": 70}
    run = laboratory.simulate(
        variant(
            storage,
            guest=crowd,
            work={"rate": "20/s"},
            host={**storage.host, "memory": "512MiB"},
            faults=({"kind": "crash", "target": "host0/dom0", "at": "50ms"},),
            duration="100ms",
        ),
        invariants=False,
    )

    assert run.report.verdict.value == "held", run.story()
    for refusal in ("ENOSPC", "E2BIG"):
        assert refusal not in log_of(run, "dom1")


def test_a_disk_of_a_guest_that_died_while_the_store_was_away_is_let_go(storage, laboratory, variant) -> None:
    faults = (
        {"kind": "toolstack-kill", "target": "host0/dom0", "at": "100ms", "duration": "150ms"},
        {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "120ms"},
        {"kind": "crash", "target": "host0/web-1", "at": "140ms"},
        {"kind": "crash", "target": "host0/dom0", "at": "251ms"},
    )
    for delay in range(251, 256):
        crash = {**faults[-1], "at": f"{delay}ms"}
        scenario = variant(storage, name=f"let-go-{delay}", faults=(*faults[:-1], crash), survivors=None)
        run = laboratory.simulate(scenario, out=f"let-go-{delay}")
        assert run.check("liveness") == "held", run.story()
        assert "disconnected from domain 3" in log_of(run, "dom1")


def test_a_new_dom0_forgets_whom_the_last_one_was_about_to_forget(storage, laboratory, variant) -> None:
    crash = {"kind": "crash", "target": "host0/web-0", "at": "150ms"}
    for after in range(0, 3000, 300):
        when = {"domain": "host0/web-0", "state": "destroyed"}
        second = {"kind": "crash", "target": "host0/dom0", "when": when, "after": f"{after}us"}
        stub = {**storage.host, "xenstore": "stubdom"}
        scenario = variant(storage, host=stub, faults=(crash, second), survivors=None)
        run = laboratory.simulate(scenario, out=f"after-{after}")
        assert run.check("liveness") == "held", run.story()
