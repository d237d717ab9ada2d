"""What each command does where there is no place for sockets."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cluster.command import cli as command_line
from cluster.command.cli import cli
from tests.shell import SMALL, Shell, socket_folder

CONFIG = SMALL.replace("duration: 1s", "duration: 100ms")
SWEPT = ("sweep", "small.yaml", "--seeds", "0:1", "--jobs", "1")
NEEDED = (
    ("run", "small.yaml"),
    ("up", "small.yaml"),
    ("up", "small.yaml", "-d"),
    ("rerun", "kept"),
    ("down",),
    ("status",),
    ("list",),
    ("top", "-b"),
    ("env",),
    ("console", "host0/web"),
    ("interrupts", "host0/web"),
    ("fault", "inject", "crash", "host0/dom0"),
    ("forward", "host0/web:80", "0"),
    ("capture", "host0/web/vif0", "-w", "seen.pcapng"),
    ("stream", "frames.sock"),
    ("monitor", "small.yaml"),
)
NOT_NEEDED = (
    ("validate", "small.yaml"),
    ("run", "small.yaml", "--driver", "simulated"),
    ("verify", "kept"),
    ("report", "kept"),
    ("runs", "list"),
    ("runs", "prune", "--dry-run"),
    ("fault", "list"),
    ("console", "host0/web", "--run", "kept"),
    ("interrupts", "host0/web", "--run", "kept"),
    ("export", "--openmetrics", "kept"),
    SWEPT,
    ("scenario", "list"),
    ("schema", "run"),
    ("scenario", "run", "vanished-backend"),
    ("replay", "small.yaml", "--seed", "0"),
    ("shrink", "small.yaml", "--seed", "0"),
    ("conform", "none.jsonl"),
    ("matrix", "none.yaml"),
    ("curve", "none.yaml"),
    ("bench", "--only", "nothing"),
    ("slopes", "--most", "0"),
)
"""Those of them that cannot succeed here (the last six) must have another reason."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a configuration and the directory of a finished live run."""
    with socket_folder() as folder:
        shell = Shell(folder, CONFIG)
        (folder / "programs").mkdir()
        (folder / "programs" / "prometheus").write_text("#!/bin/sh\nexit 1\n")
        (folder / "programs" / "prometheus").chmod(0o755)
        shell.said("run", "small.yaml", "--out", "kept")
        yield folder


def places(folder: Path) -> dict[str, tuple[str, str]]:
    long = folder / ("long" * 25)
    long.mkdir(exist_ok=True)
    return {
        "missing": (str(folder / "none"), "no such file or directory; set XDG_RUNTIME_DIR to a directory"),
        "a file": (str(folder / "small.yaml"), "is no directory; set XDG_RUNTIME_DIR to a directory"),
        "unwritable": ("/proc", "cannot be made: no such file or directory; set XDG_RUNTIME_DIR"),
        "too long": (str(long), "is too long for the path of a socket"),
        "relative": ("run", "is no absolute path; set XDG_RUNTIME_DIR to a directory"),
    }


def call(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["domzero", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    out, err = capfd.readouterr()
    return ended.value.code, out, err


@pytest.mark.parametrize("place", ["missing", "a file", "unwritable", "too long", "relative"])
@pytest.mark.parametrize("words", NEEDED, ids=" ".join)
def test_who_needs_it_says_one_thing(
    folder: Path,
    words: tuple[str, ...],
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    value, said = places(folder)[place]
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    monkeypatch.setenv("PATH", str(folder / "programs"))

    code, out, err = call(words, monkeypatch, capfd)

    assert (code, out) == (254, "")
    assert err.startswith(f"domzero: XDG_RUNTIME_DIR={value}")
    assert said in err
    assert err.count("\n") == 1
    assert not (folder / "runs").exists(), "nothing is made"


@pytest.mark.parametrize("words", NOT_NEEDED, ids=" ".join)
def test_who_does_not_need_it_does_not_ask(
    folder: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name in ("small.yaml", "kept"):
        (tmp_path / name).symlink_to(folder / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "none"))

    code, _, err = call(words, monkeypatch, capfd)

    assert "XDG_RUNTIME_DIR" not in err
    assert code == (254 if words[0] in {"shrink", "conform", "matrix", "curve", "bench", "slopes"} else 0)


def test_no_command_is_forgotten() -> None:
    tried = {
        words[:2] if words[0] in {"fault", "runs", "scenario"} else words[:1] for words in NEEDED + NOT_NEEDED
    }
    known = set()
    for name, command in cli.commands.items():
        subcommands = command.commands if isinstance(command, click.Group) else {}
        known |= {(name, each) for each in subcommands} or {(name,)}

    assert tried == known
