"""A running cluster watched from outside: top, interrupts; and a finished run read afterwards."""

from pathlib import Path
from threading import Timer

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.loading import load_cluster
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions


def asked(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


class Watcher:
    """Runs commands in a thread of its own once the guests work, then stops the cluster."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.error: Exception | None = None
        self._timer = Timer(0.0, self._watch)

    def start(self) -> None:
        self._timer.start()

    def join(self) -> None:
        self._timer.join()

    def _watch(self) -> None:
        try:
            self.said["top"] = asked("top", "--batch", "--iterations", "2", "--delay", "0.2")
            for target in ("host0/dom0", "host0/web-0"):
                self.said[target] = asked("interrupts", target)
        except Exception as error:  # noqa: BLE001 (told to the test)
            self.error = error
        finally:
            asked_to_stop = CliRunner().invoke(cli, ["fault", "inject", "crash", "host0/dom0"])
            self.said["fault"] = asked_to_stop.output


@pytest.mark.processes
def test_a_cluster_is_watched_while_it_runs_and_read_when_it_is_over(
    scenarios, laboratory, control_sockets: Path, variant
) -> None:
    scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(), duration="3s", dom0_boots=(2,))
    options = SessionOptions(out=laboratory.folder / "live")
    session = Session(load_cluster(laboratory.write(scenario)), options, Progress.silent())
    watcher = Watcher()
    session.when_up = watcher.start
    run = laboratory.run(session)
    watcher.join()

    assert watcher.error is None
    assert "fault x1: crash of host0/dom0" in watcher.said["fault"]
    heads = [line.split() for line in watcher.said["top"].splitlines() if "NAME" in line]
    names = [line.split()[0] for line in watcher.said["top"].splitlines() if "NAME" not in line]
    assert len(heads) == 2
    assert names == ["Domain-0", "web-0", "web-1"] * 2
    assert "xen-pirq -ioapic-level  sda" in watcher.said["host0/dom0"]
    assert watcher.said["host0/dom0"].count("blkif-backend") == 2
    assert "xen-dyn -event          blkif\n" in watcher.said["host0/web-0"]

    kept = asked("interrupts", "host0/web-1", "--run", str(run.directory))
    assert "xen-dyn -event          blkif\n" in kept
    text = asked("export", "--openmetrics", str(run.directory))
    (crash,) = {
        line.rpartition(" ")[0] for line in text.splitlines() if "domzero_faults_injected_total{" in line
    }
    assert 'kind="crash"' in crash
    assert text.endswith("# EOF\n")


def test_a_simulated_run_keeps_the_interrupts_of_all_that_lived_to_its_end(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], invariants=False)

    kept = run.supervisor.lab.interrupt_tables.kept
    assert sorted(kept) == ["host0/dom0", "host0/dom1", "host0/dom2"]
    assert "xen-pirq -ioapic-level  sda" in kept["host0/dom0"]
