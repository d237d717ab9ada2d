"""Shrinking, first against a rule that is known, then against a bug that is planted."""

import pytest

from cluster.lab.config.quantities import duration_ns
from cluster.studies.campaign.case import Case
from cluster.studies.campaign.shrink import NothingFails, Shrinker
from cluster.studies.campaign.trial import Trial

FAULTS = [
    {"kind": "crash", "target": f"host0/{target}", "at": f"{at}us"}
    for target, at in (
        ("web-0", 10_123),
        ("dom0", 20_456),
        ("web-1", 33_333),
        ("dom0", 51_777),
        ("web-0", 60_001),
        ("dom0", 90_909),
    )
]


class Rule:
    """Fails if web-1 is hit and dom0 after it, as long as there is a guest web-1 to be hit."""

    def __init__(self) -> None:
        self.trials = 0

    def __call__(self, case: Case) -> Trial:
        case.cluster()
        self.trials += 1
        targets = [each["target"] for each in case.faults]
        trial = Trial(case.seed)
        if "host0/web-1" in targets and "host0/dom0" in targets[targets.index("host0/web-1") :]:
            trial.verdict, trial.failed = "failed", {"ledger": "lost"}
        return trial


@pytest.fixture
def case(plan) -> Case:
    return plan().case(1).with_faults(FAULTS)


def test_what_is_left_is_what_the_failure_needs(case: Case) -> None:
    rule = Rule()
    shrunk = Shrinker(rule).shrink(case)

    assert [each["target"] for each in shrunk.case.faults] == ["host0/web-1", "host0/dom0"]
    assert len(shrunk.case.cluster().hosts[0].guests) == 2
    assert shrunk.trial.failed == {"ledger": "lost"}
    assert shrunk.trials == rule.trials
    assert shrunk.case.cluster().duration_ns < case.cluster().duration_ns
    assert all(duration_ns(each["at"]) % 1_000_000 == 0 for each in shrunk.case.faults)


def test_shrinking_what_was_shrunk_changes_nothing(case: Case) -> None:
    once = Shrinker(Rule()).shrink(case).case

    assert Shrinker(Rule()).shrink(once).case.text() == once.text()


def test_it_ends_after_so_many_trials_with_the_best_so_far(case: Case) -> None:
    shrunk = Shrinker(Rule(), trials_max=4).shrink(case)

    assert shrunk.trials == 4
    assert shrunk.trial.failed


def test_another_check_that_fails_is_another_failure(case: Case) -> None:
    def run(case: Case) -> Trial:
        name = "ledger" if len(case.faults) == len(FAULTS) else "leaks"
        return Trial(case.seed, "failed", failed={name: "something"})

    assert len(Shrinker(run).shrink(case).case.faults) == len(FAULTS)


def test_what_does_not_fail_cannot_be_made_smaller(case: Case) -> None:
    with pytest.raises(NothingFails, match="seed 1 does not fail: held"):
        Shrinker(lambda case: Trial(case.seed)).shrink(case)


def test_a_case_as_text_is_the_same_case(case: Case, tmp_path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(case.text())

    again = Case.read(file, case.seed)

    assert again.tree() == {**case.tree(), "seed": 1}
    assert again.cluster().faults == case.cluster().faults


def test_a_planted_bug_shrinks_to_a_crash_of_dom0(plan) -> None:
    buggy = plan(plant="skip-replay")
    seed = next(seed for seed in range(20) if "ledger" in buggy.run(seed).trial.failed)

    shrunk = Shrinker(lambda case: buggy.run_case(case).trial, trials_max=60).shrink(buggy.case(seed))

    assert len(shrunk.case.faults) == 1
    assert shrunk.case.faults[0]["target"] == "host0/dom0"
    assert "ledger" in shrunk.trial.failed
