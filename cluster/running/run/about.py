"""What a run was: who ran it, where and when, on which machine, by which command: `about.json`.

Rules: written before anything is started and again with each phase, so that what was cut short says as much
as it knew. Times are of the wall clock, in UTC; phases count in seconds from the beginning, whatever that
clock does meanwhile. A driver's virtual time is not in here.
"""

import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import match
from typing import Final

from pydantic import TypeAdapter

from cluster.lab.config.errors import reason_of
from cluster.lab.documents.document_kind import ABOUT
from cluster.running.run.kept_values import KeptError

FILE: Final = "about.json"
SCHEMA: Final = 1
PACKAGE: Final = "domzero"
PACKAGES: Final = ("actors", "cluster")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _load() -> list[float]:
    """Processes that run or want to, on average over 1, 5 and 15 minutes."""
    return [round(each, 2) for each in os.getloadavg()]


def _machine() -> dict[str, object]:
    return {
        "name": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _processor() -> str | None:
    """The name of the processor, where /proc/cpuinfo has one. Source: proc(5)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((each.partition(":")[2].strip() for each in lines if each.startswith("model name")), None)


@cache
def _source_sha256() -> str:
    """Of all modules with their names: tells states of the code apart that have one version."""
    root = Path(__file__).parents[3]
    digest = sha256()
    for path in sorted(each for package in PACKAGES for each in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _dependencies() -> dict[str, str]:
    """What the package needs without any extra, and which versions are installed."""
    found = {}
    for each in requires(PACKAGE) or []:
        name = match(r"[\w.-]+", each)
        if name is not None and "extra ==" not in each:
            try:
                found[name[0]] = version(name[0])
            except PackageNotFoundError:
                found[name[0]] = "missing"
    return found


@dataclass(frozen=True, slots=True)
class ImageState:
    """What tells whether somebody has written to an image since; null for one that is gone."""

    path: str
    bytes: int | None
    changed_ns: int | None

    @classmethod
    def now(cls, path: Path) -> "ImageState":
        """Of an image as it is."""
        try:
            found = path.stat()
        except OSError:
            return cls(str(path), None, None)
        return cls(str(path), found.st_size, found.st_mtime_ns)


@dataclass(slots=True)
class About:
    """The fields of `about.json`; docs/run-directory.md explains each."""

    name: str
    driver: str
    endless: bool
    trace: bool
    seed: int
    configuration: list[dict[str, str]]
    schema: int = SCHEMA
    domzero: str = field(default_factory=lambda: version(PACKAGE))
    source_sha256: str = field(default_factory=_source_sha256)
    python: str = f"{platform.python_implementation()} {platform.python_version()}"
    dependencies: dict[str, str] = field(default_factory=_dependencies)
    machine: dict[str, object] = field(default_factory=_machine)
    load_at_start: list[float] = field(default_factory=_load)
    load_at_end: list[float] | None = None
    command: list[str] = field(default_factory=lambda: [PACKAGE, *sys.argv[1:]])
    working_directory: str = field(default_factory=lambda: str(Path.cwd()))
    pid: int = field(default_factory=os.getpid)
    began: str = field(default_factory=_now)
    ended: str | None = None
    phases: list[dict[str, object]] = field(default_factory=list)
    images: list[ImageState] | None = None

    @classmethod
    def read(cls, directory: Path) -> "About":
        """What a run directory says. KeptError if it is none."""
        path = directory / FILE
        try:
            text = path.read_text(encoding="utf-8")
            _check_keys(_of_this_schema(json.loads(text)))
            about = TypeAdapter(cls).validate_json(text, strict=True)
            datetime.fromisoformat(about.began)
        except FileNotFoundError as error:
            raise KeptError(f"{directory} is no run directory: it has no {FILE}") from error
        except OSError as error:
            raise KeptError(f"{path}: {reason_of(error)}") from error
        except (ValueError, TypeError) as error:
            told = f"{path}: not written by this version of Domzero: {str(error).splitlines()[0]}"
            raise KeptError(told) from error
        return about

    def enter(self, phase: str, began_s: float) -> None:
        """A phase begins; `began_s` is when the run began, on the monotonic clock."""
        self.phases.append({"phase": phase, "after_s": round(time.monotonic() - began_s, 3)})

    def end(self, images: list[Path]) -> None:
        """All is over, and these images, which the run did not make, are as it left them."""
        self.ended, self.load_at_end = _now(), _load()
        self.images = [ImageState.now(each) for each in images]

    def text(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _of_this_schema(data: object) -> dict[str, object]:
    """ValueError for what is of another; who names no schema lacks more than that."""
    if not isinstance(data, dict) or data.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(ABOUT.refusal(data))
    return data


def _check_keys(data: dict[str, object]) -> None:
    """ValueError unless every field is there: what is not must not become what is so here and now."""
    names = [each.name for each in fields(About)]
    if missing := [each for each in names if each not in data]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if unknown := [each for each in data if each not in names]:
        raise ValueError(f"it has {', '.join(unknown)} besides")
