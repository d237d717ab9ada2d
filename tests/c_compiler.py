"""The C compiler, for programs that ask the libraries and headers of others what they make of something."""

import shutil
import subprocess
from pathlib import Path


class CannotCompileError(Exception):
    """There is no compiler here, or not all that the program needs."""


def missing() -> str:
    """What is not installed here; empty if all is."""
    return "" if shutil.which("gcc") else "gcc is not installed"


def compile_c(source: Path, target: Path, *words: str) -> Path:
    """The program or library `target`. CannotCompileError."""
    if what := missing():
        raise CannotCompileError(what)
    done = subprocess.run(["gcc", "-o", target, source, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotCompileError(done.stderr)
    return target
