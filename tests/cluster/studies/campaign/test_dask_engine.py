"""The same sweep on a Dask cluster of processes here, in a process of its own, since Dask leaves threads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.studies.campaign.sweep import run_here

pytest.importorskip("distributed")
pytestmark = pytest.mark.processes
LIMIT_S = 240

KILLED_IN_THE_MIDDLE = """
import json, os, signal, sys
from pathlib import Path
import distributed
from cluster.studies.campaign.dask_engine import run_on_dask
from cluster.studies.campaign.sweep_settings import SweepSettings
from cluster.lab.config.yaml_source import YamlSource

def main():
    plan = SweepSettings(YamlSource.read(Path(sys.argv[1])))
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
        local_directory=sys.argv[2], silence_logs=50,
    ) as cluster:
        records = run_on_dask(plan, list(range(24)), cluster.scheduler_address)
        print(json.dumps(next(records)))
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        for record in records:
            print(json.dumps(record))

if __name__ == "__main__":
    main()
"""


def test_nothing_is_lost_or_counted_twice_when_a_worker_is_killed(file: Path, plan, tmp_path: Path) -> None:
    script = tmp_path / "killed_in_the_middle.py"
    script.write_text(KILLED_IN_THE_MIDDLE)

    done = subprocess.run(
        [sys.executable, script, file, tmp_path], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert done.returncode == 0, done.stderr
    found = [json.loads(each) for each in done.stdout.splitlines()]
    expected = list(run_here(plan(), list(range(24))))
    for record in (*found, *expected):
        del record["wall_s"]
    assert sorted(found, key=lambda each: each["seed"]) == expected


def test_a_scheduler_that_does_not_answer_is_an_error_that_says_so(file: Path) -> None:
    script = (
        "import sys; from cluster.studies.campaign import dask_engine; dask_engine.CONNECT_S = 1; "
        "sys.argv[0] = 'domzero'; from cluster.command.cli import main; main()"
    )
    words = ["sweep", file, "--seeds", "1", "--dask", "tcp://127.0.0.1:9", "--out", file.parent / "out.jsonl"]

    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert done.returncode == 254
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
