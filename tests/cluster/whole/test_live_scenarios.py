"""The same scenarios with real processes: the same verdict and the same story."""

import hashlib
from pathlib import Path

import pytest

from cluster.running.run.kept_run import KeptRun

pytestmark = pytest.mark.processes


def test_a_scenario_ends_in_processes_as_in_simulation(
    live_scenario, laboratory, control_sockets: Path
) -> None:
    run = laboratory.run(laboratory.session(live_scenario))

    assert run.facts() == live_scenario.expected(), run.story()
    assert KeptRun.read(run.directory).report().to_json() == run.report.to_json()


def test_a_volume_is_read_by_a_real_process_through_the_death_of_dom0(
    checksum_scenario, laboratory, control_sockets: Path, ext4_image: Path
) -> None:
    run = laboratory.run(laboratory.session(checksum_scenario))

    digest = hashlib.sha256(ext4_image.read_bytes()).hexdigest()
    assert run.facts() == checksum_scenario.expected(), run.story()
    assert run.check("sha256 web-0 xvda") == "held"
    assert f"sha256 {digest}  /dev/xvda" in (run.directory / "logs/host0-dom1.log").read_text()
