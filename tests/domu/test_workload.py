from random import Random

import pytest

from actors.domu.io_wait import IoWait
from actors.domu.workload import FLUSH, READ, WRITE, Workload, WorkloadSpec
from actors.kernel.threads import Threads
from actors.notebook.journal import MemoryJournal
from actors.notebook.journal_header import Word
from actors.notebook.stamp import read_stamp
from tests.domu.fake_disk import SECTORS, FakeDisk

MS = 1_000_000


class Bench:
    """A workload on a fake disk."""

    def __init__(self, **spec: object) -> None:
        self.threads, self.disk = Threads(), FakeDisk()
        self.journal = MemoryJournal(guest="g", guest_id=7, virtual_device=51712, volume_sectors=SECTORS)
        self.journal.begin_boot()
        options = WorkloadSpec(**{"kind": "random", **spec})
        self.wait = IoWait(self.threads)
        identity = (7, 51712)
        self.work = Workload(self.threads, self.disk, self.journal, options, Random("1"), identity, self.wait)
        self.work.start()

    def answer_all(self, most: int = 10_000) -> int:
        for count in range(most):
            if not self.disk.waiting:
                return count
            self.disk.answer()
        return most


@pytest.mark.parametrize("depth", [1, 3, 7])
def test_as_many_requests_as_the_depth_are_in_flight(depth: int) -> None:
    bench = Bench(depth=depth)
    bench.answer_all(50)

    assert len(bench.disk.waiting) == depth
    assert bench.journal.word(Word.IN_FLIGHT) == depth


def test_no_two_requests_in_flight_touch_one_block() -> None:
    bench = Bench(depth=32)
    bench.answer_all(500)

    assert len(bench.disk.waiting) <= SECTORS // 8


def test_it_ends_after_its_requests_and_everything_is_in_the_journal() -> None:
    bench = Bench(depth=4, requests=100, flush_every=8)
    bench.answer_all()

    assert bench.work.finished.done
    operations = [operation for operation, _ in bench.disk.log]
    writes = operations.count(WRITE)
    assert operations.count(READ) + writes == 100
    assert operations.count(FLUSH) == writes // 8
    assert len([each for each in bench.journal.records() if not each.is_flush]) == writes
    assert all(each.acknowledged for each in bench.journal.records())
    issued, completed = bench.journal.word(Word.ISSUED), bench.journal.word(Word.COMPLETED)
    assert issued == completed == len(operations)


def test_every_write_carries_its_stamp() -> None:
    bench = Bench(requests=40, read_share=0)
    bench.answer_all()

    last = {each.sector: each for each in bench.journal.records()}
    for sector, record in last.items():
        for place in range(sector, sector + 8):
            stamp = read_stamp(memoryview(bench.disk.content)[place * 512 : (place + 1) * 512])
            assert (stamp.guest_id, stamp.sector, stamp.sequence) == (7, place, record.sequence)


def test_a_sequential_one_goes_round_the_disk() -> None:
    bench = Bench(kind="sequential", requests=10, read_share=0)
    bench.answer_all()

    assert [sector for _, sector in bench.disk.log] == [8 * (index % 8) for index in range(10)]


def test_a_rate_is_kept_and_an_outage_is_not_made_up_for() -> None:
    bench = Bench(depth=4, rate=100.0)
    for now_ms in range(0, 500, 10):
        bench.threads.run(now_ms * MS)
        bench.answer_all()
    assert 48 <= len(bench.disk.log) <= 52

    bench.threads.run(60_000 * MS)
    before = len(bench.disk.log)
    bench.answer_all(1000)
    assert len(bench.disk.log) - before <= 101, "at most a second's worth"


def test_a_read_that_gives_something_else_is_a_mismatch() -> None:
    bench = Bench(requests=60, read_share=0.5, depth=1)
    while bench.disk.waiting:
        operation = bench.disk.waiting[0][0]
        if operation == READ:
            bench.disk.content[:] = bytes(len(bench.disk.content))
        bench.disk.answer()

    assert bench.work.corrupt_reads > 0
    assert bench.journal.word(Word.MISMATCHES) == bench.work.corrupt_reads


def test_without_verify_nothing_is_compared() -> None:
    bench = Bench(requests=60, read_share=0.5, depth=1, verify=False)
    while bench.disk.waiting:
        bench.disk.content[:] = bytes(len(bench.disk.content))
        bench.disk.answer()

    assert bench.work.corrupt_reads == 0


def test_an_error_is_counted_and_not_an_acknowledgement() -> None:
    bench = Bench(requests=1, read_share=0)
    bench.disk.answer(status=-1)

    (record,) = bench.journal.records()
    assert not record.acknowledged
    assert bench.journal.word(Word.ERRORS) == 1
    assert bench.work.finished.done


def test_a_stop_lets_finish_what_is_in_flight() -> None:
    bench = Bench(depth=3)
    bench.work.stop()
    assert not bench.work.finished.done

    assert bench.answer_all() == 3
    assert bench.work.finished.done


def test_it_waits_for_its_disk_while_a_request_has_no_answer() -> None:
    bench = Bench(depth=2, requests=3, flush_every=1, read_share=0)
    bench.threads.now_ns = 5 * MS
    while bench.disk.waiting:
        bench.disk.answer()
    assert bench.work.finished.done
    bench.threads.now_ns = 9 * MS

    assert bench.wait.waited_ns() == 5 * MS
