"""Whole runs, small ones: the table of scenarios, and how to run one in either driver."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer

import pytest

from actors.runtime.simulation import Simulation
from cluster.config.loading import load_cluster
from cluster.drivers.simulated import RunObserver, run_simulated
from cluster.experiment.supervisor import Supervisor
from cluster.run.progress import Progress
from cluster.run.run_directory import RunDirectory
from cluster.run.session import Session, SessionOptions
from cluster.verdict.report import Report, build_report

LIVE_LIMIT_S = 120
CRASH = {"kind": "crash", "target": "host0/dom0", "at": "150ms"}
WORK = {"kind": "random", "depth": 4, "read_share": 0.3, "flush_every": 16, "rate": "60/s"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run, and what must come of it in either driver.

    `rings`: how often a frontend offered a ring; `taken_over`: how often a dom0 found a guest alive.
    """

    name: str
    host: dict[str, object] = field(default_factory=dict)
    guest: dict[str, object] = field(default_factory=dict)
    work: dict[str, object] = field(default_factory=dict)
    latency: dict[str, str] = field(default_factory=lambda: {"read": "2ms", "write": "2ms"})
    faults: tuple[dict[str, object], ...] = (CRASH,)
    hosts: int = 1
    duration: str = "300ms"
    settle: str = "10s"
    survivors: object = "all"
    processes: bool = False
    verdict: str = "held"
    survived: tuple[bool, ...] = (True, True)
    guest_boots: tuple[int, ...] = (1, 1)
    boots: tuple[int, ...] = (1,)
    dom0_boots: tuple[int, ...] = (2,)
    rings: int = 4
    taken_over: int = 2

    def configuration(self, folder: Path) -> dict[str, object]:
        guest = {
            "name": "web",
            "count": 2,
            "memory": "4MiB",
            "on_crash": "restart",
            "disks": [{"vdev": "xvda", "size": "128KiB"}],
            "workload": {**WORK, **self.work},
            **self.guest,
        }
        host = {
            "memory": "64MiB",
            "dom0": {"memory": "16MiB"},
            "watchdog": "1s",
            "disks": [{"name": "sda", "latency": self.latency}],
            "guests": [guest],
            **self.host,
        }
        return {
            "name": "small",
            "run": {"duration": self.duration, "settle": self.settle},
            "hosts": [{"name": f"host{index}", **host} for index in range(self.hosts)],
            "faults": list(self.faults),
            "expect": {"lost": 0} | ({"survivors": self.survivors} if self.survivors is not None else {}),
        }

    def expected(self) -> dict[str, object]:
        return {
            "verdict": self.verdict,
            "survived": self.survived,
            "guest_boots": self.guest_boots,
            "boots": self.boots,
            "dom0_boots": self.dom0_boots,
            "rings": self.rings,
            "taken_over": self.taken_over,
        }


def _dom0_restarts() -> list[Scenario]:
    """A new dom0, by every policy; resumed rings are not offered again."""
    live = {"renegotiate-dom0-crash", "resume-stubdom-crash", "renegotiate-dom0-hang", "resume-dom0-crash"}
    found = []
    for reconnect, rings in (("renegotiate", 4), ("resume", 2)):
        for xenstore in ("dom0", "stubdom"):
            for kind in ("crash", "hang"):
                name = f"{reconnect}-{xenstore}-{kind}"
                found.append(
                    Scenario(
                        name,
                        host={"reconnect": reconnect, "xenstore": xenstore},
                        faults=({**CRASH, "kind": kind},),
                        rings=rings,
                        processes=name in live,
                    )
                )
    return found


def _of_a_guest(action: str, **outcome: object) -> Scenario:
    fault = {**CRASH, "target": "host0/web-0"}
    guest = {"on_crash": action}
    return Scenario(
        f"guest-{action}",
        guest=guest,
        faults=(fault,),
        survivors=1,
        survived=(False, True),
        dom0_boots=(1,),
        taken_over=0,
        **outcome,
    )


def _driver_domains() -> list[Scenario]:
    """A driver domain serves both guests; `live` ones run with real processes, too."""
    storage = {**CRASH, "target": "host0/storage"}
    row = Scenario(
        "driver-domain-crash",
        host={"driver_domains": [{"name": "storage", "memory": "4MiB", "disks": ["sda"]}]},
        guest={"disks": [{"vdev": "xvda", "size": "128KiB", "backend": "storage"}]},
        faults=(storage,),
        dom0_boots=(1,),
        taken_over=0,
        processes=True,
    )
    resumed = {**row.host, "reconnect": "resume"}
    stub = {**row.host, "xenstore": "stubdom"}
    return [
        row,
        replace(row, name="driver-domain-crash-resumed", host=resumed, rings=2, processes=False),
        replace(row, name="driver-domain-hang", faults=({**storage, "kind": "hang"},)),
        replace(row, name="driver-domain-crash-stubdom", host=stub, processes=False),
        replace(
            row,
            name="driver-domain-thrice",
            faults=({**storage, "every": "50ms", "count": 3},),
            rings=8,
            processes=False,
        ),
        replace(
            row, name="driver-domain-dom0-crash", faults=(CRASH,), dom0_boots=(2,), rings=2, taken_over=3
        ),
        replace(
            row,
            name="driver-domain-dom0-crash-stock-linux",
            host=stub,
            guest={**row.guest, "frontend": "stock-linux"},
            faults=(CRASH,),
            dom0_boots=(2,),
            rings=2,
            taken_over=3,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-and-dom0-crash",
            faults=(storage, CRASH),
            dom0_boots=(2,),
            taken_over=3,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-destroyed",
            host={"driver_domains": [{**row.host["driver_domains"][0], "on_crash": "destroy"}]},
            survivors="none",
            survived=(False, False),
            settle="1s",
            rings=2,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-hwdom-reboot",
            host={**row.host, "hwdom": "reboot"},
            faults=(CRASH,),
            survivors="none",
            survived=(False, False),
            guest_boots=(2, 2),
            boots=(2,),
            dom0_boots=(2,),
            processes=False,
        ),
    ]


