import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import click
import pytest

from cluster.command.cli import cli
from tests.shell import LIMIT_S, SMALL, Shell, socket_folder

CONFIG = f"""\
{SMALL}\
faults:
  - {{kind: crash, target: host0/dom0, at: 300ms}}
expect: {{survivors: all, lost: 0}}
"""


class Terminal(Shell):
    """A shell whose configuration may be changed, and what is in its folder then."""

    def replace(self, old: str, new: str) -> None:
        assert old in CONFIG, f"{old!r} is not in the configuration"
        self.write(CONFIG.replace(old, new))

    def report(self, directory: str = "out") -> dict[str, object]:
        found: dict[str, object] = json.loads((self.folder / directory / "run.json").read_text())
        return found

    def left_behind(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir() if each.name != "small.yaml")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with socket_folder() as folder:
        yield Terminal(folder, CONFIG)


def until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"{word!r} was never said")


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in cli.commands.items():
        if isinstance(command, click.Group):
            found += [(name, each) for each in command.commands]
        found.append((name,))
    return found


def test_help_is_not_cut_off_and_names_every_command() -> None:
    context = click.Context(cli, info_name="domzero", terminal_width=80)
    text = cli.get_help(context)

    assert "..." not in text.partition("Commands:")[2]
    assert all(f"  {name} " in text for name in cli.commands)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_option_and_command_has_a_help_text(words: tuple[str, ...]) -> None:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]

    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("validate", "none.yaml"), "domzero: none.yaml: no such file or directory"),
        (("run", "none.yaml"), "domzero: none.yaml: no such file or directory"),
        (("run",), "domzero: Missing argument 'FILE'. See `domzero run --help`."),
        (("run", "small.yaml", "--seed", "-1"), "-1 is not in the range"),
        (("run", "small.yaml", "--driver", "other"), "'other' is not one of 'live', 'simulated'"),
        (("run", "small.yaml", "--out", "."), "the run directory holds something"),
        (("nothing",), "domzero: No such command 'nothing'. See `domzero --help`."),
        (("status",), "domzero: no cluster runs"),
        (("down",), "domzero: no cluster runs"),
        (("fault", "inject", "crash", "host0/dom0"), "domzero: no cluster runs"),
        (("fault", "inject", "melt", "host0/dom0"), "domzero: no fault 'melt'; one of crash, hang,"),
        (
            ("fault", "inject", "crsh", "host0/dom0"),
            "no fault 'crsh'; did you mean crash? See `domzero fault inject --help`.",
        ),
        (("bench", "--only", "vdb."), "no benchmark begins with 'vdb.'; there are guest."),
        (("replay", "small.yaml", "--seed", "1", "--history", "none/h"), "none/h cannot be written; name a"),
        (("shrink", "small.yaml", "--seed", "1", "--out", "."), ". cannot be written; name a file"),
        (("conform", "none.jsonl"), "domzero: none.jsonl: cannot be read"),
        (("conform", "small.yaml"), "domzero: small.yaml:1: not JSON: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_one_message_and_254(
    terminal: Terminal, words: tuple[str, ...], said: str
) -> None:
    found = terminal.run(*words)

    assert (found.returncode, found.stdout) == (254, "")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1
    assert [each for each in terminal.left_behind() if not each.startswith("domzero-")] == []


def test_a_wrong_key_is_refused_with_its_line_and_the_right_one(terminal: Terminal) -> None:
    terminal.replace("metrics_port", "metric_port")

    found = terminal.run("validate", "small.yaml")

    assert found.returncode == 254
    assert found.stderr == "domzero: small.yaml:6: unknown key 'metric_port'; did you mean metrics_port?\n"


def test_a_port_in_use_is_refused_before_anything_is_made(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        terminal.replace("metrics_port: 0", f"metrics_port: {listener.getsockname()[1]}")
        found = [terminal.run(*words, "small.yaml") for words in (("run",), ("up", "-d"))]

    assert [each.returncode for each in found] == [254, 254]
    assert "address already in use; 0 takes any free port" in found[0].stderr
    assert "runs" not in terminal.left_behind()


def test_an_image_that_somebody_else_uses_is_refused_before_anything_is_made(terminal: Terminal) -> None:
    terminal.replace("size: 1MiB", "image: disk.img")
    image = terminal.folder / "disk.img"
    image.write_bytes(bytes(1 << 20))
    with image.open("r+b") as file:
        flock(file, LOCK_EX)
        found = terminal.run("run", "small.yaml")

    assert found.returncode == 254
    assert "in use by another disk or tool (locked)" in found.stderr
    assert "runs" not in terminal.left_behind()


@pytest.mark.parametrize("driver", ["live", "simulated"])
def test_a_run_prints_data_on_stdout_and_progress_on_stderr(terminal: Terminal, driver: str) -> None:
    found = terminal.run("run", "small.yaml", "--driver", driver, "--seed", "7", "--out", "out", "--json")

    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == terminal.report()
    assert (terminal.report()["seed"], terminal.report()["driver"]) == (7, driver)
    said = found.stderr.splitlines()
    phases = [line.split(" s  ")[1].partition(":")[0] for line in said if " s  " in line]
    story = ["boot", "workload", "fault", "detected", "rebooting", "reconnecting", "recovered", "settle"]
    assert [each for each in phases if each in story] == story


def test_the_summary_in_a_pipe_is_complete_however_wide_a_terminal_is(terminal: Terminal) -> None:
    found = []
    for columns in ("20", "80", "300"):
        terminal.environment["COLUMNS"] = columns
        terminal.environment["FORCE_COLOR"] = "1"
        found.append(
            terminal.run("run", "small.yaml", "--driver", "simulated", "--out", f"out{columns}").stdout
        )

    assert found[0] == found[1] == found[2]
    assert not set("…\x1b") & set(found[0])
    (guest,) = [each for each in found[0].splitlines() if each.startswith("web ")]
    (head,) = [each for each in found[0].splitlines() if each.startswith("guest ")]
    assert len(head.split()) == 12
    assert guest.split()[-6].replace(",", "").isdecimal()
    assert "verdict: held (seed 1, simulated driver)" in found[0]


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_summary_fits_into_a_terminal_and_no_figure_is_cut(terminal: Terminal, columns: int) -> None:
    terminal.environment["COLUMNS"] = str(columns)
    terminal.environment["TERM"] = "xterm"
    master, slave = pty.openpty()
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "cluster.command.cli",
            "run",
            "small.yaml",
            "--driver",
            "simulated",
            "--out",
            "out",
        ],
        cwd=terminal.folder,
        env=terminal.environment,
        stdout=slave,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(slave)
        text = ""
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(master, 4096):
                text += data.decode()
        process.wait(LIMIT_S)
    os.close(master)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "").splitlines()
    guests = terminal.report()["guests"]
    assert isinstance(guests, list)
    assert max(len(line) for line in lines) <= columns
    assert "…" not in text
    words = {word for line in lines for word in line.split()}
    assert f"{guests[0]['writes']['acknowledged']:,}" in words
    assert {"stable", "lost", "stale", "torn", "misdirected", "errors", "outage"} <= words


