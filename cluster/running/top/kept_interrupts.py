"""The /proc/interrupts that a finished run kept, one file for each domain that lived to its end."""

import json
from pathlib import Path

import click

from actors.address import Address


def kept_interrupts(directory: Path, target: str) -> str:
    """The table of `host0/dom0`, or of `host0/web-0` by a guest's name; UsageError if none was kept."""
    paths = {
        str(Address.of_file(path.stem)): path for path in sorted((directory / "interrupts").glob("*.txt"))
    }
    address = kept_addresses(directory).get(target, target)
    if address not in paths:
        known = ", ".join(paths) or "nobody"
        raise click.UsageError(
            f"{directory} keeps no interrupts of {target!r}, only of domains that lived to its end: {known}"
        )
    return paths[address].read_text(encoding="utf-8")


def kept_addresses(directory: Path) -> dict[str, str]:
    """The addresses of driver domains and guests by HOST/NAME, from the report; none if it is not there."""
    try:
        report = json.loads((directory / "run.json").read_text(encoding="utf-8"))
        drivers = [each for host in report["hosts"] for each in host["driver_domains"]]
        domains = [*drivers, *report["guests"]]
        return {str(Address.parse(each["address"]).beside(each["name"])): each["address"] for each in domains}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
