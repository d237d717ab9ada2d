"""One seed from configuration to verdict, in this process."""

import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from actors.policies import Links
from cluster.studies.campaign.planted import BUGS
from cluster.studies.campaign.planted_networks import BUGS as NETWORK_BUGS

SEEDS = 60


def comparable(record: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in record.items() if key != "wall_s"}


def test_a_trial_that_holds_says_what_was_done(plan) -> None:
    trial = plan().run(1).trial

    assert (trial.verdict, trial.failed, trial.unknown) == ("held", {}, {})
    assert trial.faults
    assert trial.events > 1000
    assert trial.requests > 10
    assert "vbd frontend Connected" in trial.states


def test_odd_seeds_have_direct_links_and_say_so(plan) -> None:
    assert [plan().record(seed)["links"] for seed in (2, 3)] == ["hypervisor", "direct"]
    assert "links: direct" in plan().case(3).text()
    assert plan(as_written=True).record(3)["links"] == "hypervisor"


def test_a_file_that_says_what_links_it_wants_has_those(plan) -> None:
    case = plan().case(3).with_links(Links.hypervisor)

    assert case.cluster().hosts[0].links is Links.direct


def test_predictions_count_only_with_the_faults_of_the_file(plan) -> None:
    trial = plan(as_written=True).run(1).trial

    assert trial.faults == [["crash", "host0/dom0"]]
    assert trial.verdict == "failed"
    assert all(each.startswith("expected survivors none") for each in trial.failed)


def test_a_fault_of_a_whole_host_is_told_by_the_name_of_the_host(plan) -> None:
    trial = plan(kinds=("host-power-loss",)).run(1).trial

    assert trial.faults[0] == ["host-power-loss", "host0"]


def test_what_joins_two_hosts_breaks_in_a_campaign(wired_plan) -> None:
    kinds = ("nic-link-flap", "switch-partition", "frame-corrupt", "link-drop", "link-reorder")
    trials = [wired_plan(kinds=kinds).run(seed).trial for seed in range(6)]

    assert {each.verdict for each in trials} == {"held"}, [each.failed for each in trials]
    assert {kind for each in trials for kind, _ in each.faults} == {*kinds}
    assert all("eth0" in target or "/" not in target for each in trials for _, target in each.faults)


def test_checking_invariants_changes_nothing_that_happens(plan) -> None:
    with_them, without = plan().run(3), plan(invariants=False).run(3)

    assert comparable(with_them.trial.to_record()) == comparable(without.trial.to_record())
    assert list(with_them.witness.history.lines()) == list(without.witness.history.lines())


def test_a_trial_leaves_no_trace_in_the_next(plan) -> None:
    alone = plan().record(5)
    after_others = plan()
    for seed in (3, 4):
        after_others.record(seed)

    assert comparable(after_others.record(5)) == comparable(alone)


SCRIPT = """
import json, sys
from pathlib import Path
from cluster.studies.campaign.sweep_settings import SweepSettings
from cluster.lab.config.yaml_source import YamlSource
finished = SweepSettings(YamlSource.read(Path(sys.argv[1]))).run(int(sys.argv[2]), Path(sys.argv[3]))
record = finished.trial.to_record()
record.pop("wall_s")
print(json.dumps(record))
print("\\n".join(finished.witness.history.lines()))
"""


def test_trace_history_and_record_of_a_seed_are_the_same_in_every_process(file, tmp_path) -> None:
    told, traces = [], []
    for hash_seed in ("0", "4711"):
        directory = tmp_path / hash_seed
        (directory / "logs").mkdir(parents=True)
        command = [sys.executable, "-c", SCRIPT, file, "7", directory]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told.append(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
        traces.append((directory / "trace.log").read_bytes())

    assert told[0] == told[1]
    assert json.loads(told[0].splitlines()[0])["seed"] == 7
    assert len(traces[0]) > 100_000
    assert traces[0] == traces[1]


def test_the_documentation_names_every_bug_that_can_be_planted() -> None:
    page = (Path(__file__).parents[4] / "docs/campaign.md").read_text()

    assert set(re.findall(r"^\| `([\w-]+)`: ", page, re.M)) == set(BUGS)


@pytest.mark.parametrize("bug", list(BUGS))
def test_a_planted_bug_is_found_within_a_few_seeds(
    bug: str, plan, kept_plan, spare_plan, network_plan
) -> None:
    plans = {"acknowledge-before-journal": kept_plan, "stale-handover": spare_plan}
    plan = network_plan if bug in NETWORK_BUGS else plans.get(bug, plan)
    buggy = plan(plant=bug)

    found = next((seed for seed in range(SEEDS) if buggy.run(seed).trial.verdict == "failed"), None)

    assert found is not None
    assert plan().run(found).trial.verdict == "held", "the same schedule holds without the bug"


@pytest.mark.parametrize("later_ms", range(2, 14))
def test_a_dom0_that_dies_while_it_builds_a_domain_does_nothing_more(later_ms: int, plan) -> None:
    case = plan().base.with_faults(
        [
            {"kind": "crash", "target": "host0/web-0", "at": "20ms"},
            {"kind": "crash", "target": "host0/dom0", "at": f"{20 + later_ms}ms"},
        ]
    )

    assert plan().run_case(case).trial.verdict == "held"
    gc.collect()  # a thread that still waits for something while it is ended is an error here
