"""Every row of the catalog, and the record that it reads."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from actors.abi.types import SECTOR_SIZE
from actors.device_classes import DEVICE_CLASSES
from actors.devices.disk_statistics import DiskStatistics
from actors.notebook.journal import MemoryJournal
from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from actors.notebook.talk_journal_reader import TalkJournalReader
from cluster.lab.experiment.statistics_maps import RECORDS
from cluster.running.metrics import catalog, host_metrics, network_catalog, talk_catalog
from cluster.running.metrics.catalog import CATALOG, DISK, READ_FROM
from cluster.running.metrics.families import Families, LabelTexts
from cluster.running.metrics.family import Family, Key, counter

KEYS = [(family, key) for family in CATALOG.values() for key in family.keys]


def name_of(value: Family | Key) -> str:
    return value.name if isinstance(value, Family) else f"{value.source.__name__}.{value.name}"


def declared(kind: type) -> set[type]:
    """A record, and the records that are in it."""
    within = {each for hint in get_type_hints(kind).values() for each in (hint, *get_args(hint))}
    return {kind}.union(*(declared(each) for each in within if is_dataclass(each)))


WORDS = {JournalReader: Word, TalkJournalReader: TalkWord}
"""What the keys of the metrics that are read from journals are."""
ENDS = [
    kind for each in DEVICE_CLASSES.values() for kind in (each.frontend_statistics, each.backend_statistics)
]
STATISTICS = set().union(*(declared(each) for each in [*RECORDS, *ENDS]))


@pytest.mark.parametrize(("family", "key"), KEYS, ids=name_of)
def test_a_key_is_a_number_or_a_map_of_numbers_of_a_record_that_machines_declare(
    family: Family, key: Key
) -> None:
    if key.source in WORDS:
        assert key.name in WORDS[key.source].__members__
        return
    assert key.source in STATISTICS
    assert get_type_hints(key.source)[key.name] == (dict[str, int] if key.is_map else int)


@pytest.mark.parametrize("source", READ_FROM, ids=lambda each: each.__name__)
def test_every_key_shows_its_own_field(source: type) -> None:
    numbers, record = numbered(source)
    families = Families(LabelTexts({}))
    own = {
        key.name: len(family.labels) - (key.is_map or bool(key.label)) for family, key in READ_FROM[source]
    }
    assert len(set(own.values())) == 1, f"the series of {own} are not those of one thing"
    labels = [f"label {number}" for number in range(next(iter(own.values())))]

    families.add_all(source, record, *labels)

    for family, key in READ_FROM[source]:
        last = ["a.b"] if key.is_map else [key.label] if key.label else []
        number = numbers[key.name]
        shown = number if family.unit is None else family.unit(number)
        assert families._values[family.name][*labels, *last] == shown, name_of(key)


def numbered(source: type) -> tuple[dict[str, int], Any]:
    """A record of which every field has a number of its own, and these numbers."""
    if source is JournalReader:
        journal = MemoryJournal(guest="web-0", guest_id=1, virtual_device=51712, volume_sectors=8)
        words = {key.name: 1000 + Word[key.name] for _, key in READ_FROM[JournalReader]}
        for name, number in words.items():
            journal._words[Word[name]] = number
        return words, journal
    if source is TalkJournalReader:
        talk = TalkJournal.in_memory(TalkIdentity("host0/web-0", 1, 0, TalkKind.stream, TalkRole.client))
        words = {key.name: 1000 + TalkWord[key.name] for _, key in READ_FROM[TalkJournalReader]}
        for name, number in words.items():
            talk.count(TalkWord[name], number)
        return words, talk
    hints = get_type_hints(source)
    numbers = {each.name: 1000 + index for index, each in enumerate(fields(source))}
    values = {
        name: {"a.b": number} if hints[name] == dict[str, int] else number for name, number in numbers.items()
    }
    return numbers, source(**values)


def test_what_is_not_known_yet_is_0_and_of_what_is_gone_only_the_counters_stay() -> None:
    def shown(record: DiskStatistics | None, *, is_gone: bool = False) -> list[float]:
        families = Families(LabelTexts({}))
        families.add_all(DiskStatistics, record, "sda", is_gone=is_gone)
        chosen = (catalog.DISK_ERRORS, catalog.DISK_DIRTY_BYTES, catalog.DISK_REQUESTS_IN_FLIGHT)
        return [families._values[each.name]["sda",] for each in chosen]

    numbers, record = numbered(DiskStatistics)
    errors, dirty, waiting = numbers["errors"], numbers["dirty_sectors"] * SECTOR_SIZE, numbers["in_flight"]

    assert shown(None) == [0, 0, 0]
    assert shown(record) == [errors, dirty, waiting]
    assert shown(record, is_gone=True) == [errors, 0, 0]


def test_a_metric_has_a_key_or_a_writer() -> None:
    folder = Path(host_metrics.__file__).parent
    written = {
        name.lower()
        for path in folder.glob("*metrics.py")
        for name in re.findall(r"catalog\.([A-Z]\w+)", path.read_text())
    }

    assert written.isdisjoint({family.name for family, _ in KEYS})
    assert written | {family.name for family, _ in KEYS} == CATALOG.keys()


def test_a_field_that_is_renamed_or_gone_is_missed_before_anything_runs() -> None:
    with pytest.raises(AttributeError, match="mistakes"):
        counter("disk_errors", "disk", "Commands that a physical disk has failed.", DISK.mistakes)
    with pytest.raises(AssertionError, match="errors is no field of a record"):
        counter("disk_errors", "disk", "Commands that a physical disk has failed.", "errors")


def test_the_catalogue_follows_prometheus_naming() -> None:
    for family in CATALOG.values():
        assert not family.name.endswith(("_total", "_count", "_sum", "_ms", "_ns", "_us")), family.name
        assert family.text.endswith("."), family.name
        rows = vars(talk_catalog) | vars(network_catalog) | vars(catalog)
        assert rows[family.name.upper()] is family, f"{family.name} is the metric of another name"
        assert not {"cluster", "host", "le", "job", "instance"} & set(family.labels), family.name
