"""A run directory in the hands of somebody who was not there: verified and run again, also after a kill."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from tests.shell import LIMIT_S, Shell, socket_folder

pytestmark = pytest.mark.processes

CONFIG = """\
name: small
run: {duration: 1s, settle: 5s}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 64MiB}
    disks: [{name: sda, write_back: 10s}]
    guests:
      - xl: web.cfg
        workload: {kind: random, rate: 200/s, read_share: 0.2, flush_every: 16}
        store: {}
faults:
  - {kind: crash, target: host0/dom0, at: 300ms}
expect: {survivors: all, lost: 0}
"""
GUEST = "name = 'web'\nmemory = 16\ndisk = ['web.img,raw,xvda,rw']\n"


class Folder(Shell):
    """Somebody in a folder with a configuration, a guest as xl.cfg and its image."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CONFIG)
        (folder / "web.cfg").write_text(GUEST)
        (folder / "web.img").write_bytes(bytes(1 << 20))

    def lengthen(self) -> None:
        self.write(CONFIG.replace("duration: 1s", "duration: 300s"))


@pytest.fixture
def shell() -> Iterator[Folder]:
    with socket_folder() as folder:
        yield Folder(folder)


def of_session(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def kill_all(process: subprocess.Popen[str]) -> int:
    """SIGKILL for every process of the run at once, until all are gone; how many there were."""
    pids = of_session(process.pid)
    gone = [os.pidfd_open(pid) for pid in pids]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # so that nobody sees another die
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for each in gone:
        assert select.select([each], [], [], LIMIT_S)[0], "it does not die"
        os.close(each)
    process.wait(LIMIT_S)
    return len(pids)


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    assert any(word in line for line in process.stderr), f"{word!r} was never said"


def until_flushed(shell: Shell, journal: Path) -> None:
    """Ask how the run is until a flush was answered: a death of everything excuses what was not flushed."""
    with closing(JournalReader.open(journal)) as reader:
        for _ in range(LIMIT_S):
            if reader.word(Word.FLUSHES):
                return
            shell.run("status")
    raise AssertionError("nothing was ever flushed")


def checks(report: dict[str, object]) -> dict[str, str]:
    rows = report["checks"]
    assert isinstance(rows, list)
    return {each["name"]: each["verdict"] for each in rows}


def test_a_run_is_judged_again_and_done_again_by_its_directory_alone(shell: Folder) -> None:
    first = shell.run("run", "small.yaml", "--out", "first", "--seed", "7", "--json")
    for name in ("small.yaml", "web.cfg"):
        (shell.folder / name).unlink()
    (shell.folder / "first").rename(shell.folder / "moved")
    again = shell.run("verify", "moved", "--json")
    shown = shell.run("verify", "moved")
    rerun = shell.run("rerun", "moved", "--out", "second", "--json")
    stale = shell.run("verify", "moved", "--json")

    assert first.returncode == 0, first.stderr
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "verdict: held (seed 7, live driver)" in shown.stdout
    assert rerun.returncode == 0, rerun.stderr
    assert json.loads(rerun.stdout)["seed"] == 7
    # The image is not the run's own, and the second run has written to it since.
    assert stale.returncode == 2
    assert checks(json.loads(stale.stdout))["ledger"] == "unknown"
    assert "somebody has written to it since the run" in stale.stdout
    assert (shell.folder / "second/configuration/web.cfg").read_text() == GUEST


def test_what_was_killed_as_a_whole_is_judged_as_far_as_it_came(shell: Folder) -> None:
    shell.lengthen()
    with shell.start("run", "small.yaml", "--out", "out", own_session=True) as process:
        until(process, "recovered")
        busy = shell.run("verify", "out")
        killed = kill_all(process)
        listed = shell.run("runs", "list", "--in", ".", "--json")
        found = shell.run("verify", "out", "--json")
        shown = shell.run("verify", "out")

    assert killed >= 6, "the supervisor, the zygote and five actors"
    assert busy.returncode == 254
    assert "out is in use: the run goes on" in busy.stderr
    assert [each["verdict"] for each in json.loads(listed.stdout)["runs"]] == ["cut short"]
    assert found.returncode == 2, found.stderr
    report = json.loads(found.stdout)
    assert json.loads((shell.folder / "out/run.json").read_text()) == report
    assert (report["verdict"], report["cut_short"]) == ("unknown", "workload")
    unknown = {name for name, verdict in checks(report).items() if verdict == "unknown"}
    assert unknown == {"course", "leaks", "processes", "liveness", "store writes"}
    assert checks(report)["ledger"] == "held"
    assert [(each["kind"], each["target"]) for each in report["faults"]] == [("crash", "host0/dom0")]
    assert "the run was cut short" in " ".join(shown.stdout.split())
    assert "cut short)" in shown.stdout.splitlines()[-1]


def test_a_lost_write_is_a_failure_even_if_all_was_killed(shell: Folder) -> None:
    shell.lengthen()
    with shell.start("run", "small.yaml", "--out", "out", own_session=True) as process:
        until(process, "recovered")
        until_flushed(shell, shell.folder / "out/journals/host0-web-xvda.journal")
        kill_all(process)
    (shell.folder / "web.img").write_bytes(bytes(1 << 20))

    found = shell.run("verify", "out", "--json")

    assert found.returncode == 1, found.stderr
    assert checks(json.loads(found.stdout))["ledger"] == "failed"


def test_a_simulated_run_is_done_again_to_the_same_end(shell: Folder) -> None:
    first = shell.run("run", "small.yaml", "--driver", "simulated", "--out", "first", "--json")
    refused = shell.run("verify", "first")
    again = shell.run("rerun", "first", "--out", "second", "--json")

    assert refused.returncode == 254
    assert "a simulated run keeps no images and no journals" in refused.stderr
    assert (again.returncode, again.stdout) == (first.returncode, first.stdout)


def test_what_a_run_was_is_written_down(shell: Folder) -> None:
    shell.run("run", "small.yaml", "--out", "out")

    about = json.loads((shell.folder / "out/about.json").read_text())

    assert about["command"] == ["domzero", "run", "small.yaml", "--out", "out"]
    assert about["working_directory"] == str(shell.folder)
    assert (about["name"], about["driver"], about["endless"], about["seed"]) == ("small", "live", False, 1)
    assert {"trio", "msgpack", "click"} <= set(about["dependencies"])
    assert about["machine"]["cpus"] >= 1
    assert len(about["load_at_start"]) == len(about["load_at_end"]) == 3
    assert about["began"] < about["ended"]
    phases = [each["phase"] for each in about["phases"]]
    assert phases == ["boot", "workload", "settle", "stop", "shutdown", "account", "off", "done", "verify"]
    times = [each["after_s"] for each in about["phases"]]
    assert times == sorted(times)
    assert [each["path"] for each in about["images"]] == [str(shell.folder / "web.img")]


@pytest.mark.parametrize("command", ["verify", "rerun"])
def test_a_folder_that_is_no_run_directory_is_refused(shell: Folder, command: str) -> None:
    found = shell.run(command, ".")

    assert (found.returncode, found.stdout) == (254, "")
    assert ". is no run directory: it has no about.json" in found.stderr
    assert found.stderr.count("\n") == 1


def test_an_image_that_is_gone_is_refused_before_anything_is_made(shell: Folder) -> None:
    shell.run("run", "small.yaml", "--driver", "simulated", "--out", "out")
    (shell.folder / "web.img").unlink()

    found = shell.run("rerun", "out", "--out", "again")

    assert found.returncode == 254
    assert "web.img: the image of host0/web is not as it was: it is gone" in found.stderr
    assert not (shell.folder / "again").exists()


def test_a_run_goes_on_when_its_directory_is_gone(shell: Folder) -> None:
    with shell.start("run", "small.yaml", "--out", "out", own_session=True) as process:
        until(process, "workload")
        (shell.folder / "out").rename(shell.folder / "elsewhere")
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(LIMIT_S)

    assert process.returncode == 0, said  # the image is not in there
    assert said.count("no notes can be kept for `domzero verify`: no such file or directory") == 1
