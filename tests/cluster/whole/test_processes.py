"""What happens around a run with real processes: what it leaves behind, and who else may kill."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from actors.devices.file_image import FileImage
from cluster.running.control.client import ask
from cluster.running.drivers.zygote import start_zygote
from cluster.running.run import live_run

pytestmark = pytest.mark.processes

PATIENCE_S = 60
STOPPED_S = 4
"""Longer than any watchdog here."""


def in_group(group: int) -> list[str]:
    """The processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                name, _, fields = (entry / "stat").read_text().rpartition(")")
            except OSError:  # it has just ended
                continue
            if int(fields.split()[2]) == group:
                found.append(name)
    return found


def open_files() -> dict[str, int]:
    """How many memory files and sockets this process has open."""
    links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return {kind: sum(kind in each for each in links) for kind in ("memfd", "socket")}


def marked(mark: str) -> list[int]:
    """The processes whose environment had this in it when they began."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:  # it has just ended, or is another user's
                continue
            if mark.encode() in environment:
                found.append(int(entry.name))
    return found


def wait_for_the_end(pidfds: list[int]) -> None:
    """Wait until these processes have ended; close the descriptors."""
    for pidfd in pidfds:
        readable, _, _ = select.select([pidfd], [], [], PATIENCE_S)
        os.close(pidfd)
        assert readable, "a process lives on"


class Progress:
    """Does something in a thread of its own as soon as something was seen."""

    def __init__(self, when: str, act: Callable[[], object]) -> None:
        self._when = when
        self._thread = Thread(target=act, daemon=True)
        self._begun = False

    def observe(self, what: str, _text: str) -> None:
        if what == self._when and not self._begun:
            self._begun = True
            self._thread.start()

    def say(self, _text: str) -> None: ...

    def watch(self, _describe: Callable[[], str]) -> None: ...

    def stop(self) -> None:
        if self._begun:
            self._thread.join(PATIENCE_S)


def test_nothing_is_left_behind(
    scenarios, laboratory, control_sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []

    def starting(child: Callable) -> tuple:
        pid, link = start_zygote(child)
        groups.append(pid)
        return pid, link

    monkeypatch.setattr(live_run, "start_zygote", starting)
    before = open_files()
    session = laboratory.session(scenarios["renegotiate-dom0-crash"])
    seen: list[int] = []
    session._progress = Progress("workload", lambda: seen.extend(map(len, map(in_group, groups))))

    run = laboratory.run(session)

    assert run.report.verdict.value == "held", run.story()
    assert seen, "the run went on unseen"
    assert seen[0] >= 6, "the zygote, hypervisor, IO-APIC, disk, dom0 and guests are in one group"
    assert in_group(groups[0]) == []
    assert list(control_sockets.iterdir()) == []
    assert open_files() == before
    for image in (run.directory / "images").iterdir():
        FileImage(str(image), read_only=False).close()
        assert image.stat().st_size == 128 << 10


def test_a_kill_from_another_terminal_is_a_fault(
    scenarios, laboratory, variant, control_sockets: Path
) -> None:
    def kill() -> None:
        (host,) = ask("small", "status", {}).values["hosts"]
        (pid,) = [each["pid"] for each in host["domains"] if each["name"] == "dom0"]
        os.kill(pid, signal.SIGKILL)

    scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(), duration="2s")
    run = laboratory.run(laboratory.session(scenario, Progress("workload", kill)))

    assert run.facts() == scenario.expected(), run.story()
    (fault,) = run.report.to_dict()["faults"]
    assert (fault["kind"], fault["target"]) == ("kill -9", "host0/dom0")
    assert fault["injected_at_ns"] <= fault["detected_at_ns"] < fault["recovered_at_ns"]


def test_a_killed_guest_is_a_fault_and_boots_again(
    scenarios, laboratory, variant, control_sockets: Path
) -> None:
    def kill() -> None:
        (host,) = ask("small", "status", {}).values["hosts"]
        (pid,) = [each["pid"] for each in host["domains"] if each["name"] == "web-1"]
        os.kill(pid, signal.SIGKILL)

    scenario = variant(
        scenarios["guest-restart"], faults=(), duration="2s", survived=(True, False), guest_boots=(1, 2)
    )
    run = laboratory.run(laboratory.session(scenario, Progress("workload", kill)))

    assert run.facts() == scenario.expected(), run.story()
    (fault,) = run.report.to_dict()["faults"]
    assert (fault["kind"], fault["target"]) == ("kill -9", "host0/web-1")


def test_a_stop_from_another_terminal_is_a_hang(
    scenarios, laboratory, variant, control_sockets: Path
) -> None:
    def stop() -> None:
        (host,) = ask("small", "status", {}).values["hosts"]
        (pid,) = [each["pid"] for each in host["domains"] if each["name"] == "dom0"]
        os.kill(pid, signal.SIGSTOP)

    scenario = variant(scenarios["renegotiate-dom0-hang"], faults=(), duration="3s")
    run = laboratory.run(laboratory.session(scenario, Progress("workload", stop)))

    assert run.facts() == scenario.expected(), run.story()
    data = run.report.to_dict()
    assert [(each["id"], each["kind"], each["target"]) for each in data["faults"]] == [
        ("x1", "hang", "host0/dom0")
    ]
    assert (data["clock_gaps"], run.check("host clock")) == ([], "held")


def test_a_supervisor_that_alone_is_stopped_makes_nothing_unknown_of_the_guests(
    start, tmp_path: Path
) -> None:
    process, _ = start("2s")

    process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(STOPPED_S)
    process.send_signal(signal.SIGCONT)

    assert process.wait(PATIENCE_S) == 0
    report = json.loads((tmp_path / "out/run.json").read_text())
    assert [each["alone"] for each in report["clock_gaps"]] == [True]


@pytest.fixture
def start(scenarios, laboratory, variant, control_sockets: Path, tmp_path: Path):
    """Starts `domzero run` without faults: the command, at work, and the mark of its processes."""
    mark = f"DOMZERO_TEST_MARK={tmp_path}"
    name, _, value = mark.partition("=")
    started = []

    def _start(duration: str) -> tuple[subprocess.Popen, str]:
        scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(), duration=duration)
        command = ["run", laboratory.write(scenario), "--out", tmp_path / "out"]
        process = subprocess.Popen(
            [sys.executable, "-m", "cluster.command.cli", *command],
            env={**os.environ, name: value},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("workload" in line for line in lines), "it ended before its guests worked"
        return process, mark

    yield _start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_S)
        process.stderr.close()


@pytest.fixture
def command(start):
    """A long experiment that is at work."""
    return start("5min")


def test_a_machine_that_stands_still_is_no_fault_of_the_experiment(start, tmp_path: Path) -> None:
    process, mark = start("2s")
    everybody = marked(mark)
    assert len(everybody) >= 7

    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(STOPPED_S)
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)

    assert process.wait(PATIENCE_S) == 2
    report = json.loads((tmp_path / "out/run.json").read_text())
    assert [(each["phase"], each["alone"]) for each in report["clock_gaps"]][:1] == [("workload", False)]
    assert [each["name"] for each in report["checks"] if each["verdict"] != "held"] == ["host clock"]
    assert (report["faults"], report["hosts"][0]["dom0_boots"]) == ([], 1)
    assert [each["survived"] for each in report["guests"]] == [True, True]


def test_an_interrupt_ends_everything_and_the_verdict_is_unknown(
    command, tmp_path: Path, control_sockets: Path
) -> None:
    process, mark = command
    assert len(marked(mark)) >= 7

    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE_S) == 2
    report = json.loads((tmp_path / "out/run.json").read_text())
    assert report["verdict"] == "unknown"
    assert [each["detail"] for each in report["checks"] if each["name"] == "course"] == ["interrupted"]
    assert marked(mark) == []
    assert list(control_sockets.iterdir()) == []
    for image in (tmp_path / "out/images").iterdir():
        FileImage(str(image), read_only=False).close()


def test_no_process_outlives_a_command_that_was_killed(command, tmp_path: Path) -> None:
    process, mark = command
    others = [os.pidfd_open(pid) for pid in marked(mark) if pid != process.pid]
    assert len(others) >= 6

    process.kill()

    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    wait_for_the_end(others)
    assert marked(mark) == []
    assert not (tmp_path / "out/run.json").exists()
