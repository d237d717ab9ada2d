"""The recordings of a traced run: one file for each life of an actor, in the folder `trace` of the run.

Rules: a process makes its own file when it starts, so a SIGKILL loses nothing that was recorded; the
files are read once, when the run is over, and removed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from actors.abi.hypercalls import COMMANDS
from actors.abi.hypercalls import Hypercall as Number
from actors.messages import Hypercall
from actors.runtime.machine import Effect, Event
from actors.runtime.recorder import GROWTH_BYTES, Details, Recorder
from cluster.lab.trace.recording import Recording

FOLDER = "trace"
SUFFIX = ".records"


def _hypercall(message: object) -> tuple[tuple[int, int], str]:
    assert isinstance(message, Hypercall), "details are of this type"
    key = message.number, message.command
    try:
        number = Number(message.number)
        return key, f"{number.name}.{COMMANDS[number](message.command).name}"
    except (ValueError, KeyError):  # a number that Xen does not have, or one without commands
        return key, f"hypercall {message.number}.{message.command}"


DETAILS: Details = {Hypercall: _hypercall}


def begin_recording(directory: Path, address: str) -> Recorder:
    """Record a life of an actor that begins now, on the monotonic clock that all processes share."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    stem = address.replace("/", "~")
    life = len(list(folder.glob(f"{stem}.*{SUFFIX}"))) + 1
    return Recorder.create(folder / f"{stem}.{life:06}{SUFFIX}", time.monotonic_ns, DETAILS)


class MemoryRecordings:
    """The recordings of a simulated run: one for each address, through all its lives."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._recorders: dict[str, Recorder] = {}

    def of(self, address: str) -> Recorder:
        """The recorder of an address."""
        recorder = self._recorders.get(address)
        if recorder is None:
            recorder = Recorder(bytearray(GROWTH_BYTES), self._clock, DETAILS)
            self._recorders[address] = recorder
        return recorder

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:
        """As every trace is called."""
        self.of(actor).record(time_ns, actor, event, effects)

    def read(self) -> Iterator[Recording]:
        """All of them."""
        for address, recorder in self._recorders.items():
            yield Recording.parse(address, recorder.records)


def read_recordings(directory: Path) -> Iterator[Recording]:
    """Every recording of a run, each actor's in the order of its lives."""
    for path in sorted((directory / FOLDER).glob(f"*{SUFFIX}")):
        yield Recording.parse(path.name.rsplit(".", 2)[0].replace("~", "/"), path.read_bytes())


def remove_recordings(directory: Path) -> None:
    """Remove the files, which are not for people."""
    folder = directory / FOLDER
    for path in folder.glob(f"*{SUFFIX}"):
        path.unlink()
    if folder.is_dir():
        folder.rmdir()
