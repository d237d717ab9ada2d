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
from cluster.control.client import ask
from cluster.drivers.zygote import start_zygote
from cluster.run import session as session_module

pytestmark = pytest.mark.processes

PATIENCE_S = 60


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

    monkeypatch.setattr(session_module, "start_zygote", starting)
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


@pytest.fixture
def command(scenarios, laboratory, variant, control_sockets: Path, tmp_path: Path):
    """`domzero run` of a long experiment, as a command that is at work, and the mark of its processes."""
    scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(), duration="5min")
    mark = f"DOMZERO_TEST_MARK={tmp_path}"
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [sys.executable, "-m", "cluster.cli", "run", laboratory.write(scenario), "--out", tmp_path / "out"],
        env={**os.environ, name: value},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any("workload" in line for line in lines), "it ended before its guests worked"
    yield process, mark
    if process.poll() is None:
        process.kill()
        process.wait(PATIENCE_S)
    process.stderr.close()


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
