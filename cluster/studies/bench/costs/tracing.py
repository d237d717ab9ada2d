"""What `--trace` costs: random reads of 4 KiB with and without it, in pairs, one after the other.

    python -m cluster.studies.bench.costs.tracing [--depth 1] [--depth 32] [--pairs 4] [--seconds 2]

Processor time for a read says it even where others use the machine; the rate needs a quiet one. The time for
putting the trace together at the end of the run is not in it.
"""

import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click

from actors.notebook.journal_header import Word
from cluster.lab.config.loading import load_cluster
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

CONFIGURATION = """\
name: trace-cost
run: {{duration: {seconds}s, settle: 10s}}
hosts:
  - name: host0
    memory: 1GiB
    disks: [{{name: sda, trigger: edge}}]
    guests:
      - name: guest
        memory: 32MiB
        disks: [{{vdev: xvda, size: 16MiB}}]
        workload: {{kind: random, read_share: 1.0, depth: {depth}, verify: false}}
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """How many a second, and what one took of the processors."""

    rate: float
    cpu_us: float


def cpu_s() -> float:
    """Processor time of all that have ended beneath this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def reads(depth: int, seconds: int, *, trace: bool) -> Reads:
    """A run of `seconds`."""
    with tempfile.TemporaryDirectory(prefix="domzero-trace-") as folder:
        file = Path(folder) / "cost.yaml"
        file.write_text(CONFIGURATION.format(depth=depth, seconds=seconds))
        options = SessionOptions(out=Path(folder) / "run", trace=trace)
        before_s = cpu_s()
        supervisor = Session(load_cluster(file), options, Progress.silent()).run_live()
        spent_s = cpu_s() - before_s
        journal = next(iter(supervisor.lab.guests.values())).journals[0]
        count = journal.word(Word.READS)
        took_ns = journal.word(Word.LAST_COMPLETION_NS) - supervisor.phases.workload_began_ns
        return Reads((count - supervisor.phases.completed_at_start) / took_ns * 1e9, spent_s / count * 1e6)


@click.command()
@click.option("--depth", "depths", type=int, multiple=True, default=(1, 32))
@click.option("--pairs", default=4)
@click.option("--seconds", default=2)
def main(depths: tuple[int, ...], pairs: int, seconds: int) -> None:
    """Pairs of runs for each depth."""
    for depth in depths:
        rates, times = [], []
        for _ in range(pairs):
            off, on = (reads(depth, seconds, trace=trace) for trace in (False, True))
            rates.append(1 - on.rate / off.rate)
            times.append(1 - off.cpu_us / on.cpu_us)
            click.echo(
                f"depth {depth}: {off.rate:,.0f} reads/s without, {on.rate:,.0f} with; "
                f"{off.cpu_us:.1f} and {on.cpu_us:.1f} us of processor time a read"
            )
        click.echo(
            f"depth {depth}: costs {median(rates):.1%} of the rate, {median(times):.1%} by processor time"
        )


if __name__ == "__main__":
    main()
