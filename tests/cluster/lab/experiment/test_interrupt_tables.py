"""Tables of interrupts: who asked gets the answer, and a run keeps the last ones."""

import json
from pathlib import Path

import click
import pytest

from actors.reading_messages import Interrupts, ReadInterrupts
from actors.runtime.machine import Effect, Send
from cluster.lab.experiment.interrupt_tables import InterruptTables
from cluster.running.run.run_directory import RunDirectory
from cluster.running.top.kept_interrupts import kept_interrupts


def test_the_answer_goes_to_whoever_asked() -> None:
    effects: list[Effect] = []
    tables = InterruptTables(effects.append)
    told: list[str] = []
    tables.ask("h/dom1", lambda text: told.append(f"one {text}"))
    tables.ask("h/dom2", lambda text: told.append(f"two {text}"))
    assert effects == [Send("h/dom1", ReadInterrupts(1)), Send("h/dom2", ReadInterrupts(2))]
    tables.take("h/dom2", Interrupts(2, "b"))
    tables.take("h/dom1", Interrupts(1, "a"))
    assert told == ["two b", "one a"]


@pytest.mark.parametrize(("link", "sequence"), [("h/dom2", 1), ("h/dom1", 7)])
def test_an_answer_that_nobody_asked_this_domain_for_is_dropped(link: str, sequence: int) -> None:
    tables = InterruptTables(lambda _: None)
    told: list[str] = []
    tables.ask("h/dom1", told.append)
    tables.take(link, Interrupts(sequence, "a"))
    assert told == []


def test_domains_that_never_answer_do_not_pile_up() -> None:
    tables = InterruptTables(lambda _: None)
    told: list[str] = []
    for _ in range(10_001):
        tables.ask("h/dom1", told.append)
    tables.take("h/dom1", Interrupts(1, "the oldest is forgotten"))
    tables.take("h/dom1", Interrupts(2, "kept"))
    assert told == ["kept"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    run = RunDirectory.create("x", tmp_path / "run")
    tables = InterruptTables(lambda _: None)
    tables.keep(["host-a/dom0", "host-a/dom1", "host-a/dom2"])
    tables.take("host-a/dom0", Interrupts(1, "zero"))
    tables.take("host-a/dom1", Interrupts(2, "one"))
    tables.take("host-a/dom2", Interrupts(3, "two"))
    run.write_interrupts(tables.kept)
    guests = [{"name": "web-0", "address": "host-a/dom1"}]
    drivers = [{"name": "storage", "address": "host-a/dom2"}]
    run.write("run.json", json.dumps({"hosts": [{"driver_domains": drivers}], "guests": guests}))
    return run.path


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("host-a/dom0", "zero"),
        ("host-a/dom1", "one"),
        ("host-a/web-0", "one"),
        ("host-a/storage", "two"),
    ],
)
def test_a_finished_run_tells_by_number_and_by_name(directory: Path, target: str, text: str) -> None:
    assert kept_interrupts(directory, target) == text


def test_what_was_not_kept_is_said_with_what_was(directory: Path) -> None:
    with pytest.raises(click.UsageError, match=r"host-a/dom7.*host-a/dom0, host-a/dom1"):
        kept_interrupts(directory, "host-a/dom7")
