"""What statistics cost: `python -m cluster.studies.bench.costs.rounds [PAIRS] [GUESTS]`.

First the processor time of one round (everybody is asked and answers, the endpoint is scraped once) out of
runs whose guests hardly do anything: where the processors are what limits, that is the throughput lost, as
a share of the machine's. Then the same the direct way, in pairs of neighbouring runs whose guests work as
fast as they can, without and with statistics; those need a machine of one's own.
"""

import json
import os
import resource
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import mean, median, stdev
from threading import Event, Thread

from cluster.lab.config.loading import load_cluster
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

SECONDS = 4
BUSY = {"depth": 8, "read_share": 0.5, "flush_every": 0, "verify": False}
IDLE = {"depth": 1, "rate": "1/s"}
ROUNDS_PER_S = 10


def configuration(guests: int, interval: str, work: Mapping[str, object]) -> dict[str, object]:
    """One host whose guests do `work`."""
    disks = [{"vdev": "xvda", "size": "4MiB"}]
    guest = {"name": "web", "count": guests, "memory": "4MiB", "disks": disks, "workload": work}
    host = {
        "name": "host0",
        "memory": "256MiB",
        "dom0": {"memory": "64MiB"},
        "disks": [{"name": "sda"}],
        "guests": [guest],
    }
    return {
        "name": "cost",
        "run": {"duration": f"{SECONDS}s"},
        "metrics": {"interval": interval},
        "hosts": [host],
    }


def scrape(session: Session, done: Event, every_s: float) -> None:
    """Read every page of metrics, until `done`."""
    while not done.wait(every_s):
        for url in session.metrics.urls.values():
            with suppress(OSError):  # the run may be over by now
                urllib.request.urlopen(url, timeout=5).read()  # noqa: S310 (the session's own address)


def cpu_s() -> float:
    """Processor time of this process and of all that have ended beneath it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(guests: int, interval: str, work: Mapping[str, object], scrape_s: float) -> tuple[int, float]:
    """Requests answered while the workload ran, and seconds of processor time of the whole run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cost.yaml"
        path.write_text(json.dumps(configuration(guests, interval, work)))
        session = Session(load_cluster(path), SessionOptions(out=Path(folder) / "run"), Progress.silent())
        done = Event()
        thread = Thread(target=scrape, args=(session, done, scrape_s), daemon=True)
        if scrape_s:
            session.when_up = thread.start
        began_s = cpu_s()
        supervisor = session.run_live()
        done.set()
        answered = sum(each.completed for each in supervisor.guests.values())
        return answered - supervisor.phases.completed_at_start, cpu_s() - began_s


def measure_round(guests: int, repeats: int) -> None:
    """Processor time of one round."""
    costs_ms = []
    for _ in range(repeats):
        without_s = run(guests, "0s", IDLE, 0)[1]
        with_s = run(guests, f"{1000 // ROUNDS_PER_S}ms", IDLE, 1 / ROUNDS_PER_S)[1]
        costs_ms.append((with_s - without_s) / (ROUNDS_PER_S * SECONDS) * 1000)
    cost_ms, processors = median(costs_ms), os.cpu_count() or 1
    each = ", ".join(f"{cost:.2f}" for cost in costs_ms)
    print(f"{guests} guests, one round: {cost_ms:.2f} ms of processor time ({each}),")
    print(f"once a second {cost_ms / 10 / processors:.2f} % of {processors} processors", flush=True)


def measure_pairs(guests: int, pairs: int) -> None:
    """Throughput lost at the default interval."""
    costs = []
    for index in range(pairs):
        order = [False, True] if index % 2 else [True, False]
        found = {on: run(guests, "1s" if on else "0s", BUSY, int(on))[0] / SECONDS for on in order}
        costs.append((1 - found[True] / found[False]) * 100)
        print(f"off {found[False]:7.0f}/s  on {found[True]:7.0f}/s  cost {costs[-1]:+5.1f} %", flush=True)
    spread = stdev(costs) / pairs**0.5 if pairs > 1 else 0.0
    print(f"cost: mean {mean(costs):+.1f} % (standard error {spread:.1f}), median {median(costs):+.1f} %")


def main() -> None:
    """A round, then the pairs."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    guests = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    measure_round(guests, 3)
    if pairs:
        measure_pairs(guests, pairs)


if __name__ == "__main__":
    main()
