"""Ring pages that change between two reads of one turn: what was checked is what is used, and a turn ends."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from actors.abi.blkif import BLKIF_RING_ENTRIES, BLKIF_SLOT_BYTES, HEAD, RESPONSE
from actors.abi.ring import REQ_PROD, RING_HEADER_BYTES, RING_MASK, RSP_PROD
from actors.abi.types import PAGE_SIZE
from actors.abi.xs_wire import XENSTORE_RING_SIZE, XS_RING_REQ_CONS, XS_RING_REQ_PROD
from actors.block.block_queue import BlockQueue
from actors.block.vbd_queue import VbdCounters, VbdQueue
from actors.kernel.ring import BackRing, FrontRing, RingBroken
from actors.kernel.threads import Threads
from actors.kernel.xs_ring import XsRing, XsRingBroken
from tests.fuzz.rings import FuzzedFrames, FuzzedGrants, FuzzedKernel

READS_MAX = 5_000
DISCARD = 5


class ChangingWords:
    """The words of a page; `peer(index, value)` is asked at each read, as a peer that writes in between."""

    def __init__(self, words: memoryview) -> None:
        self.words = words
        self.peer: Callable[[int, int], int] = lambda _index, value: value
        self.reads = 0

    def __getitem__(self, index: int) -> int:
        self.reads += 1
        assert self.reads < READS_MAX, "the reader never ends its turn"
        return self.peer(index, self.words[index])

    def __setitem__(self, index: int, value: int) -> None:
        self.words[index] = value


@dataclass
class Volume:
    """Takes notes."""

    sectors: int = 1024
    read_only: bool = False
    asked: list[int] = field(default_factory=list)

    def submit(self, operation, sector, segments, done):
        self.asked.append(sector)
        done(0)


class Backend:
    """A backend's queue on a page whose indices change."""

    def __init__(self) -> None:
        self.page = memoryview(bytearray(PAGE_SIZE))
        self.words = ChangingWords(self.page.cast("I"))
        self.threads, self.volume, self.counters = Threads(), Volume(), VbdCounters()
        self.broken: list[str] = []
        self.ends: dict[Callable[[], None], None] = {}
        self.ring = BackRing(self.words, BLKIF_SLOT_BYTES)  # type: ignore[arg-type]
        self.queue = VbdQueue(
            FuzzedKernel(self.threads, self.ends),  # type: ignore[arg-type]
            FuzzedGrants(),  # type: ignore[arg-type]
            self.volume,
            self.counters,
            ring=self.ring,
            page=self.page,
            frontend=(3, 51712),
            persistent=True,
            journal=None,
            notify=lambda: None,
            broken=self.broken.append,
        )

    def refused_requests_for_ever(self, index: int, value: int) -> int:
        return (self.ring.rsp_prod + 1) & RING_MASK if index == REQ_PROD else value

    def fill_slots(self, operation: int) -> None:
        for slot in range(BLKIF_RING_ENTRIES):
            HEAD.pack_into(
                self.page, RING_HEADER_BYTES + slot * BLKIF_SLOT_BYTES, operation, 0, 0, 0, slot, 0
            )


@pytest.fixture
def backend() -> Backend:
    return Backend()


def test_a_frontend_that_asks_as_fast_as_it_is_refused_does_not_keep_the_backend_in_one_turn(backend):
    backend.words.peer = backend.refused_requests_for_ever
    for turn in range(1, 5):
        backend.fill_slots(DISCARD)
        backend.words.reads = 0
        backend.queue.poll() if turn == 1 else backend.threads.run(backend.threads.next_deadline_ns())
        assert backend.counters.refused == turn * BLKIF_RING_ENTRIES
    assert backend.broken == []
    backend.queue.check()


def test_a_producer_that_comes_and_goes_does_not_keep_the_backend_in_one_turn(backend):
    backend.words.peer = lambda index, value: backend.words.reads & 1 if index == REQ_PROD else value
    backend.words.reads = 1
    backend.queue.poll()
    assert backend.words.reads < 200
    backend.queue.check()


