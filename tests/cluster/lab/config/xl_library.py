"""Xen's own libraries, asked what they make of parts of xl.cfg files."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.c_compiler import CannotCompileError, compile_c

SOURCE = Path(__file__).parent / "xl_oracle.c"
Case = tuple[str, bytes]
"""The kind of a part, and the part."""
Ask = Callable[[list[Case]], list[Any]]
"""Gives the answers to cases, in their order."""


def xens_library(folder: Path) -> Ask:
    """The libraries, once they are compiled into a program in this folder; skips the test without them."""
    # The name of a device is looked up by a function that is in the static library only, and most of what
    # that needs is never called.
    libraries = ["-Wl,-Bstatic", "-lxlutil", "-lxenlight", "-Wl,-Bdynamic"]
    lazy = "-Wl,-z,lazy,--unresolved-symbols=ignore-all"
    try:
        program = compile_c(SOURCE, folder / "xl_oracle", "-no-pie", *libraries, lazy)
    except CannotCompileError as error:
        pytest.skip(f"Xen's libraries are not installed (libxen-dev, libc6-dev): {error}")

    def _ask(cases: list[Case]) -> list[Any]:
        asked = b"".join(b"%s %d\n%s" % (kind.encode(), len(text), text) for kind, text in cases)
        done = subprocess.run([program], input=asked, capture_output=True, check=False)
        answers = done.stdout.splitlines()
        assert len(answers) == len(cases), f"the library ended at {cases[len(answers)]}: {done.stderr!r}"
        return [json.loads(each) for each in answers]

    return _ask
