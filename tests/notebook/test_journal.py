import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.notebook.journal import Journal, MemoryJournal
from actors.notebook.journal_header import GROWTH, GuestState, Word
from actors.notebook.journal_reader import JournalError
from actors.notebook.journal_record import RECORD_SIZE

MakeJournal = Callable[[], Journal]


@pytest.fixture(params=["file", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeJournal:
    def of_file() -> Journal:
        path = tmp_path / "web-0-xvda.journal"
        return Journal.create(
            path, guest="host0/web-0", guest_id=7, virtual_device=51712, volume_sectors=32768
        )

    def of_memory() -> Journal:
        return MemoryJournal(guest="host0/web-0", guest_id=7, virtual_device=51712, volume_sectors=32768)

    return of_file if request.param == "file" else of_memory


def test_a_new_journal_says_whose_it_is(make: MakeJournal) -> None:
    journal = make()

    assert journal.guest == "host0/web-0"
    assert journal.word(Word.GUEST_ID) == 7
    assert journal.word(Word.VIRTUAL_DEVICE) == 51712
    assert journal.word(Word.VOLUME_SECTORS) == 32768
    assert journal.state is GuestState.created
    assert list(journal.records()) == []


def test_writes_and_flushes_share_their_sequence(make: MakeJournal) -> None:
    journal = make()

    assert journal.next_sequence == 1
    assert journal.record_write(8, 8, 111, 10) == 1
    assert journal.record_flush(20) == 2
    assert journal.record_write(16, 8, 222, 30, fua=True) == 3
    assert journal.nonces() == [111, 0, 222]


def test_a_record_says_how_it_was_answered(make: MakeJournal) -> None:
    journal = make()
    first = journal.record_write(8, 8, 111, 10)
    second = journal.record_write(16, 8, 222, 11, fua=True)
    journal.record_write(24, 8, 333, 12)
    flush = journal.record_flush(13)
    journal.record_ack(first, 20)
    journal.record_failure(second, 21)
    journal.record_ack(flush, 22)

    one, two, three, four = journal.records()

    assert (one.acknowledged, one.failed, one.fua, one.is_flush) == (True, False, False, False)
    assert (one.sector, one.sectors, one.nonce, one.issued_ns, one.answered_ns) == (8, 8, 111, 10, 20)
    assert (two.acknowledged, two.failed, two.fua) == (False, True, True)
    assert (three.acknowledged, three.failed) == (False, False)
    assert (four.acknowledged, four.is_flush) == (True, True)


def test_what_is_issued_after_an_answer_can_be_told_by_number_even_at_the_same_time(
    make: MakeJournal,
) -> None:
    journal = make()
    write = journal.record_write(0, 8, 1, 5)
    before = journal.record_flush(5)
    journal.record_ack(write, 5)
    after = journal.record_flush(5)

    record = next(journal.records())

    assert before < record.answered_before <= after


def test_vitals_count_what_was_issued_and_answered(make: MakeJournal) -> None:
    journal = make()
    write, flush, read = (
        journal.record_write(0, 8, 1, 10),
        journal.record_flush(11),
        journal.record_read(12),
    )
    lost = journal.record_read(13)
    assert journal.word(Word.IN_FLIGHT) == 4
    journal.record_ack(write, 20)
    journal.record_ack(flush, 21)
    journal.record_read_done(read, 16, 22)
    journal.record_failure(lost, 23)

    expected = {
        Word.ISSUED: 4,
        Word.COMPLETED: 4,
        Word.ERRORS: 1,
        Word.IN_FLIGHT: 0,
        Word.WRITES: 1,
        Word.WRITTEN_BYTES: 4096,
        Word.FLUSHES: 1,
        Word.READS: 1,
        Word.READ_BYTES: 8192,
        Word.LAST_COMPLETION_NS: 23,
        Word.OLDEST_ISSUE_NS: 0,
    }
    assert {word: journal.word(word) for word in expected} == expected


def test_the_oldest_request_in_flight_is_known(make: MakeJournal) -> None:
    journal = make()
    tickets = [journal.record_read(at) for at in (10, 20, 30)]
    journal.record_read_done(tickets[1], 8, 40)
    assert journal.word(Word.OLDEST_ISSUE_NS) == 10
    journal.record_read_done(tickets[0], 8, 50)
    assert journal.word(Word.OLDEST_ISSUE_NS) == 30


def test_a_gap_counts_only_while_there_is_work(make: MakeJournal) -> None:
    journal = make()
    journal.record_read_done(journal.record_read(100), 8, 110)
    journal.record_read_done(journal.record_read(1_000_000), 8, 1_000_025)

    assert journal.word(Word.LONGEST_GAP_NS) == 25
    assert journal.word(Word.LONGEST_GAP_END_NS) == 1_000_025
    assert sum(journal.gaps()) == sum(journal.latencies()) == 2


def test_with_more_requests_in_flight_a_gap_begins_at_the_last_answer(make: MakeJournal) -> None:
    journal = make()
    tickets = [journal.record_read(0) for _ in range(3)]
    for ticket, at in zip(tickets, (10, 20, 500), strict=True):
        journal.record_read_done(ticket, 8, at)

    assert journal.word(Word.LONGEST_GAP_NS) == 480
    assert journal.word(Word.LAST_SUCCESS_NS) == 500


def test_an_error_does_not_end_a_gap(make: MakeJournal) -> None:
    journal = make()
    journal.set_wanted(wanted=True)
    journal.record_read_done(journal.record_read(100), 8, 110)
    for at in range(200, 5000, 100):
        journal.record_failure(journal.record_read(at), at + 5)
        assert journal.unserved_since_ns(at + 10) == 200
        assert journal.ended_in_error
        assert journal.oldest_request_ns(at + 10) == 0
    journal.record_read_done(journal.record_read(5000), 8, 5010)

    assert journal.word(Word.LONGEST_GAP_NS) == 4810
    assert not journal.ended_in_error
    assert journal.unserved_since_ns(6000) == 0
    assert sum(journal.gaps()) == sum(journal.latencies()) == 2


def test_an_error_among_successes_does_not_stretch_a_gap(make: MakeJournal) -> None:
    journal = make()
    good, bad, late = (journal.record_read(100) for _ in range(3))
    journal.record_read_done(good, 8, 110)
    journal.record_failure(bad, 120)
    journal.record_read_done(late, 8, 130)

    assert journal.word(Word.LONGEST_GAP_NS) == 20


def test_an_error_says_nothing_about_what_was_asked_later(make: MakeJournal) -> None:
    journal = make()
    early, late = journal.record_read(100), journal.record_read(150)
    journal.record_read_done(late, 8, 160)
    journal.record_failure(early, 170)

    assert not journal.ended_in_error


def test_who_does_not_ask_for_what_was_due_is_out(make: MakeJournal) -> None:
    journal = make()
    journal.set_wanted(wanted=True)
    journal.record_read_done(journal.record_read(100), 8, 110)
    journal.set_due(200)

    assert journal.unserved_since_ns(200) == 0, "nothing is late yet"
    assert journal.unserved_since_ns(5000) == journal.oldest_request_ns(5000) == 200
    journal.record_read_done(journal.record_read(5000), 8, 5010)
    assert journal.word(Word.LONGEST_GAP_NS) == 4810
    assert journal.unserved_since_ns(6000) == 0


def test_nothing_is_due_when_the_work_is_done(make: MakeJournal) -> None:
    journal = make()
    journal.set_wanted(wanted=True)
    journal.set_due(200)
    journal.set_wanted(wanted=False)

    assert journal.unserved_since_ns(5000) == 0


def test_what_was_due_is_counted_from_the_last_success_at_the_earliest(make: MakeJournal) -> None:
    journal = make()
    first, second = journal.record_read(100), journal.record_read(100)
    journal.record_read_done(first, 8, 110)
    journal.set_due(120)
    journal.record_read_done(second, 8, 300)
    journal.record_read_done(journal.record_read(310), 8, 320)

    assert journal.word(Word.LONGEST_GAP_NS) == 190


@pytest.mark.parametrize("error", [False, True])
def test_a_guest_that_dies_between_two_requests_is_out_until_it_works_again(
    make: MakeJournal, error: bool
) -> None:
    journal = make()
    journal.begin_boot()
    journal.set_wanted(wanted=True)
    journal.record_read_done(journal.record_read(90), 8, 100)
    if error:
        journal.record_failure(journal.record_read(110), 120)
    journal.set_due(150)
    begun = 110 if error else 150
    assert journal.unserved_since_ns(1000) == begun
    journal.begin_boot()
    assert journal.unserved_since_ns(1000) == begun
    journal.record_read_done(journal.record_read(5000), 8, 5100)

    assert journal.word(Word.LONGEST_GAP_NS) == 5100 - begun


def test_a_guest_that_dies_with_work_to_do_is_out_until_it_works_again(make: MakeJournal) -> None:
    journal = make()
    journal.begin_boot()
    journal.set_wanted(wanted=True)
    journal.record_read_done(journal.record_read(90), 8, 100)
    journal.record_read(110)
    journal.begin_boot()
    journal.record_read_done(journal.record_read(5000), 8, 5100)

    assert journal.word(Word.BOOTS) == 2
    assert journal.word(Word.ABANDONED) == 1
    assert journal.word(Word.LONGEST_GAP_NS) == 4990
    assert journal.word(Word.ISSUED) == journal.word(Word.COMPLETED) + journal.word(Word.ABANDONED)


def test_a_guest_that_boots_again_after_its_work_was_done_was_not_out(make: MakeJournal) -> None:
    journal = make()
    journal.begin_boot()
    journal.set_wanted(wanted=True)
    journal.record_read_done(journal.record_read(90), 8, 100)
    journal.set_wanted(wanted=False)
    journal.begin_boot()
    journal.record_read_done(journal.record_read(5000), 8, 5100)

    assert journal.word(Word.LONGEST_GAP_NS) == 100


def test_a_journal_grows_without_losing_anything(make: MakeJournal) -> None:
    journal = make()
    count = GROWTH // RECORD_SIZE + 10
    for index in range(count):
        journal.record_ack(journal.record_write(index % 100, 1, index, index), index)

    assert [each.nonce for each in journal.records()] == list(range(count))
    assert all(each.acknowledged for each in journal.records())


def test_a_digest_is_kept(make: MakeJournal) -> None:
    journal = make()
    assert journal.digest is None
    journal.set_digest(bytes(range(32)))
    assert journal.digest == bytes(range(32))


def test_an_address_that_does_not_fit_is_refused() -> None:
    with pytest.raises(JournalError, match="at most 255 bytes"):
        MemoryJournal(guest="x" * 256, guest_id=1, virtual_device=1, volume_sectors=1)


def test_a_reader_sees_what_the_writer_does_next(tmp_path: Path) -> None:
    path = tmp_path / "j"
    writer = Journal.create(path, guest="host0/web", guest_id=1, virtual_device=51712, volume_sectors=8)
    reader = Journal.open(path)
    writer.set_wanted(wanted=True)
    writer.record_ack(writer.record_write(0, 8, 9, 10), 20)

    assert reader.wanted
    assert reader.word(Word.COMPLETED) == 1
    assert [each.acknowledged for each in reader.records()] == [True]


def test_a_reader_follows_a_file_that_grows_under_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    writer = Journal.create(path, guest="host0/web", guest_id=1, virtual_device=51712, volume_sectors=8)
    reader = Journal.open(path)
    count = GROWTH // RECORD_SIZE + 10
    for index in range(count):
        writer.record_write(0, 8, index, index)

    assert len(list(reader.records())) == count
    assert len(reader.nonces()) == count


def test_a_journal_goes_on_where_the_last_boot_stopped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first = Journal.create(path, guest="host0/web", guest_id=1, virtual_device=51712, volume_sectors=8)
    first.begin_boot()
    first.record_write(0, 8, 1, 10)
    first.close()
    second = Journal.open(path, writable=True)
    second.begin_boot()

    assert second.record_write(0, 8, 2, 20) == 2
    assert second.word(Word.ISSUED) == 2


@pytest.mark.parametrize("content", [b"", b"short", bytes(1 << 16), b"DZjournl" + bytes(1 << 16)])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)

    with pytest.raises(JournalError, match="journal"):
        Journal.open(path)


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text("something")

    with pytest.raises(FileExistsError):
        Journal.create(path, guest="host0/web", guest_id=1, virtual_device=1, volume_sectors=8)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_sigkill_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal.create(path, guest="host0/web", guest_id=1, virtual_device=51712, volume_sectors=8).close()
    pid = os.fork()
    if pid == 0:
        journal = Journal.open(path, writable=True)
        for index in range(1000):
            journal.record_ack(journal.record_write(0, 8, index, index), index)
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(pid, 0)

    assert os.WTERMSIG(status) == signal.SIGKILL
    assert sum(each.acknowledged for each in Journal.open(path).records()) == 1000
