"""All packets of a run from the first one on: `domzero run --capture`.

Rules: what is written is whole up to the last packet at any time, since nothing is held back here. What
cannot be written any more ends the capture, never the run. The clock of a file is that of the run.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

from actors.capture_messages import Captured
from actors.runtime.simulation import Simulation
from cluster.lab.capture.capture_file import CaptureFile
from cluster.lab.config.errors import reason_of
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.captures import CapturePoint, Captures, interfaces_of
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.captures import SNAP_BYTES
from cluster.running.control.preflight import CannotStart
from cluster.running.drivers.simulated import RunObserver

FILE: Final = "capture.pcapng"
"""In the run directory, if nothing else is said."""
SUFFIX: Final = ".pcapng"
BYTES_MAX: Final = 4 << 30
"""What a capture may take of the disk."""


@dataclass(frozen=True, slots=True)
class CapturePlace:
    """A file, or a folder in which every interface has a file of its own (`apart`)."""

    path: Path
    apart: bool = False

    @classmethod
    def of(cls, text: str) -> "CapturePlace":
        """What is meant by a path: a folder if it is one, or ends with a slash."""
        path = Path(text)
        return cls(path, bool(text) and (text.endswith("/") or path.is_dir()))

    def check(self, cluster: ResolvedCluster) -> None:
        """CannotStart if nothing can be captured, or not there; a place without a name is checked later."""
        if not cluster.wired and not any(interfaces_of(each) for each in cluster.guests):
            raise CannotStart("nothing to capture: no guest has a network interface (networks:)")
        if not self.path.parent.is_dir():
            raise CannotStart(f"{self.path}: {self.path.parent} is no folder")


@dataclass(slots=True)
class RunCapture(RunObserver):
    """That of one run. `say` is for people."""

    place: CapturePlace
    say: Callable[[str], None]
    _files: dict[str, tuple[FileIO, CaptureFile]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _captures: Captures | None = None
    _capture: object = None
    _now_ns: Callable[[], int] = lambda: 0
    _bytes: int = 0

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        """A simulation: its time 0 is that of the file."""
        self.begin(supervisor.lab.captures, lambda: simulation.now_ns, 0)

    def begin(self, captures: Captures, now_ns: Callable[[], int], epoch_ns: int) -> None:
        """Look at everything, from now on; 0 of the clock is `epoch_ns` since 1970. CannotStart."""
        self._captures, self._now_ns = captures, now_ns
        points = captures.everything()
        try:
            self._open(points, epoch_ns)
        except OSError as error:
            self._stack.close()
            raise CannotStart(f"{self.place.path}: {reason_of(error)}") from error
        self._capture = captures.start(points, SNAP_BYTES, self._take)

    def end(self) -> None:
        """The run is over: write what was missed, and say how much there is; nothing if it has not begun."""
        if not self._files:
            return
        packets = sum(file.packets for _, file in self._each())
        missed = sum(file.missed for _, file in self._each())
        self._stop()
        what = f"{packets:,} packets" + (f", {missed:,} missed" if missed else "")
        self.say(f"capture: {what}; {self.place.path}")

    def _open(self, points: Sequence[CapturePoint], epoch_ns: int) -> None:
        names = [each.name for each in points]
        path = self.place.path
        if self.place.apart:
            path.mkdir(exist_ok=True)
        parts = {name: [name] for name in names} if self.place.apart else {"": names}
        for name, together in parts.items():
            where = path / f"{name.replace('/', '-').replace(':', '-')}{SUFFIX}" if name else path
            # Without a buffer: processes are forked from this one, and would write what is in it again.
            out = self._stack.enter_context(where.open("wb", buffering=0))
            file = CaptureFile(together, SNAP_BYTES, epoch_ns)
            out.write(file.head())
            self._files |= dict.fromkeys(together, (out, file))

    def _take(self, name: str, captured: Captured) -> None:
        assert self._captures is not None, "it has begun"
        out, file = self._files[name]
        blocks = file.blocks(name, captured)
        self._bytes += len(blocks)
        if self._bytes > BYTES_MAX:
            self._give_up(f"it has {BYTES_MAX >> 30} GiB, and goes no further")
            return
        try:
            out.write(blocks)
        except OSError as error:
            self._give_up(reason_of(error))
        else:
            self._captures.taken(name, captured)

    def _give_up(self, why: str) -> None:
        self.say(f"capture: {self.place.path}: {why}")
        self._stop()

    def _stop(self) -> None:
        if self._captures is None or self._capture is None:
            return
        self._captures.stop(self._capture)
        self._capture = None
        now_ns = self._now_ns()
        try:
            for out, file in self._each():
                out.write(file.tail(now_ns))
        except OSError as error:
            self.say(f"capture: {self.place.path}: {reason_of(error)}")
        self._stack.close()

    def _each(self) -> list[tuple[FileIO, CaptureFile]]:
        return list({id(each): each for each in self._files.values()}.values())
