"""The same sweep on a Dask cluster of processes on this machine."""

import os
import signal

import pytest

from cluster.campaign.dask_engine import run_on_dask
from cluster.campaign.sweep import run_here
from cluster.preflight import CannotStart

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def cluster(tmp_path):
    with distributed.LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        local_directory=str(tmp_path),
        silence_logs=50,
    ) as cluster:
        yield cluster


def comparable(records) -> dict[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for record in records:
        assert record["seed"] not in found, "a seed came twice"
        found[record["seed"]] = {key: value for key, value in record.items() if key != "wall_s"}
    return found


def test_nothing_is_lost_or_counted_twice_when_a_worker_is_killed(cluster, plan) -> None:
    seeds = list(range(32))
    records = run_on_dask(plan(), seeds, cluster.scheduler_address)
    found = [next(records)]
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    found.extend(records)

    assert comparable(found) == comparable(run_here(plan(), seeds))


def test_a_scheduler_that_does_not_answer_is_an_error_that_says_so(plan, monkeypatch) -> None:
    monkeypatch.setattr("cluster.campaign.dask_engine.CONNECT_S", 1)
    with pytest.raises(CannotStart, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        list(run_on_dask(plan(), [1], "tcp://127.0.0.1:9"))
