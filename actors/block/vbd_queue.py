"""The path of requests through a block backend: ring, checks, mappings, volume, answers.

Rules: a slot is copied out once and checked before use. Requests reach the volume in the order of the
ring, so those behind one whose frames are not mapped yet wait, too. `ordered` holds answers back until
all earlier ones are given (`resume_journal`). A frame is unmapped only when no request uses it.
Source: xen/include/public/io/blkif.h; Linux drivers/block/xen-blkback/blkback.c.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from actors.abi.blkif import (
    BLKIF_MAX_SEGMENTS,
    HEAD_AND_SEGMENT,
    RESPONSE,
    SECOND_SEGMENT_OFFSET,
    SECTORS_PER_PAGE,
    SEGMENT,
)
from actors.abi.trace import BYTE, OPERATION_SHIFT, STATUS_MASK, TracePoint
from actors.abi.types import SECTOR_SIZE
from actors.block.backing import Backing
from actors.block.mapped_grants import MappedGrant, MappedGrants
from actors.block.operations import EOPNOTSUPP, ERROR, FLUSH, OKAY, READ, WRITE
from actors.block.resume_journal import ResumeJournal
from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.threads import Future

BACK_TAKE, BACK_ANSWER = int(TracePoint.BACK_TAKE), int(TracePoint.BACK_ANSWER)
UNANSWERED = 1
NEVER_ASKED = 1 << 63


@dataclass(slots=True)
class VbdCounters:
    """What a backend has done for one frontend; `bytes` counts what was asked of the volume."""

    reads: int = 0
    writes: int = 0
    flushes: int = 0
    refused: int = 0
    segments: int = 0
    bytes: int = 0
    errors: int = 0


@dataclass(slots=True)
class _Request:
    """One request that was taken from the ring."""

    ident: int
    operation: int
    status: int = UNANSWERED
    mapping: MappedGrant | None = None
    sector: int = 0
    segments: Sequence[tuple[int, int, int]] = ()
    mappings: Sequence[MappedGrant] = ()


class VbdQueue:
    """One connection with a `frontend` (domain id, device); `page` is the ring's, `notify` sends events.

    With `misanswer` the next answer is to a request that was never asked: a fault that is put in.
    """

    def __init__(
        self,
        kernel: Kernel,
        mappings: MappedGrants,
        volume: Backing,
        counters: VbdCounters,
        *,
        frontend: tuple[int, int],
        ring: BackRing,
        page: memoryview,
        persistent: bool,
        journal: ResumeJournal | None,
        notify: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        self._threads = kernel.threads
        self._mappings = mappings
        self._volume = volume
        self._counters = counters
        self._domid, self._device = frontend
        self._tracepoint = kernel.threads.tracepoint
        self._ring = ring
        self._page = page
        self._persistent = persistent
        self._journal = journal
        self._at_turn_end = kernel.at_turn_end
        self._notify = notify
        self._broken = broken
        self._held: deque[_Request] = deque()
        self._unanswered: deque[_Request] = deque()
        self._to_unmap: list[tuple[_Request, int]] = []
        self._mapping = False
        self._unmapping = False
        self._answered_any = False
        self._stopped = False
        self._idle: Future[None] = Future()
        self.in_flight = 0
        self.misanswer = False

    def poll(self) -> None:
        """Take what is in the ring; of more than it has slots the rest in a turn of its own.

        Only a frontend that asks while it is answered, or takes back what it has asked, gets that far.
        """
        ring = self._ring
        left = ring.entries
        try:
            while not self._stopped:
                count = ring.available()
                if not count and not ring.rest():
                    break
                if left <= 0:
                    self._threads.at(self._threads.now_ns + 1).when_done(self.poll)
                    break
                for _ in range(count):
                    self._take(ring.take())
                left -= count or 1
        except RingBroken as error:
            self._stopped = True
            self._broken(str(error))

    def push(self) -> None:
        """At the end of a turn: show the frontend what this turn has answered."""
        if self._answered_any and not self._stopped:
            self._answered_any = False
            if self._ring.push():
                self._notify()

    async def close(self) -> None:
        """Take and answer nothing more; wait for the volume; give the mappings back."""
        self._stopped = True
        while self._held and not self._mapping:
            self._answer(self._held.popleft(), ERROR)
        if self.in_flight:
            await self._idle
        await self._mappings.release()

    @property
    def persistent_mappings(self) -> int:
        """How many frames are kept mapped."""
        return len(self._mappings)

    def check(self) -> None:
        """Invariants."""
        assert self.in_flight >= len(self._held) + len(self._to_unmap), "every request is counted"
        assert self.in_flight <= self._ring.entries, "no more requests than slots"
        pinned = self._mappings.pinned
        assert pinned >= 0, "a mapping was given back twice"
        assert self.in_flight or not pinned, "a mapping is pinned by nobody"

    def _take(self, offset: int) -> None:
        operation, nr_segments, _, _, ident, sector, ref, first, last, _ = HEAD_AND_SEGMENT.unpack_from(
            self._page, offset
        )
        request = _Request(ident, operation)
        self.in_flight += 1
        if self._tracepoint is not None:
            what = ident & BYTE | operation << OPERATION_SHIFT
            self._tracepoint(BACK_TAKE, self._device, what, sector, self._domid)
        if self._journal is not None:
            self._unanswered.append(request)
        if nr_segments == 1 and operation <= WRITE and not self._held:
            count = last - first + 1
            volume = self._volume
            if (
                count > 0
                and last < SECTORS_PER_PAGE
                and sector + count <= volume.sectors
                and (operation == READ or not volume.read_only)
            ):
                mapping = self._mappings.find(ref)
                if mapping is not None:
                    mapping.pins += 1
                    request.mapping = mapping
                    counters = self._counters
                    if operation == READ:
                        counters.reads += 1
                    else:
                        counters.writes += 1
                    counters.segments += 1
                    counters.bytes += count * SECTOR_SIZE
                    volume.submit(
                        operation,
                        sector,
                        [(mapping.mfn, first * SECTOR_SIZE, count * SECTOR_SIZE)],
                        partial(self._done, request),
                    )
                    return
        self._take_slowly(request, offset, nr_segments, sector, (ref, first, last))

    def _take_slowly(
        self, request: _Request, offset: int, nr_segments: int, sector: int, segment: tuple[int, int, int]
    ) -> None:
        """Any request that is not a single segment in a frame that is mapped already."""
        request.sector = sector
        segments = [segment] if nr_segments else []
        for index in range(min(nr_segments, BLKIF_MAX_SEGMENTS) - 1):
            row = SEGMENT.unpack_from(self._page, offset + SECOND_SEGMENT_OFFSET + index * SEGMENT.size)
            segments.append(row[:3])
        request.segments = segments
        refusal = self._refusal(request, nr_segments)
        if refusal != OKAY:
            self._counters.refused += 1
            self._answer(request, refusal)
        elif not request.segments and not self._held:
            self._start(request)
        else:
            self._held.append(request)
            if not self._mapping:
                self._mapping = True
                self._threads.spawn("map grants", self._map_held())

    def _refusal(self, request: _Request, nr_segments: int) -> int:
        """What dispatch_rw_block_io, xen_vbd_translate and dispatch_other_io refuse."""
        if request.operation == FLUSH:
            return OKAY if nr_segments == 0 else ERROR
        if request.operation > WRITE:
            return EOPNOTSUPP
        if not 0 < nr_segments <= BLKIF_MAX_SEGMENTS:
            return ERROR
        if any(not first <= last < SECTORS_PER_PAGE for _, first, last in request.segments):
            return ERROR
        count = sum(last - first + 1 for _, first, last in request.segments)
        if request.sector + count > self._volume.sectors:
            return ERROR
        return ERROR if request.operation == WRITE and self._volume.read_only else OKAY

    async def _map_held(self) -> None:
        while self._held and not self._stopped:
            batch = list(self._held)
            if self._persistent:
                await self._mappings.keep([row[0] for each in batch for row in each.segments])
                found = [[self._mappings.find(row[0]) for row in each.segments] for each in batch]
            else:
                wanted = [(row[0], each.operation == WRITE) for each in batch for row in each.segments]
                mapped = iter(await self._mappings.map(wanted))
                found = [[next(mapped) for _ in each.segments] for each in batch]
            for request, mappings in zip(batch, found, strict=True):
                request.mappings = [each for each in mappings if each is not None]
                for mapping in request.mappings:
                    mapping.pins += 1
            for request in batch:
                self._held.popleft()
                self._start(request)
            await self._mappings.shrink()
        self._mapping = False
        while self._held:
            self._answer(self._held.popleft(), ERROR)

    def _start(self, request: _Request) -> None:
        counters, segments = self._counters, request.segments
        if self._stopped or len(request.mappings) < len(segments):
            # Stopped, or the hypervisor refused a grant: nothing of it is done.
            self._finish(request, ERROR)
        elif request.operation == FLUSH:
            counters.flushes += 1
            self._volume.submit(FLUSH, 0, [], partial(self._done, request))
        else:
            if request.operation == READ:
                counters.reads += 1
            else:
                counters.writes += 1
            rows = [
                (mapping.mfn, first * SECTOR_SIZE, (last - first + 1) * SECTOR_SIZE)
                for mapping, (_, first, last) in zip(request.mappings, segments, strict=True)
            ]
            counters.segments += len(rows)
            counters.bytes += sum(row[2] for row in rows)
            self._volume.submit(request.operation, request.sector, rows, partial(self._done, request))

    def _done(self, request: _Request, status: int) -> None:
        mapping = request.mapping
        if mapping is not None:
            mapping.pins -= 1
            self._answer(request, OKAY if status == 0 else ERROR)
        else:
            self._finish(request, OKAY if status == 0 else ERROR)

    def _finish(self, request: _Request, status: int) -> None:
        for mapping in request.mappings:
            mapping.pins -= 1
        if self._persistent or not request.mappings:
            self._answer(request, status)
            return
        # The frontend revokes the grants as soon as it has the answer: so first they are unmapped.
        self._to_unmap.append((request, status))
        if not self._unmapping:
            self._unmapping = True
            self._threads.spawn("unmap grants", self._unmap_finished())

    async def _unmap_finished(self) -> None:
        while self._to_unmap:
            batch, self._to_unmap = self._to_unmap, []
            await self._mappings.unmap([mapping for request, _ in batch for mapping in request.mappings])
            for request, status in batch:
                self._answer(request, status)
        self._unmapping = False

    def _answer(self, request: _Request, status: int) -> None:
        self.in_flight -= 1
        if status != OKAY:
            self._counters.errors += 1
        if self._stopped:
            if not self.in_flight:
                self._idle.set(None)
            return
        if not self._answered_any:
            self._answered_any = True
            self._at_turn_end(self.push)
        if self.misanswer:
            self.misanswer = False
            request.ident = NEVER_ASKED
        if self._tracepoint is not None:
            what = request.ident & BYTE | request.operation << OPERATION_SHIFT
            self._tracepoint(BACK_ANSWER, self._device, what, status & STATUS_MASK, self._domid)
        if self._journal is None:
            RESPONSE.pack_into(self._page, self._ring.put(), request.ident, request.operation, status)
            return
        request.status = status
        unanswered = self._unanswered
        while unanswered and unanswered[0].status != UNANSWERED:
            each = unanswered.popleft()
            self._journal.respond(self._ring, each.ident, each.operation, each.status)
