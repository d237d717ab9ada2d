"""What docs/published.md says of a disk driver domain that is killed, held against the run that it names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab.config.loading import load_cluster
from cluster.lab.verdict.report import Report, facts_of, report_of
from cluster.running.drivers.simulated import IMAGES, run_simulated

FILE = Path(__file__).parents[3] / "configs/disk-driver-restart.yaml"
MS = 1_000_000


def rerun(tmp_path: Path, boot_ms: int, host: Mapping[str, object]) -> Report:
    """The file with another boot, a shorter run, and some keys of its host."""
    tree: dict[str, Any] = yaml.safe_load(FILE.read_text())
    tree["run"]["duration"] = "1s"
    tree["costs"]["guest_boot"] = f"{boot_ms}ms"
    tree["hosts"][0] |= host
    path = tmp_path / f"boot-{boot_ms}.yaml"
    path.write_text(yaml.safe_dump(tree))
    cluster = load_cluster(path).placed(IMAGES)
    supervisor, read = run_simulated(cluster, lambda _what, _text: None, None, trace=False, invariants=True)
    return report_of(facts_of(cluster, "simulated", supervisor), read)


@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_a_guest_waits_for_the_boot_of_its_disk_driver_and_for_milliseconds_more(
    tmp_path: Path, reconnect: str
) -> None:
    reports = {boot_ms: rerun(tmp_path, boot_ms, {"reconnect": reconnect}) for boot_ms in (0, 130, 260)}

    for boot_ms, report in reports.items():
        (guest,) = report.guests
        assert report.verdict.value == "held", [f"{each.name}: {each.detail}" for each in report.checks]
        assert (guest.errors, guest.ledger and guest.ledger.lost) == (0, 0)
        assert guest.outage_max_ns is not None
        assert 0 < guest.outage_max_ns - boot_ms * MS < 20 * MS
