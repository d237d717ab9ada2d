"""A metric: its name, kind, labels, what it says, and where its values stand.

Rules: a key is a field of a record of statistics (`fields_of`), or a word of a journal; one that is renamed
or gone is an error of types, and an AttributeError before anything runs. A field that is a map has a series
for each of its keys, which are the last label. A metric without a key has a writer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from operator import attrgetter, methodcaller
from types import SimpleNamespace
from typing import Any, Final, Literal, TypeVar, cast, get_origin, get_type_hints

from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader

PREFIX: Final = "domzero_"

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "one"]
Part = Literal["bucket", "sum", "count"]
T = TypeVar("T")
Number = int | float
Unit = Callable[[int], Number]
"""Makes the metric's unit of the record's."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where a value stands in a record of `source`. `label`: what the last label is for it, if it has one."""

    source: type
    name: str
    get: Callable[[Any], Any]
    is_map: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `merge` says how the series of several guests become one, where they share theirs."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    text: str
    keys: tuple[Key, ...] = ()
    merge: Merge = "sum"
    unit: Unit | None = None

    @property
    def full_name(self) -> str:
        """As Prometheus stores it, a histogram without its suffixes."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"

    def of(self, *selection: str, part: Part | None = None) -> str:
        """The series with the labels of a selection, as an expression of PromQL; `part` of a histogram."""
        assert (part is None) == (self.kind != "histogram"), f"{self.name} is a {self.kind}"
        name = self.full_name if part is None else f"{self.full_name}_{part}"
        return f"{name}{{{','.join(selection)}}}" if selection else name


def counter(name: str, labels: str, text: str, key: object = None, *, unit: Unit | None = None) -> Family:
    """A metric that only grows. `key`: where its value stands, or several by what the last label says."""
    return Family(name, "counter", tuple(labels.split()), text, _keys(key), unit=unit)


def gauge(  # noqa: PLR0917 (a row of a table)
    name: str, labels: str, text: str, key: object = None, merge: Merge = "sum", unit: Unit | None = None
) -> Family:
    """A metric that comes and goes."""
    return Family(name, "gauge", tuple(labels.split()), text, _keys(key), merge, unit)


def histogram(name: str, labels: str, text: str) -> Family:
    """A metric of durations."""
    return Family(name, "histogram", tuple(labels.split()), text)


def fields_of(source: type[T]) -> T:
    """Stands for a record where keys are wanted: each attribute is the key of its field, not a value."""
    hints = get_type_hints(source)
    keys = {
        each.name: Key(source, each.name, attrgetter(each.name), get_origin(hints[each.name]) is dict)
        for each in fields(cast("Any", source))
    }
    return cast("T", SimpleNamespace(**keys))


def _keys(key: object) -> tuple[Key, ...]:
    if key is None:
        return ()
    keys = key if isinstance(key, Mapping) else {"": key}
    return tuple(replace(_key(each), label=label) for label, each in keys.items())


def _key(key: object) -> Key:
    if isinstance(key, Word):
        return Key(JournalReader, key.name, methodcaller("word", key))
    if isinstance(key, TalkWord):
        return Key(TalkJournalReader, key.name, methodcaller("word", key))
    assert isinstance(key, Key), f"{key} is no field of a record and no word of a journal"
    return key
