"""Machine memory: the shared file and its twin behave alike."""

import os
from collections.abc import Iterator

import pytest

from actors.runtime.memory import FRAME_BYTES, Memory, SharedMemory, SparseMemory

NR_FRAMES = 64


@pytest.fixture(params=["shared", "sparse"])
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    if request.param == "sparse":
        yield SparseMemory(NR_FRAMES)
        return
    shared, fd = SharedMemory.create(NR_FRAMES)
    yield shared
    shared.close()
    os.close(fd)


def test_a_frame_reads_as_zero_until_it_is_written(memory: Memory) -> None:
    view = memory.frame(3)
    assert len(view) == FRAME_BYTES
    assert bytes(view) == bytes(FRAME_BYTES)
    view[0:4] = b"abcd"
    assert bytes(memory.frame(3)[0:4]) == b"abcd"
    assert bytes(memory.frame(2)) == bytes(memory.frame(4)) == bytes(FRAME_BYTES)


def test_words_are_the_same_bytes(memory: Memory) -> None:
    words = memory.words(5)
    assert len(words) == 1024
    words[1023] = 0x01020304
    assert bytes(memory.frame(5)[-4:]) == b"\x04\x03\x02\x01"
    memory.frame(5)[0:4] = b"\xff\xff\xff\xff"
    assert words[0] == 0xFFFFFFFF


def test_views_taken_twice_are_of_one_frame(memory: Memory) -> None:
    first, second = memory.frame(7), memory.frame(7)
    first[9] = 42
    assert second[9] == 42


@pytest.mark.parametrize("mfn", [-1, NR_FRAMES, NR_FRAMES + 1, 1 << 62])
def test_a_frame_outside_of_the_memory_is_refused(memory: Memory, mfn: int) -> None:
    for access in (memory.frame, memory.words):
        with pytest.raises(IndexError):
            access(mfn)


@pytest.mark.parametrize(("mfn", "count"), [(-1, 1), (0, NR_FRAMES + 1), (NR_FRAMES, 1), (3, -1)])
def test_a_scrub_outside_of_the_memory_is_refused_and_changes_nothing(
    memory: Memory, mfn: int, count: int
) -> None:
    memory.frame(0)[0] = memory.frame(NR_FRAMES - 1)[0] = 1
    with pytest.raises(IndexError):
        memory.scrub(mfn, count)
    assert memory.frame(0)[0] == memory.frame(NR_FRAMES - 1)[0] == 1


@pytest.mark.parametrize("count", [0, 1, 3, NR_FRAMES - 2])
def test_a_scrub_makes_its_frames_zero_and_no_others(memory: Memory, count: int) -> None:
    for mfn in range(NR_FRAMES):
        memory.frame(mfn)[:] = b"x" * FRAME_BYTES
    held = memory.words(2)
    memory.scrub(2, count)
    for mfn in range(NR_FRAMES):
        filling = b"\0" if 2 <= mfn < 2 + count else b"x"
        assert bytes(memory.frame(mfn)) == filling * FRAME_BYTES
    assert held[0] == (0 if count else 0x78787878)


def test_scrubbing_shared_frames_gives_their_store_back() -> None:
    memory, fd = SharedMemory.create(1 << 20)
    try:
        assert os.fstat(fd).st_blocks == 0
        for mfn in range(1000, 1100):
            memory.frame(mfn)[0] = 1
        assert os.fstat(fd).st_blocks * 512 == 100 * FRAME_BYTES
        memory.scrub(1000, 99)
        assert os.fstat(fd).st_blocks * 512 == FRAME_BYTES
    finally:
        memory.close()
        os.close(fd)


def test_two_maps_of_one_file_are_one_memory() -> None:
    memory, fd = SharedMemory.create(4)
    twin = SharedMemory(fd, 4)
    os.close(fd)  # a map holds the file by itself
    memory.frame(1)[0:2] = b"hi"
    assert bytes(twin.frame(1)[0:2]) == b"hi"
    memory.close()
    twin.close()


def test_memory_can_be_closed_while_views_are_held() -> None:
    memory, fd = SharedMemory.create(4)
    view = memory.frame(1)
    view[0] = 9
    memory.close()
    memory.close()
    os.close(fd)
    assert view[0] == 9


def test_a_sparse_memory_takes_what_was_touched() -> None:
    memory = SparseMemory(1 << 40)
    memory.frame((1 << 40) - 1)[0] = 1
    memory.scrub(0, 1 << 40)
    assert memory.frame((1 << 40) - 1)[0] == 0
