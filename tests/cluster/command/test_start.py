"""The console script and Ctrl-C: while it imports, and once it is done."""

import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED_IMPORT = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "trio":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
import cluster.command.start
"""
INTERRUPTED_END = """
import atexit, os, signal, sys

atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["domzero", "validate", "none.yaml"]
from cluster.command.start import main
main()
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.processes
def test_ctrl_c_during_the_imports_ends_quietly_and_is_unknown(tmp_path: Path) -> None:
    found = run(INTERRUPTED_IMPORT, tmp_path)

    assert (found.returncode, found.stdout, found.stderr) == (2, "", "")


@pytest.mark.processes
def test_a_late_ctrl_c_does_not_change_the_exit_code(tmp_path: Path) -> None:
    found = run(INTERRUPTED_END, tmp_path)

    assert found.returncode == 254
    assert found.stderr.count("\n") == 1