SCENARIOS = [
    *_dom0_restarts(),
    *_driver_domains(),
    Scenario(
        "hwdom-reboot",
        host={"hwdom": "reboot"},
        survivors="none",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
        processes=True,
    ),
    Scenario(
        "hwdom-halt",
        host={"hwdom": "halt"},
        survivors="none",
        survived=(False, False),
        dom0_boots=(1,),
        rings=2,
        taken_over=0,
        processes=True,
    ),
    Scenario(
        "stock-linux-hangs",
        guest={"frontend": "stock-linux"},
        settle="1s",
        survivors="none",
        survived=(False, False),
        rings=2,
    ),
    _of_a_guest("restart", guest_boots=(2, 1), rings=3, processes=True),
    _of_a_guest("destroy", guest_boots=(1, 1), rings=2, settle="1s"),
    _of_a_guest("preserve", guest_boots=(1, 1), rings=2, settle="1s"),
    Scenario(
        "two-hosts",
        hosts=2,
        survived=(True,) * 4,
        guest_boots=(1,) * 4,
        boots=(1, 1),
        dom0_boots=(2, 1),
        rings=6,
        processes=True,
    ),
    Scenario(
        "packed",
        host={"pack": [["hypervisor", "ioapic", "sda"], ["web-0", "web-1"]], "transport": "tcp"},
        processes=True,
    ),
    Scenario(
        "packed-reboot",
        host={"pack": [["hypervisor", "ioapic"], ["web-0", "web-1"]], "hwdom": "reboot"},
        survivors="none",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
        processes=True,
    ),
    Scenario(
        "three-crashes",
        faults=({**CRASH, "every": "50ms", "count": 3},),
        dom0_boots=(4,),
        rings=8,
        taken_over=6,
    ),
    Scenario(
        "three-crashes-resumed",
        host={"reconnect": "resume"},
        faults=({**CRASH, "every": "50ms", "count": 3},),
        dom0_boots=(4,),
        rings=2,
        taken_over=6,
        processes=True,
    ),
    Scenario(
        "wrong-prediction",
        host={"hwdom": "reboot"},
        verdict="failed",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
    ),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, rows in (
        ("scenario", SCENARIOS),
        ("live_scenario", [each for each in SCENARIOS if each.processes]),
    ):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, rows, ids=[each.name for each in rows])


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
                board.type_on_console("dom0", self._line)


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
            placed, typist.observe, directory, trace=trace, invariants=invariants, witness=typist
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


@pytest.fixture
def scenarios() -> dict[str, Scenario]:
    return {each.name: each for each in SCENARIOS}


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


@pytest.fixture
def control_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for control sockets, with a short name since their paths end at 107 bytes."""
    base = Path(tempfile.mkdtemp(prefix="dz-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    yield base / f"domzero-{os.getuid()}"
    shutil.rmtree(base)


@pytest.fixture
def ext4_image(tmp_path: Path) -> Path:
    """A real file system with real files in it."""
    program = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("mke2fs (e2fsprogs) is not installed")
    files = tmp_path / "files"
    files.mkdir()
    for index in range(8):
        (files / f"page-{index}.txt").write_text(f"page {index}\n" * 2000)
    image = tmp_path / "root.ext4"
    command = [program, "-q", "-F", "-t", "ext4", "-d", str(files), str(image), "2M"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return image


@pytest.fixture
def checksum_scenario(ext4_image: Path) -> Scenario:
    """A guest reads the whole image while dom0 is killed."""
    return Scenario(
        "checksum",
        guest={
            "count": 1,
            "disks": [{"vdev": "xvda", "image": str(ext4_image), "mode": "ro"}],
            "workload": {"kind": "checksum", "block": "16KiB"},
        },
        latency={"read": "4ms"},
        duration="20s",
        survived=(True,),
        guest_boots=(1,),
        rings=2,
        taken_over=1,
    )


@pytest.fixture
def variant() -> Callable[..., Scenario]:
    """A scenario like another one, in some ways different."""
    return replace
