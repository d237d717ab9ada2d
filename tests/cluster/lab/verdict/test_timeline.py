"""The timeline of a run: phases, parts of a recovery, outages, what was written when."""

import json

import pytest

from actors.notebook.journal import MemoryJournal
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.verdict.journal_history import JournalHistory
from cluster.lab.verdict.timeline import OUTAGES_MAX, timeline_of
from tests.cluster.lab.verdict.judged_run import Run

MS = 1_000_000


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(guest="host0/web", guest_id=1, virtual_device=51712, volume_sectors=2048)


def write(journal: MemoryJournal, issued_ms: float, answered_ms: float | None) -> int:
    sequence = journal.record_write(0, 8, 1, int(issued_ms * MS))
    if answered_ms is not None:
        journal.record_ack(sequence, int(answered_ms * MS))
    return sequence


def waits(journal: MemoryJournal) -> list[tuple[float, float | None]]:
    found = JournalHistory(journal).waits()
    return [(each.began_ns / MS, None if each.ended_ns is None else each.ended_ns / MS) for each in found]


def test_a_wait_counts_from_the_request_if_nothing_was_wanted_before(journal: MemoryJournal) -> None:
    write(journal, 1, 1.5)
    write(journal, 10, 14)

    assert waits(journal) == [(10, 14)]


def test_a_wait_counts_from_the_last_success_if_something_was_in_flight(journal: MemoryJournal) -> None:
    first = write(journal, 1, None)
    second = write(journal, 1, None)
    journal.record_ack(first, 2 * MS)
    journal.record_ack(second, 9 * MS)
    write(journal, 20, 20.2)

    assert waits(journal) == [(1, 2), (2, 9)]


def test_shorter_waits_are_there_besides_the_longest(journal: MemoryJournal) -> None:
    for at_ms, length_ms in ((1, 3), (10, 8), (30, 0.5), (40, 2)):
        write(journal, at_ms, at_ms + length_ms)

    assert waits(journal) == [(1, 4), (10, 18), (40, 42)]


def test_what_a_dead_guest_left_unanswered_is_waited_for_until_it_is_back(journal: MemoryJournal) -> None:
    journal.set_wanted(wanted=True)
    journal.begin_boot()
    write(journal, 1, 1.5)
    write(journal, 2, None)
    journal.begin_boot()
    write(journal, 50, 50.5)
    write(journal, 90, 90.5)
    journal.set_wanted(wanted=False)

    assert waits(journal) == [(2, 50.5)]


def test_who_wanted_more_and_got_nothing_waits_for_ever(journal: MemoryJournal) -> None:
    journal.set_wanted(wanted=True)
    write(journal, 1, 1.5)

    assert waits(journal) == [(1.5, None)]


def test_a_wait_that_never_ended_has_no_end(journal: MemoryJournal) -> None:
    write(journal, 1, 1.5)
    write(journal, 2, None)

    assert waits(journal) == [(2, None)]


def test_a_read_that_was_answered_meanwhile_ends_a_wait(journal: MemoryJournal) -> None:
    write(journal, 1, 1.5)
    slow = write(journal, 10, None)
    read = journal.record_read(11 * MS)
    journal.record_read_done(read, 8, 12 * MS)
    journal.record_ack(slow, 13 * MS)

    # The header knows of 10 to 12; the records only that nothing was written from 10 to 13.
    assert waits(journal) == [(10, 12)]


def test_what_was_written_is_counted_when_it_was_acknowledged(journal: MemoryJournal) -> None:
    for at_ms in (1, 2, 2, 9):
        write(journal, at_ms - 0.5, at_ms)
    journal.record_flush(1 * MS)

    assert JournalHistory(journal).written_bytes(1 * MS, 2 * MS, 2) == [3 * 4096, 0]


def test_of_nothing_there_is_no_wait(journal: MemoryJournal) -> None:
    assert JournalHistory(journal).waits() == []
    assert JournalHistory(journal).last_ns == 0


def test_a_recovery_has_its_parts(run: Run) -> None:
    run.injections[0].reconnected_at_ns = 3400

    (fault,) = timeline_of(run.facts()).faults

    assert (fault.detect_ns, fault.restart_ns, fault.reconnect_ns, fault.replay_ns) == (500, 500, 400, 600)
    assert fault.turn == "restarted"


def test_a_part_whose_end_is_not_known_is_not_known(run: Run) -> None:
    run.injections = [Injection(1, "crash", "host0", "dom0", 2000, label="1")]

    (fault,) = timeline_of(run.facts()).faults

    assert (fault.detect_ns, fault.restart_ns, fault.reconnect_ns, fault.replay_ns) == (None,) * 4
    assert (fault.id, fault.target, fault.turn) == ("1", "host0/dom0", "")


def test_a_fault_that_ends_no_domain_is_taken_away(run: Run) -> None:
    stall = Injection(1, "disk-stall", "host0", "sda", 2000, label="1", mortal=False, lasting=True)
    stall.taken_away(5000)
    run.injections = [stall]

    (fault,) = timeline_of(run.facts()).faults

    assert (fault.detect_ns, fault.restart_ns) == (None, 3000)
    assert fault.turn not in ("", "restarted")


def test_phases_follow_one_another(run: Run) -> None:
    phases = timeline_of(run.facts()).phases

    assert [(each.name, each.began_at_ns, each.ended_at_ns) for each in phases] == [
        ("boot", 0, 1000),
        ("workload", 1000, 9000),
    ]


def test_a_run_that_was_cut_short_ends_with_what_is_known(run: Run) -> None:
    run.phases, run.cut_short = {"boot": 0, "workload": 1000}, "workload"

    timeline = timeline_of(run.facts())

    assert timeline.phases[-1].ended_at_ns is None
    assert timeline.ended_at_ns == 4000, "the recovery"


def test_only_the_longest_outages_of_a_guest_are_kept(run: Run) -> None:
    for number in range(OUTAGES_MAX + 5):
        run.write("web-0", 0, number * 1000 * MS + MS, number * 1000 * MS + (number + 3) * MS)

    outages = timeline_of(run.facts()).guests[0].outages

    assert outages is not None
    assert len(outages) == OUTAGES_MAX
    assert [each.began_at_ns for each in outages] == sorted(each.began_at_ns for each in outages)
    assert all((each.ended_at_ns or 0) - each.began_at_ns > 6 * MS for each in outages)


def test_all_that_was_acknowledged_is_in_the_spans_of_its_disk(run: Run) -> None:
    whole, close = timeline_of(run.facts()).written

    assert (whole.disk, whole.fault, close.fault) == ("host0/sda", None, "1")
    assert sum(whole.bytes) == 2 * 4 * 4096
    assert close.began_at_ns <= 2000
    assert close.began_at_ns + close.span_ns * len(close.bytes) >= 4000 + 10 * MS


def test_the_text_is_json_with_a_schema(run: Run) -> None:
    assert json.loads(timeline_of(run.facts()).to_json())["schema"] == 1
