from actors.abi.disk_controller import completion_word
from actors.drivers.completion_queue import CompletionQueue
from actors.runtime.memory import SparseMemory

MFN = 9


class Bench:
    """A queue and the disk that writes into it."""

    def __init__(self) -> None:
        self.memory = SparseMemory(16)
        self.words = self.memory.frame(MFN).cast("Q")
        self.queue = CompletionQueue(self.memory, MFN)
        self.tail, self.phase = 0, 1

    def complete(self, command_id: int, status: int = 0) -> None:
        self.words[self.tail] = completion_word(command_id, status, self.phase)
        self.tail = (self.tail + 1) % self.queue.entries
        self.phase ^= self.tail == 0


def test_it_fills_one_frame() -> None:
    bench = Bench()
    assert bench.queue.entries == len(bench.words)


def test_each_completion_is_taken_once_in_order() -> None:
    bench = Bench()
    assert bench.queue.take() == []
    bench.complete(5)
    bench.complete(0xFFFF, 0xFFFE)
    assert bench.queue.take() == [(5, 0), (0xFFFF, 0xFFFE)]
    assert bench.queue.take() == []
    assert (bench.queue.head, bench.queue.owed) == (2, 2)


def test_the_phase_tells_new_from_old_on_every_lap() -> None:
    bench = Bench()
    for lap in range(3 * bench.queue.entries // 100):
        for number in range(100):
            bench.complete(number, lap)
        assert bench.queue.take() == [(number, lap) for number in range(100)]
        assert bench.queue.head == bench.tail


def test_a_reset_leaves_zeroes_and_begins_again() -> None:
    bench = Bench()
    for _ in range(bench.queue.entries + 3):
        bench.complete(1)
        bench.queue.take()
    bench.queue.reset()
    bench.tail, bench.phase = 0, 1

    assert not any(bench.words)
    assert (bench.queue.head, bench.queue.owed, bench.queue.take()) == (0, 0, [])
    bench.complete(7)
    assert bench.queue.take() == [(7, 0)]
