import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.running.run.about import FILE, About
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_notes import RunNotes


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create("test", tmp_path / "run")


def about() -> About:
    return About(name="test", driver="live", endless=False, trace=False, seed=1, configuration=[])


class State:
    """The judge's notes, which count how often they were kept."""

    def __init__(self, keep: Callable[[], None] = lambda: None) -> None:
        self.kept = 0
        self._keep = keep

    def keep(self) -> None:
        self.kept += 1
        self._keep()


def phases(directory: RunDirectory) -> list[str]:
    return [each["phase"] for each in json.loads((directory.path / FILE).read_text())["phases"]]


def test_what_a_run_is_stands_there_before_anything_begins_and_each_phase_when_it_does(
    directory: RunDirectory,
) -> None:
    notes = RunNotes(directory, about(), pytest.fail)
    assert phases(directory) == []
    notes.enter("boot")
    notes.enter("workload")
    assert phases(directory) == ["boot", "workload"]
    notes.end([])
    assert json.loads((directory.path / FILE).read_text())["ended"] is not None


def test_the_judge_is_told_with_each_phase_once_he_is_there(directory: RunDirectory) -> None:
    notes, state = RunNotes(directory, about(), pytest.fail), State()
    notes.enter("boot")
    notes.follow(state)
    notes.enter("workload")
    notes.keep()
    assert state.kept == 2


def test_that_nothing_can_be_written_is_said_once_and_again_if_the_reason_is_another(
    directory: RunDirectory,
) -> None:
    said: list[str] = []
    reasons = ["full", "full", "gone"]

    def keep() -> None:
        raise OSError(5, reasons.pop(0))

    notes = RunNotes(directory, about(), said.append)
    notes.follow(State(keep))
    for _ in range(3):
        notes.keep()
    where = f"{directory.path}: no notes can be kept for `domzero verify`"
    assert said == [f"{where}: full", f"{where}: gone"]
