"""What statistics cost: `.venv/bin/python bench/statistics_cost.py [PAIRS] [GUESTS]`.

The same guests work as fast as they can, in turns with statistics never read and with statistics read
at the default interval while the endpoint is scraped once a second; a pair is two neighbouring runs.
"""

import json
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


def measure(guests: int, interval: str, *, scraped: bool) -> float:
    """Requests a second, all guests together."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cost.yaml"
        path.write_text(json.dumps(configuration(guests, interval)))
        session = Session(load_cluster(path), SessionOptions(out=Path(folder) / "run"), Progress.silent())
        done = Event()
        thread = Thread(target=scrape, args=(session, done), daemon=True)
        if scraped:
            session.when_up = thread.start
        supervisor = session.run_live()
        done.set()
        answered = sum(each.completed for each in supervisor.guests.values())
        return (answered - supervisor.completed_at_start) / SECONDS


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    guests = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    measure(guests, "0s", scraped=False)  # warm
    costs = []
    for index in range(pairs):
        order = [False, True] if index % 2 else [True, False]
        found = {on: measure(guests, "1s" if on else "0s", scraped=on) for on in order}
        costs.append((1 - found[True] / found[False]) * 100)
        print(f"off {found[False]:8.0f}/s  on {found[True]:8.0f}/s  cost {costs[-1]:+5.1f} %", flush=True)
    spread = stdev(costs) / len(costs) ** 0.5 if len(costs) > 1 else 0.0
    print(f"cost: mean {mean(costs):+.1f} % (standard error {spread:.1f}), median {median(costs):+.1f} %")


if __name__ == "__main__":
    main()
