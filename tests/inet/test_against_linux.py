"""This stack against Linux's own TCP, where a TAP device can be had."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROBE = "import os; os.close(os.open('/dev/net/tun', os.O_RDWR))"


def namespace() -> list[str]:
    """The command that runs another in a network namespace of its own; skips where none can be had."""
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        pytest.skip("no unshare or ip here")
    if not os.access("/dev/net/tun", os.F_OK):
        pytest.skip("no /dev/net/tun here")
    for options in ("-Urn", "-n"):
        command = [unshare, options]
        if (
            subprocess.run(
                [*command, sys.executable, "-c", PROBE], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return command
    pytest.skip("neither root nor user namespaces with a TAP device here")


@pytest.mark.processes
def test_linux_and_this_stack_understand_each_other() -> None:
    command = [*namespace(), sys.executable, "-m", "tests.inet.linux_peer"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "done"
