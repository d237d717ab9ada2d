"""Whole runs, small ones: the table of scenarios for tests, and where they are run."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.whole.laboratory import Laboratory
from tests.cluster.whole.scenario import Scenario
from tests.cluster.whole.scenarios import SCENARIOS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, rows in (
        ("scenario", SCENARIOS),
        ("live_scenario", [each for each in SCENARIOS if each.processes]),
    ):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, rows, ids=[each.name for each in rows])


@pytest.fixture
def scenarios() -> dict[str, Scenario]:
    return {each.name: each for each in SCENARIOS}


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


@pytest.fixture
def control_sockets(sockets: Path) -> Path:
    """Where this process and those that it starts have their control sockets."""
    return sockets / f"domzero-{os.getuid()}"


@pytest.fixture
def ext4_image(tmp_path: Path) -> Path:
    """A real file system with real files in it."""
    program = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("mke2fs (e2fsprogs) is not installed")
    files = tmp_path / "files"
    files.mkdir()
    for index in range(8):
        (files / f"page-{index}.txt").write_text(f"page {index}\n" * 2000)
    image = tmp_path / "root.ext4"
    command = [program, "-q", "-F", "-t", "ext4", "-d", str(files), str(image), "2M"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return image


@pytest.fixture
def checksum_scenario(ext4_image: Path) -> Scenario:
    """A guest reads the whole image while dom0 is killed."""
    return Scenario(
        "checksum",
        guest={
            "count": 1,
            "disks": [{"vdev": "xvda", "image": str(ext4_image), "mode": "ro"}],
            "workload": {"kind": "checksum", "block": "16KiB"},
        },
        latency={"read": "4ms"},
        duration="20s",
        survived=(True,),
        guest_boots=(1,),
        rings=2,
        taken_over=1,
    )


@pytest.fixture
def variant() -> Callable[..., Scenario]:
    """A scenario like another one, in some ways different."""
    return replace
