"""Resident memory of a sweep as its seeds go by.

`python -m cluster.studies.bench.costs.sweeping [SEEDS] [JOBS]`

It starts `domzero sweep` on the small reference, without the checks after each turn so that many seeds go by,
and prints, each time that a tenth of them is done, what /proc says of the sweep itself and of its largest
worker (with one job the sweep runs its seeds itself): the least since the row before, so between two trials.
A slope is fitted to the second half, when every cache has been filled.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import linear_regression

ROWS = 10
LOOK_S = 0.2
MIB = 1 << 10  # in KiB, as /proc counts
CONFIG = Path(__file__).parents[4] / "configs" / "campaign.yaml"


def status_of(pid: int) -> dict[str, int]:
    """Parent and resident KiB of a process; nothing if it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return {}
    rows = dict(line.split(":", 1) for line in text.splitlines())
    if "VmRSS" not in rows:
        return {}
    return {"parent": int(rows["PPid"]), "kib": int(rows["VmRSS"].split()[0])}


def below(root: int) -> dict[int, int]:
    """Resident KiB of every process below `root`."""
    found = {int(each.name): status_of(int(each.name)) for each in Path("/proc").glob("[0-9]*")}
    tree = {root}
    while more := {pid for pid, row in found.items() if row.get("parent") in tree} - tree:
        tree |= more
    return {pid: found[pid]["kib"] for pid in tree - {root} if found.get(pid)}


def measure(seeds: int, jobs: int, results: Path) -> list[tuple[int, int, int]]:
    """Rows of (seeds done, KiB of the sweep, KiB of its largest worker)."""
    command = (
        sys.executable, "-m", "cluster.command.cli", "sweep", CONFIG, "--seeds", f"0:{seeds}",
        "--jobs", str(jobs), "--no-invariants", "--out", results,
    )  # fmt: skip
    rows: list[tuple[int, int, int]] = []
    seen: list[tuple[int, int]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sweep:  # noqa: S603 (our own command)
        while sweep.poll() is None:
            try:
                sweep.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                done = results.read_text().count("\n") - 1 if results.exists() else 0
                own, workers = status_of(sweep.pid), below(sweep.pid)
                if own and done < seeds:  # after that the workers end
                    seen.append((own["kib"], max(workers.values(), default=0)))
                if seen and done * ROWS // seeds > len(rows):
                    rows.append((done, min(each[0] for each in seen), min(each[1] for each in seen)))
                    seen.clear()
                    print(f"{done:>8,} {rows[-1][1] / MIB:>10.1f} {rows[-1][2] / MIB:>10.1f}", flush=True)
    if sweep.returncode:
        raise SystemExit(f"the sweep ended with {sweep.returncode}")
    return rows


def main(seeds: int = 2000, jobs: int = 1) -> None:
    """The rows, and the slope of their second half."""
    print(f"{'seeds':>8} {'sweep MiB':>10} {'worker MiB':>10}")
    with tempfile.TemporaryDirectory(prefix="domzero-") as folder:
        rows = measure(seeds, jobs, Path(folder) / "sweep.jsonl")
    rows = rows[len(rows) // 2 :]
    for name, column in (("sweep", 1), ("worker", 2)):
        slope = linear_regression([row[0] for row in rows], [row[column] for row in rows]).slope
        print(f"{name}: {slope * 1000:+.0f} KiB for each 1,000 seeds in the second half")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
