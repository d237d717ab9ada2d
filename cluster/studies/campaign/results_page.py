"""The page of a sweep, from its results alone."""

from pathlib import Path
from typing import Final

from cluster.lab.page.sweep_page import SweepPage
from cluster.studies.campaign.results import read_results
from cluster.studies.campaign.summary import SweepSummary
from cluster.studies.campaign.trial import Record

SHOWN: Final = 200
"""So many seeds that did not hold are on a page."""


def results_page(path: Path) -> str:
    """The page of the results in a file. ConfigError if it holds none."""
    header, records = read_results(path)
    summary = SweepSummary(SHOWN)
    recoveries: dict[str, list[int]] = {}
    never: dict[str, int] = {}
    for record in records:
        summary.add(record)
        for (kind, _), time_ns in zip(record["faults"], record.get("recoveries_ns", ()), strict=False):
            if time_ns is None:
                never[kind] = never.get(kind, 0) + 1
            else:
                recoveries.setdefault(kind, []).append(time_ns)
    return SweepPage(
        name=header["name"] or "?",
        plan=_plan(header),
        counts=summary.counts,
        bound=summary.bound,
        failures=[_failure(each, header) for each in summary.bad],
        more=summary.total - summary.counts["held"] - len(summary.bad),
        counted=list(summary.tables()),
        recoveries=recoveries,
        never=never,
    ).text()


def _failure(record: Record, header: Record) -> list[str]:
    found = {**record["failed"], **record["unknown"]}
    told = "; ".join(f"{name}: {detail}" for name, detail in found.items())
    words = ["domzero", "replay", "FILE", "--seed", str(record["seed"])]
    words += [word for kind in header["kinds"] for word in ("--kind", kind)]
    words += ["--as-written"] if header["as_written"] else []
    words += ["--plant", header["plant"]] if header["plant"] else []
    return [str(record["seed"]), record["verdict"], told, " ".join(words)]


def _plan(header: Record) -> list[tuple[str, str]]:
    return [
        ("FILE", f"the configuration {header['name']!r} with the SHA-256 {header['sha256']}"),
        ("faults", "those of the file" if header["as_written"] else "made for each seed"),
        ("kinds of faults", ", ".join(header["kinds"]) or "all"),
        ("planted bug", header["plant"] or "none"),
        ("invariants", "checked after every turn" if header["invariants"] else "not checked"),
    ]
