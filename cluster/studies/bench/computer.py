"""The computer that something was measured on, and which of them can be compared."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import msgpack
import trio


@dataclass(frozen=True, slots=True)
class Computer:
    """What figures depend on that is not ours."""

    processor: str
    model: str
    cores: int
    kernel: str
    python: str
    trio: str
    msgpack: str

    @classmethod
    def here(cls) -> "Computer":
        """The one that this runs on."""
        return cls(
            processor=platform.machine(),
            model=_model(),
            cores=len(os.sched_getaffinity(0)),
            kernel=platform.release(),
            python=platform.python_version(),
            trio=trio.__version__,
            msgpack=".".join(str(each) for each in msgpack.version),
        )

    def differences(self, other: "Computer") -> list[str]:
        """Why ratios from here say nothing about those from there: the kind of processor, cores, the Python.

        Figures differ with the rest, too, but their floors do so with them.
        """
        return [
            f"{what} {theirs} then, {ours} now"
            for what, theirs, ours in (
                ("processor", other.processor, self.processor),
                ("cores", other.cores, self.cores),
                ("Python", _minor(other.python), _minor(self.python)),
            )
            if theirs != ours
        ]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _model() -> str:
    """As the kernel calls the processor; empty if it does not."""
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")
