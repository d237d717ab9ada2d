"""The journal of a talk: who writes it, and who reads it."""

import errno

import pytest

from actors.notebook.talk_header import GROWTH, ROWS_AT, WAITS_MAX, TalkKind, TalkRole, TalkWord
from actors.notebook.talk_journal import TalkIdentity, TalkJournal
from actors.notebook.talk_journal_reader import TalkJournalError, TalkJournalReader
from actors.notebook.talk_pen import ConnectionPen
from actors.notebook.talk_rows import ROW_BYTES, ConnectionField, Ending, RowKind

IDENTITY = TalkIdentity("host0/web-0", 7, 2, TalkKind.stream, TalkRole.client, 9)


def test_it_outlives_who_wrote_it_and_a_reader_follows(tmp_path) -> None:
    path = tmp_path / "web-0.talk"
    journal = TalkJournal.create(path, IDENTITY)
    reader = TalkJournalReader.open(path)
    pen = ConnectionPen(journal, (1, 2), (3, 4), 5, accepted=False)
    rows = GROWTH // ROW_BYTES + 10
    for number in range(rows):
        pen.block(number, (1, 2, 3, 4), 5, number)
    journal.close()

    again = TalkJournal.open(path, writable=True)
    for each in (reader, again, TalkJournalReader.open(path)):
        things = list(each.things())
        assert [thing.kind for thing in things] == [RowKind.CONNECTION, *[RowKind.BLOCK] * rows]
        assert (each.guest, each.kind, each.role) == ("host0/web-0", TalkKind.stream, TalkRole.client)
    again.begin_boot()
    assert next(iter(reader.things())).words[ConnectionField.ENDING] == Ending.ABANDONED


@pytest.mark.parametrize("content", [b"", bytes(ROWS_AT)])
def test_what_is_no_journal_is_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "web-0.talk"
    path.write_bytes(content)
    with pytest.raises(TalkJournalError, match=r"web-0\.talk"):
        TalkJournalReader.open(path)


def test_a_row_that_cannot_be_is_refused() -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    for first in (0, 1 | 9 << 8, 99 | 1 << 8):
        journal.append((first, *[0] * 7))
        with pytest.raises(TalkJournalError, match="row 0"):
            list(journal.things())
        journal._words[TalkWord.ROWS] = 0


@pytest.mark.parametrize(
    ("error", "ending", "word"),
    [
        (None, Ending.CLOSED, TalkWord.CLOSED),
        (errno.ECONNRESET, Ending.RESET, TalkWord.RESET),
        (errno.ETIMEDOUT, Ending.TIMED_OUT, TalkWord.TIMED_OUT),
        (errno.EHOSTUNREACH, Ending.TIMED_OUT, TalkWord.TIMED_OUT),
        (errno.ECONNREFUSED, Ending.REFUSED, TalkWord.REFUSED),
        (errno.ECONNABORTED, Ending.ABORTED, TalkWord.ABORTED),
    ],
)
def test_how_a_connection_ended_is_said_once(error, ending, word) -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    pen = ConnectionPen(journal, (1, 2), (3, 4), 5, accepted=True)
    pen.begin_wait(10)
    pen.end(error, 40)
    pen.end(errno.ECONNRESET, 99)
    row = next(iter(journal.things())).words
    assert (row[ConnectionField.ENDING], row[ConnectionField.ENDED_NS]) == (ending, 40)
    assert (row[ConnectionField.LONGEST_SILENCE_NS], row[ConnectionField.LONGEST_SILENCE_END_NS]) == (30, 40)
    assert (journal.word(word), journal.word(TalkWord.OPEN)) == (1, 0)


def test_a_gap_begins_with_work_and_ends_with_the_next_sign_of_life() -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    journal.set_wanted(wanted=True)
    journal.set_due(100)
    assert (journal.unserved_since_ns(50), journal.unserved_since_ns(200)) == (0, 100)
    journal.begin_wait(120)
    journal.begin_wait(150)
    journal.serve(170, busy=True)
    journal.serve(200, busy=False)
    assert journal.unserved_since_ns(999) == 0
    assert (journal.word(TalkWord.LONGEST_GAP_NS), journal.word(TalkWord.LONGEST_GAP_END_NS)) == (50, 170)
    assert sum(journal.gaps()) == 2


def test_a_connection_that_waits_is_seen_beside_those_that_live() -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    stuck, lives = (ConnectionPen(journal, (1, 2), (3, port), 5, accepted=False) for port in (4, 5))
    for each in (stuck, lives):
        each.begin_wait(10)
        journal.begin_wait(10)
    lives.progress(20, busy=True)
    journal.serve(20, busy=True)

    assert (journal.unserved_since_ns(90), journal.silent_since_ns(90)) == (20, 10)
    lives.progress(30, busy=False)
    journal.serve(30, busy=False)
    assert (journal.unserved_since_ns(90), journal.silent_since_ns(90)) == (0, 10)
    stuck.progress(40, busy=False)
    assert journal.silent_since_ns(90) == 0


@pytest.mark.parametrize("over", [lambda _, pen: pen.end(None, 20), lambda journal, _: journal.begin_boot()])
def test_nobody_waits_for_a_connection_that_is_over(over) -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    for port in range(3 * WAITS_MAX):
        pen = ConnectionPen(journal, (1, 2), (3, port), 5, accepted=False)
        pen.begin_wait(10)
        assert journal.silent_since_ns(90) == 10, port
        over(journal, pen)
        assert journal.silent_since_ns(90) == 0


def test_more_connections_than_have_a_place_are_not_seen_one_by_one() -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    pens = [ConnectionPen(journal, (1, 2), (3, port), 5, accepted=False) for port in range(WAITS_MAX + 1)]
    pens[-1].begin_wait(10)
    assert journal.silent_since_ns(90) == 0
    pens[-2].begin_wait(20)
    assert journal.silent_since_ns(90) == 20
    taken = ConnectionPen(journal, (1, 2), (3, 4), 5, accepted=True)
    pens[0].end(None, 30)
    taken.begin_wait(5)
    assert journal.silent_since_ns(90) == 20, "who was called does not take a place"


def test_the_death_of_the_guest_does_not_end_a_gap_and_its_work_may_be_due() -> None:
    journal = TalkJournal.in_memory(IDENTITY)
    journal.set_wanted(wanted=True)
    journal.begin_wait(10)
    journal.begin_boot()
    assert journal.unserved_since_ns(99) == 10
    journal.serve(100, busy=False)
    journal.set_due(110)
    journal.begin_boot()
    assert journal.unserved_since_ns(500) == 110
    journal.set_wanted(wanted=False)
    assert journal.unserved_since_ns(500) == 0


def test_names_are_of_one_connection_of_the_run() -> None:
    first, second = (TalkJournal.in_memory(IDENTITY) for _ in range(2))
    second.initialise(TalkIdentity("host0/web-0", 7, 3, TalkKind.stream, TalkRole.client, 9))
    assert len({first.name(), first.name(), second.name()}) == 3
    assert first.name() >> 32 == 7
