"""The metrics of a run over time, kept in its directory: `samples.jsonl`, for `domzero export`.

A line is a family [name, type, help], a series [family, sample name, labels], or the values of one moment
{"at": unix time, "values": {series: value}}; families and series are numbered from 0 in the order in which
they appear. What has not changed is not written again before `REPEAT_S`, since Prometheus looks back five
minutes; a histogram is written as a whole.
Rules: whatever the registries show is kept. It never takes more than a twentieth of the time, nor of disk
more than `LIMIT_BYTES`; every `SAMPLES_EACH` samples the interval doubles.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

import trio
from prometheus_client.core import Metric
from prometheus_client.registry import CollectorRegistry

FILE: Final = "samples.jsonl"
INTERVAL_S: Final = 1.0
REPEAT_S: Final = 60
SAMPLES_EACH: Final = 3600
LIMIT_BYTES: Final = 256 << 20
WHOLE: Final = ("histogram", "gaugehistogram", "summary")
SHARE: Final = 20


class SampleWriter:
    """Writes the samples of one run. `clock` is the time of the world, in seconds."""

    def __init__(
        self,
        file: TextIO,
        registries: Sequence[CollectorRegistry],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._registries = registries
        self._clock = clock
        self._families: dict[str, int] = {}
        self._series: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
        self._last: dict[int, tuple[float, float]] = {}
        self._written = 0
        self.count = 0

    def take(self) -> None:
        """Take one sample of everything."""
        if self._written > LIMIT_BYTES:
            return
        now_s = self._clock()
        values: dict[int, float] = {}
        for registry in self._registries:
            for family in registry.collect():
                values |= self._changed(family, now_s)
        self._line({"at": round(now_s, 3), "values": values})
        self._file.flush()
        self.count += 1

    def close(self) -> None:
        """A last sample, with every value, and the end of the file."""
        self._last.clear()
        self.take()
        self._file.close()

    def _changed(self, family: Metric, now_s: float) -> dict[int, float]:
        """The values of a family that are to be written."""
        number = self._family(family.name, family.type, family.documentation)
        now = {self._number(number, each.name, each.labels): float(each.value) for each in family.samples}
        due = {series: value for series, value in now.items() if self._is_due(series, value, now_s)}
        if due and family.type in WHOLE:
            due = now
        self._last |= {series: (value, now_s) for series, value in due.items()}
        return due

    def _is_due(self, series: int, value: float, now_s: float) -> bool:
        last, written_s = self._last.get(series, (None, 0.0))
        return value != last or now_s - written_s >= REPEAT_S

    def _family(self, name: str, kind: str, text: str) -> int:
        if name not in self._families:
            self._families[name] = len(self._families)
            self._line([name, kind, text])
        return self._families[name]

    def _number(self, family: int, name: str, labels: dict[str, str]) -> int:
        key = name, frozenset(labels.items())
        if key not in self._series:
            self._series[key] = len(self._series)
            self._line([family, name, labels])
        return self._series[key]

    def _line(self, row: object) -> None:
        self._written += self._file.write(json.dumps(row, separators=(",", ":")) + "\n")


async def keep_samples(directory: Path, registries: Sequence[CollectorRegistry]) -> None:
    """Take samples until cancelled, in a thread, since a large host has many series."""
    interval_s = INTERVAL_S
    with (directory / FILE).open("w", encoding="utf-8") as file:
        samples = SampleWriter(file, registries)
        try:
            while True:
                began_s = trio.current_time()
                await trio.to_thread.run_sync(samples.take)
                took_s = trio.current_time() - began_s
                interval_s *= 2 if samples.count % SAMPLES_EACH == 0 else 1
                await trio.sleep(max(interval_s, SHARE * took_s) - took_s)
        finally:
            samples.close()
