import pytest

from actors.abi.disk_controller import ENABLE, ControllerStatus, Register, VolumeFlags
from actors.drivers.completion_queue import CompletionQueue
from actors.drivers.controller_setup import ControllerSetup
from actors.drivers.submission_queue import SubmissionQueue
from actors.messages import MmioRead, MmioReadReply, MmioWrite
from actors.runtime.memory import SparseMemory

READY = int(ControllerStatus.ready)
QUEUES = [
    (Register.sq_mfn, 40),
    (Register.sq_entries, 64),
    (Register.cq_mfn, 42),
    (Register.cq_entries, 512),
    (Register.control, ENABLE),
    Register.status,
]


class Bench:
    """A setup and what it says: (register, value) of a write, the register alone of a read."""

    def __init__(self) -> None:
        self.memory = SparseMemory(64)
        submissions = SubmissionQueue(self.memory, [40, 41])
        self.completions = CompletionQueue(self.memory, 42)
        self.wire: list[MmioRead | MmioWrite] = []
        self.ends: list[str | None] = []
        self.setup = ControllerSetup("sda", submissions, self.completions, self.wire.append)

    def start(self) -> list[object]:
        self.setup.start(lambda: self.ends.append(self.setup.error))
        return self.said()

    def said(self) -> list[object]:
        return [
            (each.offset, each.value) if isinstance(each, MmioWrite) else each.offset for each in self.wire
        ]

    def replies(self, *values: int) -> list[MmioReadReply]:
        reads = [each for each in self.wire if isinstance(each, MmioRead)]
        self.wire.clear()
        return [MmioReadReply(read.sequence, value) for read, value in zip(reads, values, strict=True)]

    def answer(self, *values: int) -> list[object]:
        """Answer the reads that were sent; what it says then."""
        for reply in self.replies(*values):
            self.setup.receive(reply)
        return self.said()


def volume(index: int) -> list[object]:
    return [
        (Register.volume_select, index),
        Register.volume_sectors_low,
        Register.volume_sectors_high,
        Register.volume_flags,
    ]


def test_each_step_comes_when_the_last_one_is_answered() -> None:
    bench = Bench()
    present, read_only = int(VolumeFlags.present), int(VolumeFlags.present | VolumeFlags.read_only)

    assert bench.start() == [(Register.control, 0), Register.status]
    assert bench.answer(0) == QUEUES
    assert bench.answer(READY) == [Register.volumes]
    assert bench.answer(2) == volume(0)
    assert bench.answer(64, 1, present) == volume(1)
    assert bench.ends == []
    assert bench.answer(8, 0, read_only) == []
    assert bench.ends == [None]
    assert bench.setup.volumes == [(1 << 32 | 64, False), (8, True)]


@pytest.mark.parametrize("write_cache", [False, True])
def test_a_disk_may_have_no_volumes_and_a_write_cache(write_cache: bool) -> None:
    bench = Bench()
    bench.start()
    bench.answer(0)
    bench.answer(READY | (ControllerStatus.write_cache if write_cache else 0))
    assert bench.answer(0) == []
    assert (bench.ends, bench.setup.volumes, bench.setup.write_cache) == ([None], [], write_cache)


def test_a_controller_that_is_not_ready_is_an_error_that_the_next_start_forgets() -> None:
    bench = Bench()
    bench.start()
    bench.answer(0)
    assert bench.answer(int(ControllerStatus.error)) == []
    assert bench.ends == ["sda: the controller did not start, status 0x2"]
    assert bench.start() == [(Register.control, 0), Register.status]
    assert bench.setup.error is None


def test_the_completion_queue_is_zeroed_once_the_controller_has_forgotten_it() -> None:
    bench = Bench()
    words = bench.memory.frame(42).cast("Q")
    bench.start()
    words[3] = 1 << 63
    bench.completions.owed = 5
    bench.answer(0)
    assert (any(words), bench.completions.owed) == (False, 0)


def test_answers_belong_to_their_questions_in_whatever_order_they_come() -> None:
    bench = Bench()
    bench.start()
    for value in (0, READY, 1):
        bench.answer(value)
    for reply in reversed(bench.replies(64, 1, int(VolumeFlags.present))):
        assert bench.ends == []
        bench.setup.receive(reply)
        bench.setup.receive(reply)
    assert bench.setup.volumes == [(1 << 32 | 64, False)]


def test_what_an_earlier_start_asked_is_not_heard() -> None:
    bench = Bench()
    bench.start()
    (old,) = bench.replies(0)
    bench.start()
    (new,) = bench.replies(0)
    bench.setup.receive(new)
    assert bench.said() == QUEUES
    bench.setup.receive(old)
    assert bench.said() == QUEUES


def test_the_answers_of_a_lost_disk_are_not_heard() -> None:
    bench = Bench()
    bench.start()
    (late,) = bench.replies(0)
    bench.setup.abandon()
    bench.setup.receive(late)
    assert (bench.said(), bench.ends) == ([], [])
