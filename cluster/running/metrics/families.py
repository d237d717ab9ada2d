"""One scrape under way: values go in by their row of the catalog, and come out as text or as samples.

Rules: a series is written once; values for the same one are merged as the catalog says. The text of a
label set is made once and kept, since a host with a thousand guests has sixty thousand series: the
library's own writer (0.2 s for those) would take all the time that a scrape may.
Source: the Prometheus text format 0.0.4.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from cluster.running.metrics.catalog import CATALOG, READ_FROM
from cluster.running.metrics.family import PREFIX, Family, Number

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LabelValues = tuple[str, ...]
T = TypeVar("T")


class LabelTexts:
    """The label sets that have been written, by their values; outlives the scrapes."""

    def __init__(self, constant: dict[str, str]) -> None:
        self.constant = constant
        self._constant_text = ",".join(f'{name}="{_escaped(value)}"' for name, value in constant.items())
        self._texts: dict[tuple[LabelValues, LabelValues], str] = {}

    def text(self, names: LabelValues, values: LabelValues) -> str:
        """`{cluster="c",host="h",guest="web-0"}`."""
        key = names, values
        found = self._texts.get(key)
        if found is None:
            pairs = (
                f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True) if value
            )
            found = self._texts[key] = "{" + ",".join([self._constant_text, *pairs]) + "}"
        return found


class Histogram:
    """Cumulative counts at the bounds (seconds, the last one infinite), and the sum of all."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float], counts: list[int], total: float) -> None:
        assert len(counts) == len(bounds), "a count for each bound"
        self.bounds = bounds
        self.counts = counts
        self.sum = total

    def merged(self, other: "Histogram") -> "Histogram":
        """Both together."""
        counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        return Histogram(self.bounds, counts, self.sum + other.sum)


class Families:
    """The values of one scrape."""

    def __init__(self, labels: LabelTexts) -> None:
        self._labels = labels
        self._values: dict[str, dict[LabelValues, Number]] = {name: {} for name in CATALOG}
        self._histograms: dict[str, dict[LabelValues, Histogram]] = {}

    def add(self, family: Family, value: Number, *labels: str) -> None:
        """One value; `labels` in the order of the catalog."""
        self._put(family, value, labels)

    def add_all(self, source: type[T], record: T | None, *labels: str, is_gone: bool = False) -> None:
        """Every value that metrics read from a record; 0 where there is no record yet.

        `is_gone`: it is the last record of something that is no more, so that nothing is left of its gauges.
        """
        for family, key in READ_FROM.get(source, ()):
            known = record is not None and not (is_gone and family.kind == "gauge")
            if key.is_map:
                for label, value in key.get(record).items() if known else ():
                    self._put(family, value, (*labels, label))
                continue
            value = key.get(record) if known else 0
            if family.unit is not None:
                value = family.unit(value)
            self._put(family, value, (*labels, key.label) if key.label else labels)

    def add_histogram(self, family: Family, value: Histogram, *labels: str) -> None:
        """One histogram."""
        series = self._histograms.setdefault(family.name, {})
        series[labels] = series[labels].merged(value) if labels in series else value

    def text(self) -> bytes:
        """The text format, for the content type above."""
        lines: list[str] = []
        for family in CATALOG.values():
            full_name = family.full_name
            lines.append(f"# HELP {full_name} {family.text}\n# TYPE {full_name} {family.kind}")
            if family.kind == "histogram":
                self._write_histograms(family, lines)
            else:
                text, names = self._labels.text, family.labels
                lines.extend(
                    f"{full_name}{text(names, labels)} {value}"
                    for labels, value in self._values[family.name].items()
                )
        lines.append("")
        return "\n".join(lines).encode()

    def metrics(self) -> Iterator[Metric]:
        """The same for the library: slower, and in any of its formats."""
        constant = self._labels.constant
        for family in CATALOG.values():
            name, names = f"{PREFIX}{family.name}", [*constant, *family.labels]
            if family.kind == "histogram":
                yield self._histogram_metric(family, name, names)
                continue
            metric = (CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily)(
                name, family.text, labels=names
            )
            for labels, value in self._values[family.name].items():
                metric.add_metric([*constant.values(), *labels], value)
            yield metric

    def _put(self, family: Family, value: Number, labels: LabelValues) -> None:
        series = self._values[family.name]
        if labels in series:
            merge = family.merge
            assert merge != "one", f"{family.name}{labels} is there twice"
            value = series[labels] + value if merge == "sum" else max(series[labels], value)
        series[labels] = value

    def _histogram_metric(self, family: Family, name: str, names: list[str]) -> Metric:
        metric = HistogramMetricFamily(name, family.text, labels=names)
        for labels, value in self._histograms.get(family.name, {}).items():
            buckets = [
                (_bound_text(bound), float(count))
                for bound, count in zip(value.bounds, value.counts, strict=True)
            ]
            metric.add_metric([*self._labels.constant.values(), *labels], buckets, value.sum)
        return metric

    def _write_histograms(self, family: Family, lines: list[str]) -> None:
        name, text = family.full_name, self._labels.text
        with_bound = (*family.labels, "le")
        for labels, value in self._histograms.get(family.name, {}).items():
            for bound, count in zip(value.bounds, value.counts, strict=True):
                lines.append(f"{name}_bucket{text(with_bound, (*labels, _bound_text(bound)))} {count}")
            plain = text(family.labels, labels)
            lines.extend((f"{name}_sum{plain} {value.sum}", f"{name}_count{plain} {value.counts[-1]}"))


def _bound_text(bound: float) -> str:
    return "+Inf" if bound == float("inf") else f"{bound:g}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
