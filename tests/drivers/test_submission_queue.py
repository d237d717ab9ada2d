import pytest

from actors.abi.disk_controller import COMMAND_BYTES, COMMAND_HEADER, MAX_SEGMENTS, SEGMENT
from actors.drivers.submission_queue import SubmissionQueue
from actors.runtime.memory import SparseMemory

FIRST, ENTRIES = 40, 64


def new_queue() -> tuple[SparseMemory, SubmissionQueue]:
    memory = SparseMemory(64)
    return memory, SubmissionQueue(memory, [FIRST, FIRST + 1])


def header(memory: SparseMemory, slot: int) -> tuple[int, ...]:
    return COMMAND_HEADER.unpack_from(memory.frame(FIRST + slot // 32), slot % 32 * COMMAND_BYTES)


def test_each_frame_has_32_entries() -> None:
    _, queue = new_queue()
    assert (queue.first_mfn, queue.entries) == (FIRST, ENTRIES)


@pytest.mark.parametrize("count", range(MAX_SEGMENTS + 1))
def test_a_command_lies_as_the_data_sheet_says(count: int) -> None:
    memory, queue = new_queue()
    segments = [(100 + index, index * 8, 512) for index in range(count)]
    assert queue.write([(2, 1, 17, 3, 1 << 40, segments)]) == 1

    assert header(memory, 0) == (2, 1, 17, 3, 1 << 40, count)
    start = COMMAND_HEADER.size
    assert list(SEGMENT.iter_unpack(memory.frame(FIRST)[start : start + count * SEGMENT.size])) == segments


def test_commands_follow_each_other_and_wrap() -> None:
    memory, queue = new_queue()
    for number in range(3 * ENTRIES // 4):
        tail = queue.write([(1, 0, 2 * number, 0, 0, ()), (1, 0, 2 * number + 1, 0, 0, ())])
        assert tail == (2 * number + 2) % ENTRIES

    assert [header(memory, slot)[2] for slot in range(ENTRIES)] == [*range(64, 96), *range(32, 64)]


def test_a_reset_begins_again() -> None:
    _, queue = new_queue()
    queue.write([(1, 0, 0, 0, 0, ())] * 5)
    queue.reset()
    assert queue.write([(1, 0, 0, 0, 0, ())]) == 1
