"""The run directories in a folder: what they hold, what they take, and which of them have had their time.

Rules: only what has an `about.json` of ours is one of them, and never a link to one. One that is in use is
counted and never removed. `about.json` goes last, so the next removal ends one that was cut short.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cluster.running.run.about import FILE
from cluster.running.run.run_lock import held, is_in_use

BLOCK_BYTES = 512
"""What `st_blocks` counts. Source: stat(2)."""
RUNNING = "running"
CUT_SHORT = "cut short"


@dataclass(frozen=True, slots=True)
class KeptRunSize:
    """One run directory. `verdict`: that of its report, `running`, or `cut short`; `bytes`: of the disk.

    What another version wrote may lack a name, a driver (empty then) and a seed.
    """

    path: Path
    began: datetime
    verdict: str
    bytes: int
    name: str = ""
    driver: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What may stay: so many bytes in all, so many runs, none older than that; None for no limit."""

    bytes: int | None = None
    count: int | None = None
    age: timedelta | None = None

    def surplus(self, runs: list[KeptRunSize], now: datetime | None = None) -> Iterator[KeptRunSize]:
        """The runs that are to go, oldest first; the newest are the last to go, and none that runs."""
        oldest = (now or datetime.now(UTC)) - self.age if self.age is not None else None
        left, total = len(runs), sum(each.bytes for each in runs)
        for run in sorted(runs, key=lambda each: each.began):
            too_many = self.count is not None and left > self.count
            too_much = self.bytes is not None and total > self.bytes
            too_old = oldest is not None and run.began < oldest
            if run.verdict != RUNNING and (too_many or too_much or too_old):
                left, total = left - 1, total - run.bytes
                yield run


def kept_runs(folder: Path) -> list[KeptRunSize]:
    """The runs in a folder, oldest first; none if there is no such folder."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        data = None if path.is_symlink() else _about(path)
        if data is not None:
            began = datetime.fromisoformat(data["began"]).astimezone(UTC)
            more = {key: data[key] for key in ("name", "driver", "seed") if key in data}
            found.append(KeptRunSize(path, began, _verdict(path), _size(path), **more))
    return sorted(found, key=lambda each: each.began)


def remove(path: Path) -> None:
    """Remove a run directory. InUseError if somebody holds it."""
    with held(path):
        for each in path.iterdir():
            if each.name != FILE:
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        (path / FILE).unlink()
        path.rmdir()


def _about(path: Path) -> dict[str, Any] | None:
    """What `about.json` says, of whatever version; None if there is none, or it is not one of ours."""
    try:
        data = json.loads((path / FILE).read_text(encoding="utf-8"))
        began = datetime.fromisoformat(data["began"])
        return data if began and data["domzero"] and data["schema"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _verdict(path: Path) -> str:
    if is_in_use(path):
        return RUNNING
    try:
        return str(json.loads((path / "run.json").read_text(encoding="utf-8"))["verdict"])
    except (OSError, ValueError, KeyError, TypeError):
        return CUT_SHORT


def _size(path: Path) -> int:
    """What the files take of the disk: less than their length where they have holes."""
    total = 0
    for each in path.rglob("*"):
        with contextlib.suppress(OSError):  # it has just gone
            total += each.lstat().st_blocks * BLOCK_BYTES
    return total
