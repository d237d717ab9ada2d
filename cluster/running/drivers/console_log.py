"""What an actor printed on its serial console: a file for each in the run directory.

Lines look like `[   1.234567] host0/dom3: text`, seconds since the cluster was started. All incarnations
of a domain write to one file, as they would to one serial line.
"""

import select
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import click

from actors.address import Address

FOLLOW_S = 0.1
FAREWELL = "reboot: "
FRAME = " |+-"
NOTHING = "it printed nothing"


class ConsoleLog:
    """Writes the log of one actor; every line is in the file before the next is made."""

    def __init__(self, path: Path, address: str, origin_ns: int) -> None:
        self._file: TextIO = path.open("a", buffering=1, encoding="utf-8", errors="replace")
        self._address = address
        self._origin_ns = origin_ns

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def write(self, text: str) -> None:
        """One line (or several), with the time and the address before it."""
        seconds = (time.monotonic_ns() - self._origin_ns) / 1e9
        for line in text.splitlines() or [""]:
            self._file.write(f"[{seconds:12.6f}] {self._address}: {line}\n")


def log_path(directory: Path, target: str, names: Mapping[str, str]) -> Path:
    """The log of `host0/dom3` in a run directory, or of one whose address `names` has; UsageError if none."""
    logs = directory / "logs"
    path = logs / _file_name(names.get(target, target))
    if not path.is_file() or path.parent != logs:
        by_address = {address: name for name, address in names.items()}
        found = sorted(str(Address.of_file(each.stem)) for each in logs.glob("*-*.log"))
        known = ", ".join(by_address.get(each, each) for each in found)
        raise click.UsageError(f"nothing was printed by {target!r}; there are logs of: {known or 'nobody'}")
    return path


def last_line(directory: Path, address: str) -> str:
    """What an actor printed last before any farewell (`reboot: ...`), without time and address.

    Without the frame, too, that Python draws around a group of exceptions. Says so if it printed nothing.
    """
    path = directory / "logs" / _file_name(address)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    texts = [each.partition(f" {address}: ")[2].lstrip(FRAME) for each in lines]
    return next((each for each in reversed(texts) if each and not each.startswith(FAREWELL)), NOTHING)


def _file_name(address: str) -> str:
    return f"{Address.parse(address).file}.log"


def follow(path: Path, *, following: bool, reader: TextIO) -> Iterator[str]:
    """The lines of a log, and with `following` those to come, until interrupted or `reader` is closed."""
    gone = select.poll()
    gone.register(reader.fileno(), 0)
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            line = file.readline()
            if line:
                yield line
            elif not following or gone.poll(FOLLOW_S * 1000):
                return
