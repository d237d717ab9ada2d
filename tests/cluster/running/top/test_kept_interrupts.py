"""The interrupt tables that a finished run has kept, by address and by name."""

import json
from pathlib import Path

import click
import pytest

from cluster.running.top.kept_interrupts import kept_addresses, kept_interrupts

REPORT = {
    "hosts": [{"driver_domains": [{"name": "storage", "address": "host-a/dom1"}]}],
    "guests": [{"name": "web-0", "address": "host-a/dom2"}],
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "interrupts").mkdir()
    for domain in ("dom0", "dom1", "dom2"):
        (tmp_path / "interrupts" / f"host-a-{domain}.txt").write_text(f"the table of {domain}")
    (tmp_path / "run.json").write_text(json.dumps(REPORT))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "domain"),
    [
        ("host-a/dom0", "dom0"),
        ("host-a/dom2", "dom2"),
        ("host-a/web-0", "dom2"),
        ("host-a/storage", "dom1"),
    ],
)
def test_a_table_is_found_by_the_address_or_the_name_of_its_domain(
    directory: Path, target: str, domain: str
) -> None:
    assert kept_interrupts(directory, target) == f"the table of {domain}"


def test_who_kept_none_is_told_whose_there_are(directory: Path) -> None:
    with pytest.raises(click.UsageError, match=r"'host-a/web-1'.*: host-a/dom0, host-a/dom1, host-a/dom2"):
        kept_interrupts(directory, "host-a/web-1")
    with pytest.raises(click.UsageError, match="nobody"):
        kept_interrupts(directory / "none", "host-a/dom0")


@pytest.mark.parametrize(
    "report", [None, "", "{", "[]", "{}", '{"hosts": [{}], "guests": []}', '{"hosts": 1}']
)
def test_without_a_whole_report_there_are_addresses_only(directory: Path, report: str | None) -> None:
    (directory / "run.json").unlink()
    if report is not None:
        (directory / "run.json").write_text(report)

    assert kept_addresses(directory) == {}
    assert kept_interrupts(directory, "host-a/dom2") == "the table of dom2"
