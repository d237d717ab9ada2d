"""What statistics cost: `.venv/bin/python bench/statistics_cost.py [PAIRS] [GUESTS]`.

The same guests do the same work in turns with statistics never read, and with statistics read at the
default interval while the endpoint is scraped once a second; a pair is two neighbouring runs. Shown are
requests a second (on a machine of one's own) and processor time for a request, of all processes together,
which others on the machine disturb less: where the processors are what limits, both cost the same share.
"""

import json
import resource
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import mean, median, stdev
from threading import Event, Thread

from cluster.config import load_cluster
from cluster.progress import Progress
from cluster.session import Session, SessionOptions

SECONDS = 4
WORK = {"depth": 8, "read_share": 0.5, "flush_every": 0, "verify": False}


def configuration(guests: int, interval: str) -> dict[str, object]:
    disks = [{"vdev": "xvda", "size": "4MiB"}]
    guest = {"name": "web", "count": guests, "memory": "4MiB", "disks": disks, "workload": WORK}
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


def scrape(session: Session, done: Event) -> None:
    while not done.wait(1):
        for url in session.metrics_urls.values():
            urllib.request.urlopen(url, timeout=5).read()


def cpu_s() -> float:
    """Processor time of this process and of all that have ended beneath it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(guests: int, interval: str, *, scraped: bool) -> tuple[float, float]:
    """Requests a second, and microseconds of processor time for each, all guests together."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cost.yaml"
        path.write_text(json.dumps(configuration(guests, interval)))
        session = Session(load_cluster(path), SessionOptions(out=Path(folder) / "run"), Progress.silent())
        done = Event()
        thread = Thread(target=scrape, args=(session, done), daemon=True)
        if scraped:
            session.when_up = thread.start
        began_s = cpu_s()
        supervisor = session.run_live()
        done.set()
        answered = sum(each.completed for each in supervisor.guests.values())
        rate = (answered - supervisor.completed_at_start) / SECONDS
        return rate, (cpu_s() - began_s) / answered * 1e6


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    guests = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    measure(guests, "0s", scraped=False)  # warm
    costs: dict[str, list[float]] = {"throughput": [], "processor time": []}
    for index in range(pairs):
        order = [False, True] if index % 2 else [True, False]
        found = {on: measure(guests, "1s" if on else "0s", scraped=on) for on in order}
        (off_rate, off_us), (on_rate, on_us) = found[False], found[True]
        costs["throughput"].append((1 - on_rate / off_rate) * 100)
        costs["processor time"].append((1 - off_us / on_us) * 100)
        print(
            f"off {off_rate:7.0f}/s {off_us:6.1f} us  on {on_rate:7.0f}/s {on_us:6.1f} us  cost "
            + "  ".join(f"{name} {each[-1]:+5.1f} %" for name, each in costs.items()),
            flush=True,
        )
    for name, found_costs in costs.items():
        spread = stdev(found_costs) / pairs**0.5 if pairs > 1 else 0.0
        print(
            f"{name}: mean {mean(found_costs):+.1f} % (standard error {spread:.1f}), "
            f"median {median(found_costs):+.1f} %"
        )


if __name__ == "__main__":
    main()
