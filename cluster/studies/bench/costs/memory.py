"""What the memory of a guest is: `python -m cluster.studies.bench.costs.memory [GUESTS] [PACKED]`.

One host at work, its guests in processes of `PACKED` each; of these, when the workload has ended, the
median of each figure of `smaps_rollup`. What a further packed guest costs is the difference of two runs.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from cluster.lab.config.loading import load_cluster
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

DEFAULTS = (16, 1)
FIGURES = ("Pss", "Private_Dirty", "Shared_Dirty", "Anonymous")


def configuration(guests: int, packed: int) -> dict[str, object]:
    """One host whose guests share processes."""
    names = [f"guest-{number}" for number in range(guests)]
    packs = [names[first : first + packed] for first in range(0, guests, packed)] if packed > 1 else []
    guest = {
        "name": "guest",
        "count": guests,
        "memory": "32MiB",
        "disks": [{"vdev": "xvda", "size": "16MiB"}],
        "workload": {"kind": "random", "rate": "20/s"},
    }
    host = {
        "name": "host0",
        "memory": "8GiB",
        "pack": [["hypervisor", "ioapic"], *packs],
        "disks": [{"name": "sda"}],
        "guests": [guest],
    }
    return {"name": "memory", "run": {"duration": "2s"}, "hosts": [host]}


def weigh(guests: int, packed: int) -> list[dict[str, int]]:
    """The figures of each process that runs guests, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.yaml"
        path.write_text(json.dumps(configuration(guests, packed)))
        options = SessionOptions(out=Path(folder) / "run", weigh=True, private=True)
        session = Session(load_cluster(path), options, Progress.silent())
        session.run_live()
        return session.guest_memory


def main() -> None:
    """Print the figures, and what they are for each guest of a process."""
    guests, packed = (
        int(sys.argv[place]) if len(sys.argv) > place else DEFAULTS[place - 1] for place in (1, 2)
    )
    found = weigh(guests, packed)
    shown = ", ".join(f"{name} {median(row[name] for row in found) / 1e6:.2f}" for name in FIGURES)
    print(f"{guests} guests, {packed} to a process, {len(found)} processes: {shown} MB")


if __name__ == "__main__":
    main()
