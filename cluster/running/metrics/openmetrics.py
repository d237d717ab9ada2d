"""A finished run as OpenMetrics text with timestamps, which `promtool tsdb create-blocks-from` loads.

Rules: a family's samples stand together, and in it those of one metric in the order of time, as the format
wants it. A run that was cut short is exported as far as it was kept.
Source: the OpenMetrics specification; `prometheus_client` writes the text.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, cast

import click
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

from cluster.running.metrics.samples import FILE


class KeptSamples(Collector):
    """The samples of a finished run. UsageError if the directory has none, or they make no sense."""

    def __init__(self, directory: Path) -> None:
        path = directory / FILE
        self._families: list[tuple[str, str, str]] = []
        self._series: list[tuple[int, str, dict[str, str]]] = []
        self._samples: list[list[Sample]] = []
        try:
            with path.open(encoding="utf-8") as file:
                self._read(file, path)
        except OSError as error:
            why = error.strerror or str(error)
            raise click.UsageError(f"{path}: {why}; runs with real processes keep samples") from error

    def collect(self) -> Iterator[Metric]:
        """Every family with all of its samples."""
        families = [Metric(*each) for each in self._families]
        for (number, _, _), samples in zip(self._series, self._samples, strict=True):
            families[number].samples += samples
        for family in families:
            groups: dict[frozenset[tuple[str, str]], list[Sample]] = {}
            for sample in family.samples:
                groups.setdefault(_metric(sample), []).append(sample)
            family.samples = [each for group in groups.values() for each in sorted(group, key=_time_of)]
            yield family

    def _read(self, file: TextIO, path: Path) -> None:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):  # the run was cut short here
                return
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError, IndexError) as error:
                raise click.UsageError(f"{path}:{number}: not a line of samples: {error}") from error

    def _take(self, row: object) -> None:
        match row:
            case [str() as name, str() as kind, str() as text]:
                self._families.append((name, text, kind))
            case [int() as family, str() as name, dict() as labels]:
                self._series.append((family, name, labels))
                self._samples.append([])
            case {"at": int() | float() as at_s, "values": dict() as values}:
                for series, value in values.items():
                    _, name, labels = self._series[int(series)]
                    self._samples[int(series)].append(Sample(name, labels, value, float(at_s)))
            case _:
                raise ValueError("a family, a series or values are wanted")


def _time_of(sample: Sample) -> float:
    assert isinstance(sample.timestamp, float), "every kept sample has a time"
    return sample.timestamp


def _metric(sample: Sample) -> frozenset[tuple[str, str]]:
    """What the samples of one metric share: their labels, but for what tells buckets apart."""
    return frozenset(each for each in sample.labels.items() if each[0] not in {"le", "quantile"})


def openmetrics_of(directory: Path) -> str:
    """The text of a run."""
    registry = CollectorRegistry()
    registry.register(KeptSamples(directory))
    write = cast("Callable[[CollectorRegistry], bytes]", generate_latest)  # the library's has no types
    return write(registry).decode()