def test_what_is_left_for_a_later_turn_is_taken_then_without_another_event(backend):
    backend.fill_slots(DISCARD)
    backend.words.peer = backend.refused_requests_for_ever
    backend.queue.poll()
    backend.fill_slots(DISCARD)
    backend.words.peer = lambda _index, value: value
    backend.words.words[REQ_PROD] = backend.ring.rsp_prod + 2
    before = backend.counters.refused
    backend.threads.run(backend.threads.next_deadline_ns())
    assert backend.counters.refused == before + 2
    assert backend.threads.next_deadline_ns() is None


def test_a_producer_that_grows_behind_the_check_is_taken_as_it_was_checked(backend):
    backend.fill_slots(DISCARD)
    answers = iter([2, 2, 2 + BLKIF_RING_ENTRIES + 1])
    backend.words.peer = lambda index, value: next(answers, 0) if index == REQ_PROD else value
    backend.queue.poll()
    assert backend.counters.refused == 2
    assert len(backend.broken) == 1
    assert backend.volume.asked == []


@pytest.mark.parametrize("first", [0, 1, BLKIF_RING_ENTRIES])
@pytest.mark.parametrize("then", [33, 1 << 31, RING_MASK])
def test_each_end_of_a_ring_reads_the_others_producer_once_for_each_answer(first, then):
    page = memoryview(bytearray(PAGE_SIZE))
    words = ChangingWords(page.cast("I"))
    for make, index in ((BackRing, REQ_PROD), (FrontRing, RSP_PROD)):
        ring = make(words, BLKIF_SLOT_BYTES)
        if isinstance(ring, FrontRing):
            for _ in range(BLKIF_RING_ENTRIES):
                ring.put()
            ring.push()
        answers = iter([first, then])
        words.peer = lambda at, value, index=index, answers=answers: next(answers) if at == index else value
        assert ring.available() == first
        with pytest.raises(RingBroken):
            ring.available()
        words.peer = lambda _at, value: value


def test_a_backend_that_comes_and_goes_with_its_answers_does_not_keep_the_frontend_in_one_turn():
    page = memoryview(bytearray(PAGE_SIZE))
    words = ChangingWords(page.cast("I"))
    threads, ends, broken, answered = Threads(), {}, [], []
    queue = BlockQueue(
        FuzzedKernel(threads, ends),  # type: ignore[arg-type]
        FuzzedFrames(),  # type: ignore[arg-type]
        51712,
        broken=broken.append,
    )
    queue.attach(FrontRing(words, BLKIF_SLOT_BYTES), page, lambda: None)  # type: ignore[arg-type]
    queue.submit(0, 0, None, 1, lambda status, _data: answered.append(status))
    for end in ends:
        end()
    words.peer = lambda index, value: words.reads & 1 if index == RSP_PROD else value
    words.reads = 1
    queue.on_event()
    assert words.reads < 200
    assert broken == []
    assert answered == []
    words.peer = lambda _index, value: value
    RESPONSE.pack_into(page, RING_HEADER_BYTES, 31, 0, 0)
    words[RSP_PROD] = 1
    queue.on_event()
    assert broken or answered
    queue.check()


@pytest.mark.parametrize("then", [0, 7, 8 + XENSTORE_RING_SIZE + 1, 1 << 31, RING_MASK])
def test_a_stream_of_the_store_is_read_as_far_as_was_checked(then):
    page = memoryview(bytearray(PAGE_SIZE))
    words = ChangingWords(page.cast("I"))
    page[:8] = b"request!"
    ring = XsRing(page, words)  # type: ignore[arg-type]
    answers = iter([8])
    words.peer = lambda at, value: next(answers, then) if at == XS_RING_REQ_PROD // 4 else value
    assert ring.requests.read() == b"request!"
    with pytest.raises(XsRingBroken):
        ring.requests.read()
    assert words.words[XS_RING_REQ_CONS // 4] == 8
