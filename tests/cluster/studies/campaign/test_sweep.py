"""Sweeps in processes of their own, one of which is killed in the middle."""

import gc
import importlib
import os
import signal
from pathlib import Path

import pytest

from cluster.studies.campaign.sweep import run_here, run_on_cores

pytestmark = pytest.mark.processes


def comparable(records) -> dict[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for record in records:
        assert record["seed"] not in found, "a seed came twice"
        found[record["seed"]] = {key: value for key, value in record.items() if key != "wall_s"}
    return found


def test_processes_find_what_one_process_finds(plan) -> None:
    seeds = list(range(12))

    assert comparable(run_on_cores(plan(), seeds, 2)) == comparable(run_here(plan(), seeds))


def test_cycles_are_collected_between_seeds_and_not_in_them(plan) -> None:
    seen = []

    class Watched(type(plan())):  # type: ignore[misc]
        def record(self, seed):
            seen.append(gc.isenabled())
            return {"seed": seed}

    list(run_here(Watched(plan().source), [1, 2]))

    assert seen == [False, False]
    assert gc.isenabled()


def children() -> list[int]:
    """The processes that run trials: the grandchildren, by way of the fork server."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                above = (Path("/proc") / status[1] / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(above[1]) == os.getpid() and status[0] != "Z":
                found.append(int(entry.name))
    return found


def test_a_worker_that_is_killed_loses_nothing(plan) -> None:
    seeds = list(range(18))
    records = run_on_cores(plan(), seeds, 2)
    found = [next(records)]
    os.kill(children()[0], signal.SIGKILL)
    found.extend(records)

    assert comparable(found) == comparable(run_here(plan(), seeds))


def test_ctrl_c_reaches_nobody_but_the_sweep_itself(plan) -> None:
    records = run_on_cores(plan(), list(range(200)), 2)
    next(records)
    above = {
        (Path("/proc") / str(each) / "stat").read_text().rsplit(")", 1)[1].split()[1] for each in children()
    }
    blocked = [_signals(Path("/proc") / each / "status", "SigBlk:") for each in above]
    records.close()

    assert len(blocked) == 1
    assert blocked[0] & 1 << signal.SIGINT - 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def _signals(status: Path, key: str) -> int:
    (line,) = [each for each in status.read_text().splitlines() if each.startswith(key)]
    return int(line.split()[1], 16)


def test_a_sweep_that_is_left_ends_its_processes(plan) -> None:
    records = run_on_cores(plan(), list(range(200)), 2)
    next(records)
    assert children()
    records.close()

    assert children() == []


DEADLY = """
import os, signal
from cluster.studies.campaign.sweep_settings import SweepSettings

class Deadly(SweepSettings):
    def __reduce__(self):
        return Deadly, (self.source,)

    def record(self, seed):
        if seed == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"seed": seed, "verdict": "held"}
"""


def test_a_seed_that_kills_its_process_is_a_failure_and_the_rest_is_done(
    plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly_plan.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    deadly = importlib.import_module("deadly_plan").Deadly(plan().source)

    records = {each["seed"]: each for each in run_on_cores(deadly, list(range(30)), 2)}

    assert sorted(records) == list(range(30))
    assert records[13]["failed"] == {"machines": "the process of this trial died"}
    assert [seed for seed, each in records.items() if each["verdict"] != "held"] == [13]
