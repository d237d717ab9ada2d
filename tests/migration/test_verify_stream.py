"""Xen's own checker of streams accepts what is written here, and refuses it damaged."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.migration.streams import WHOLE, written

pytestmark = pytest.mark.processes


def verified(path: Path, data: bytes) -> tuple[int, str]:
    """Return code and output of `verify-stream-v2` about a file of `xl save` with this content."""
    found = sorted(Path("/usr/lib").glob("xen-*/bin/verify-stream-v2"))
    if not found:
        pytest.skip("verify-stream-v2 is not installed (Debian's package xen-utils-4.17)")
    path.write_bytes(data)
    command = [str(found[-1]), "--in", str(path), "--format", "xl", "--verbose"]
    modules = {"PYTHONPATH": str(found[-1].parents[1] / "lib/python"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | modules
    )
    return done.returncode, done.stdout + done.stderr


def test_xens_own_checker_accepts_a_stream(tmp_path: Path) -> None:
    code, said = verified(tmp_path / "web-1.save", written(WHOLE))
    assert code == 0, said
    assert "Domain Header: x86 PV from Xen 4.17" in said
    assert "vcpu0 basic context" in said
    assert "Libxl Record: End, length 0" in said


def test_xens_own_checker_refuses_one_that_is_damaged(tmp_path: Path) -> None:
    damaged = written(WHOLE).replace(b"LibxlFmt", b"LibxlFmu")
    code, said = verified(tmp_path / "web-1.save", damaged)
    assert code != 0
    assert "Bad image id" in said