@pytest.mark.parametrize(("driver", "number"), [("live", signal.SIGINT), ("simulated", signal.SIGTERM)])
def test_an_interrupted_run_is_reported_as_unknown(
    terminal: Terminal, driver: str, number: signal.Signals
) -> None:
    terminal.replace("duration: 1s", "duration: 300s")
    with terminal.start("run", "small.yaml", "--driver", driver, "--out", "out") as process:
        until(process, "workload")
        process.send_signal(number)
        process.communicate(timeout=LIMIT_S)

    assert process.returncode == 2
    assert terminal.report()["verdict"] == "unknown"


@pytest.mark.parametrize("after", [" is up", "boot: "])
def test_ctrl_c_ends_what_is_up_in_an_orderly_way(terminal: Terminal, after: str) -> None:
    with terminal.start("up", "small.yaml", "--no-faults", "--out", "out") as process:
        until(process, after)
        process.send_signal(signal.SIGINT)
        until(process, "going down in order, as with `domzero down`; Ctrl-C again cuts the power")
        out, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 0
    assert "verdict: held" in out
    checks = terminal.report()["checks"]
    assert isinstance(checks, list)
    assert {each["verdict"] for each in checks} == {"held"}


def test_a_second_ctrl_c_cuts_the_power(terminal: Terminal) -> None:
    # A guest that hangs for good is waited for until the time to settle is over.
    terminal.replace("settle: 5s", "settle: 300s")
    with terminal.start("up", "small.yaml", "--no-faults", "--out", "out") as process:
        try:
            until(process, " is up")
            assert terminal.run("fault", "inject", "hang", "host0/web").returncode == 0
            process.send_signal(signal.SIGINT)
            until(process, "Ctrl-C again cuts the power")
            process.send_signal(signal.SIGINT)
            until(process, "every process is stopped")
            process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()

    assert process.returncode == 2
    assert terminal.report()["verdict"] == "unknown"


def test_a_reader_that_leaves_changes_no_verdict(terminal: Terminal) -> None:
    with terminal.start("run", "small.yaml", "--driver", "simulated", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(LIMIT_S)

    assert process.returncode == 0
    assert "Traceback" not in said


def test_a_cluster_is_started_broken_watched_and_stopped(terminal: Terminal) -> None:
    terminal.replace("duration: 1s", "duration: 300s")
    started = terminal.run("up", "small.yaml", "-d", "--out", "out")
    try:
        assert started.returncode == 0, started.stderr
        assert terminal.run("up", "small.yaml", "-d").returncode == 254
        status = json.loads(terminal.run("status", "--json").stdout)
        (host,) = status["hosts"]
        listed = terminal.run("list").stdout.splitlines()
        unknown = terminal.run("fault", "inject", "crash", "host0/nobody")
        printed = terminal.run("console", "host0/web")
        _send_nonsense(terminal.folder)
        os.kill(next(each["pid"] for each in host["domains"] if each["name"] == "web"), signal.SIGKILL)
        terminal.run("fault", "inject", "crash", "host0/dom0")
    finally:
        down = terminal.run("down")

    directory = str(terminal.folder / "out")
    assert {key: status[key] for key in list(status)[:3]} == {
        "cluster": "small",
        "phase": "workload",
        "directory": directory,
    }
    assert sorted(host) == ["domains", "metrics_url", "name", "spare", "xenstore_socket"]
    assert sorted(host["domains"][0]) == ["domid", "name", "pid", "state"]
    assert listed[0].split() == ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)"]
    assert [line.split()[0] for line in listed[1:]] == ["Domain-0", "web"]
    assert unknown.returncode == 254
    assert "no target 'host0/nobody' for crash" in unknown.stderr
    assert "blkfront" in printed.stdout
    assert "verdict: failed" in down.stdout  # the guest that was killed has not survived
    assert down.returncode == 1
    faults = terminal.report()["faults"]
    assert isinstance(faults, list)
    assert ("kill -9", "host0/web") in [(each["kind"], each["target"]) for each in faults]


def _send_nonsense(folder: Path) -> None:
    (path,) = folder.glob("domzero-*/small.sock")
    for data in (b"\xff" * 64, b"\x00", b"GET / HTTP/1.0\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(16) == b""
