"""The path of requests through a block backend: ring, checks, mappings, volume, answers.

Rules: a slot is copied out once and checked before use. Requests reach the volume in the order of the
ring, so those behind one whose frames are not mapped yet wait, too (`grant_line`). Where a journal is kept an
answer waits until all earlier ones are given (`resume_journal`).
Source: xen/include/public/io/blkif.h; Linux drivers/block/xen-blkback/blkback.c.
"""

from collections.abc import Callable
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
from actors.block.grant_line import GrantLine
from actors.block.mapped_grants import MappedGrants
from actors.block.operations import EOPNOTSUPP, ERROR, FLUSH, OKAY, READ, WRITE
from actors.block.resume_journal import ResumeJournal
from actors.block.vbd_request import VbdRequest
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.threads import Future

BACK_TAKE, BACK_ANSWER = int(TracePoint.BACK_TAKE), int(TracePoint.BACK_ANSWER)
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
        self._frontend = frontend
        self._tracepoint = kernel.threads.tracepoint
        self._ring = ring
        self._page = page
        self._journal = journal
        self._doorbell = Doorbell(kernel, ring, notify)
        self._broken = broken
        self._line = GrantLine(
            kernel.threads, mappings, persistent=persistent, start=self._start, answer=self._answer
        )
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
            self._stop()
            self._broken(str(error))

    async def close(self) -> None:
        """Take and answer nothing more; wait for the volume; give the mappings back."""
        self._stop()
        self._line.refuse_held()
        if self.in_flight:
            await self._idle
        await self._mappings.release()

    @property
    def persistent_mappings(self) -> int:
        """How many frames are kept mapped."""
        return len(self._mappings)

    def check(self) -> None:
        """Invariants."""
        assert self.in_flight >= len(self._line), "every request is counted"
        assert self.in_flight <= self._ring.entries, "no more requests than slots"
        pinned = self._mappings.pinned
        assert pinned >= 0, "a mapping was given back twice"
        assert self.in_flight or not pinned, "a mapping is pinned by nobody"

    def _stop(self) -> None:
        self._stopped = True
        self._doorbell.silence()
        self._line.stop()

    def _take(self, offset: int) -> None:
        operation, nr_segments, _, _, ident, sector, ref, first, last, _ = HEAD_AND_SEGMENT.unpack_from(
            self._page, offset
        )
        request = VbdRequest(ident, operation)
        self.in_flight += 1
        if self._tracepoint is not None:
            domid, device = self._frontend
            self._tracepoint(BACK_TAKE, device, ident & BYTE | operation << OPERATION_SHIFT, sector, domid)
        if self._journal is not None:
            self._journal.take(request)
        if nr_segments == 1 and operation <= WRITE and not self._line.held:
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
        self, request: VbdRequest, offset: int, nr_segments: int, sector: int, segment: tuple[int, int, int]
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
        elif not request.segments and not self._line.held:
            self._start(request)
        else:
            self._line.hold(request)

    def _refusal(self, request: VbdRequest, nr_segments: int) -> int:
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

    def _start(self, request: VbdRequest) -> None:
        counters, segments = self._counters, request.segments
        if self._stopped or len(request.mappings) < len(segments):
            # Stopped, or the hypervisor refused a grant: nothing of it is done.
            self._line.finish(request, ERROR)
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

    def _done(self, request: VbdRequest, status: int) -> None:
        mapping = request.mapping
        if mapping is not None:
            mapping.pins -= 1
            self._answer(request, OKAY if status == 0 else ERROR)
        else:
            self._line.finish(request, OKAY if status == 0 else ERROR)

    def _answer(self, request: VbdRequest, status: int) -> None:
        self.in_flight -= 1
        if status != OKAY:
            self._counters.errors += 1
        if self._stopped:
            if not self.in_flight:
                self._idle.set(None)
            return
        if not self._doorbell.due:
            self._doorbell.ring_at_turn_end()
        if self.misanswer:
            self.misanswer = False
            request.ident = NEVER_ASKED
        if self._tracepoint is not None:
            domid, device = self._frontend
            what = request.ident & BYTE | request.operation << OPERATION_SHIFT
            self._tracepoint(BACK_ANSWER, device, what, status & STATUS_MASK, domid)
        if self._journal is None:
            RESPONSE.pack_into(self._page, self._ring.put(), request.ident, request.operation, status)
        else:
            self._journal.answer(self._ring, request, status)
