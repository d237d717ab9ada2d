"""Runs a scenario in either driver."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.report import Report, build_report
from cluster.running.drivers.simulated import RunObserver, run_simulated
from cluster.running.run.progress import Progress
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.session import Session, SessionOptions
from tests.cluster.whole.scenario import Scenario

LIVE_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is over."""

    report: Report
    supervisor: Supervisor
    directory: Path

    def facts(self) -> dict[str, object]:
        """What must be the same in both drivers."""
        data = self.report.to_dict()
        logs = [each.read_text() for each in sorted((self.directory / "logs").iterdir())]
        return {
            "verdict": data["verdict"],
            "survived": tuple(each["survived"] for each in data["guests"]),
            "guest_boots": tuple(each["boots"] for each in data["guests"]),
            "boots": tuple(each["boots"] for each in data["hosts"]),
            "dom0_boots": tuple(each["dom0_boots"] for each in data["hosts"]),
            "rings": sum(text.count("offering a ring to domain") for text in logs),
            "taken_over": sum(text.count("xl: took over") for text in logs),
        }

    def check(self, name: str) -> str:
        """The verdict of one check."""
        (found,) = [each.verdict.value for each in self.report.checks if each.name.startswith(name)]
        return found

    def story(self) -> str:
        """Everything that was checked, for the message of a failed assertion."""
        rows = [f"{each.name}: {each.verdict.value}: {each.detail}" for each in self.report.checks]
        rows += [f"expected: {each.verdict.value}: {each.text}" for each in self.report.expected]
        return "\n".join(rows)


class Typist(RunObserver):
    """Types a line on dom0's console each time that a fault is done."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._supervisor: Supervisor | None = None

    def begins(self, _simulation: Simulation, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def observe(self, what: str, _text: str) -> None:
        if what == "fault" and self._line and self._supervisor is not None:
            for board in self._supervisor.boards.values():
                board.domains.type_on_console("dom0", self._line)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Runs scenarios, each in a folder of its own."""

    folder: Path

    def write(self, scenario: Scenario) -> Path:
        path = self.folder / f"{scenario.name}.yaml"
        path.write_text(json.dumps(scenario.configuration(self.folder)))
        return path

    def simulate(
        self,
        scenario: Scenario,
        *,
        seed: int = 1,
        trace: bool = False,
        out: str = "simulated",
        invariants: bool = True,
        typed: str = "",
    ) -> Run:
        """In virtual time, with every invariant checked after every turn unless told otherwise.

        `typed`: on the consoles of all dom0s, each time that a fault is done.
        """
        cluster = load_cluster(self.write(scenario)).with_seed(seed)
        directory = RunDirectory.create(cluster.name, self.folder / out).path
        placed = cluster.placed(directory / "images")
        typist = Typist(typed)
        supervisor, read_volume = run_simulated(
            placed, typist.observe, directory, trace=trace, invariants=invariants, observer=typist
        )
        report = build_report(placed, "simulated", supervisor, directory, read_volume)
        return Run(report, supervisor, directory)

    def session(self, scenario: Scenario, progress: Progress | None = None) -> Session:
        """A run with real processes that is about to begin."""
        options = SessionOptions(out=self.folder / "live")
        return Session(load_cluster(self.write(scenario)), options, progress or Progress.silent())

    def run(self, session: Session) -> Run:
        """With real processes; one that hangs is interrupted, and then has no good verdict."""
        alarm = Timer(LIVE_LIMIT_S, os.kill, (os.getpid(), signal.SIGINT))
        alarm.daemon = True
        alarm.start()
        try:
            report = session.run()
        finally:
            alarm.cancel()
        return Run(report, session.supervisor, session.directory)
