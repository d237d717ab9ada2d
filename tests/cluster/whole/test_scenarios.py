"""Every scenario in the simulated driver, with all invariants checked after every turn."""

import hashlib
from pathlib import Path

import pytest

from actors.notebook.journal import Word


def test_a_scenario_ends_as_the_table_says(scenario, laboratory) -> None:
    run = laboratory.simulate(scenario)

    assert run.facts() == scenario.expected(), run.story()


def test_a_scenario_ends_so_with_direct_links_too(scenario, laboratory, variant) -> None:
    run = laboratory.simulate(variant(scenario, host={**scenario.host, "links": "direct"}))

    assert run.facts() == scenario.expected(), run.story()


@pytest.mark.parametrize("whom", ["dom0", "web-0"])
def test_events_that_a_fault_loses_are_lost_with_direct_links_too(
    whom: str, scenarios, laboratory, variant
) -> None:
    lost = {"kind": "evtchn-lost", "target": f"host0/{whom}", "at": "100ms", "duration": "100ms"}
    scenario = variant(
        scenarios["renegotiate-dom0-crash"], faults=(lost,), settle="1s", work={"rate": "200/s"}
    )
    found = []
    for links in ("hypervisor", "direct"):
        run = laboratory.simulate(variant(scenario, host={"links": links}), out=links)
        (fault,) = run.report.to_dict()["faults"]
        found.append((run.facts()["survived"], run.facts()["verdict"], fault["recovered_at_ns"] is None))

    assert found[0] == found[1]


def test_a_volume_is_read_through_the_death_of_dom0(checksum_scenario, laboratory, ext4_image: Path) -> None:
    run = laboratory.simulate(checksum_scenario)

    digest = hashlib.sha256(ext4_image.read_bytes()).hexdigest()
    assert run.facts() == checksum_scenario.expected(), run.story()
    assert run.check("sha256 web-0 xvda") == "held"
    assert f"sha256 {digest}  /dev/xvda" in (run.directory / "logs/host0-dom1.log").read_text()


def test_a_fault_has_its_times_in_their_order(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-hang"])

    (fault,) = run.report.to_dict()["faults"]
    assert (fault["id"], fault["kind"], fault["target"]) == ("1", "hang", "host0/dom0")
    assert fault["injected_at_ns"] < fault["detected_at_ns"] < fault["recovered_at_ns"]
    assert 300_000_000 < fault["detected_at_ns"] - fault["injected_at_ns"] < 1_100_000_000


def test_a_guest_that_was_destroyed_is_created_by_the_next_dom0_and_reported_as_destroyed(
    scenarios, laboratory, variant
) -> None:
    faults = (
        {"kind": "crash", "target": "host0/web-0", "at": "50ms"},
        {"kind": "crash", "target": "host0/dom0", "at": "150ms"},
    )
    run = laboratory.simulate(variant(scenarios["guest-destroy"], faults=faults))

    (guest, dom0) = run.report.to_dict()["faults"]
    assert (guest["destroyed"], guest["recovered_at_ns"]) == (True, None)
    assert (dom0["destroyed"], dom0["recovered_at_ns"] is None) == (False, False)
    assert run.facts()["guest_boots"] == (2, 1)
    assert run.facts()["survived"] == (False, True)


def test_an_outage_is_the_gap_that_the_fault_made(scenarios, laboratory, variant) -> None:
    scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(), dom0_boots=(1,))
    quiet = laboratory.simulate(scenario, out="quiet")
    broken = laboratory.simulate(scenarios["renegotiate-dom0-hang"], out="broken")

    for before, after in zip(quiet.report.guests, broken.report.guests, strict=True):
        assert before.outage_max_ns < 100_000_000
        assert 300_000_000 < after.outage_max_ns < 2_000_000_000


def test_a_read_only_disk_is_only_read_by_a_workload_that_writes(scenarios, laboratory, variant) -> None:
    disks = [{"vdev": "xvda", "size": "128KiB"}, {"vdev": "xvdb", "size": "128KiB", "mode": "ro"}]
    guest = {"count": 1, "disks": disks}
    run = laboratory.simulate(variant(scenarios["renegotiate-dom0-crash"], guest=guest, faults=()))

    ((written, read),) = [each.journals for each in run.supervisor.lab.guests.values()]
    assert (written.word(Word.WRITES) > 0, read.word(Word.WRITES), read.word(Word.ERRORS)) == (True, 0, 0)
    assert read.word(Word.READS) > written.word(Word.READS) > 0
    assert run.facts()["verdict"] == "held", run.story()
