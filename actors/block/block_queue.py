"""The path of requests through a block frontend: queue, ring, shadows, answers.

Rules: requests go into the ring in the order of `submit`; what finds no room, no frame or no backend
waits in line. A ring that is detached keeps its shadows: `attach` puts them into the new ring in
the order of issue, before anything that waits. Ids of answers are checked against the shadows.
The block protocol has no FUA: such a write is answered after a FLUSH that follows it.
Source: xen/include/public/io/blkif.h; Linux drivers/block/xen-blkfront.c.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from actors.abi.blkif import BLKIF_MAX_SECTORS, HEAD, HEAD_AND_SEGMENT, RESPONSE, SECTORS_PER_PAGE, SEGMENT
from actors.abi.trace import OPERATION_SHIFT, SECTORS_SHIFT, STATUS_MASK, TracePoint
from actors.abi.types import PAGE_SIZE, SECTOR_SIZE
from actors.block.block_split import BlockSplit
from actors.block.data_frames import DataFrame, DataFrames
from actors.block.operations import EOPNOTSUPP, ERROR, FLUSH, OKAY, READ, WRITE
from actors.block.shadow import Done, Shadow
from actors.block.shadows import Shadows
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import FrontRing, RingBroken, answers

DEAD_DISK_DELAY_NS = 10_000_000
FRONT_PUT, FRONT_DONE = int(TracePoint.FRONT_PUT), int(TracePoint.FRONT_DONE)


@dataclass(slots=True)
class BlockCounters:
    """What a frontend has done since it was made; `bytes` counts what was read and written well.

    `detached_ns`: how long it had no ring after its first one; `unanswered_ns`: how long after each ring
    that followed until the first answer came.
    """

    requests: int = 0
    bytes: int = 0
    errors: int = 0
    replayed: int = 0
    detached_ns: int = 0
    unanswered_ns: int = 0


@dataclass(slots=True)
class _Waiting:
    """A request that is not in the ring yet."""

    operation: int
    sector: int
    data: bytes | memoryview | None
    nr_sectors: int
    done: Done
    issued_ns: int


class BlockQueue:
    """The requests of one frontend, which name `handle`; `broken` is told why a backend is lost."""

    def __init__(
        self, kernel: Kernel, frames: DataFrames, handle: int, *, broken: Callable[[str], None]
    ) -> None:
        self._kernel = kernel
        self._frames = frames
        self._ready = frames.ready
        self._handle = handle
        self._tracepoint = kernel.threads.tracepoint
        self._broken = broken
        self._ring: FrontRing | None = None
        self._doorbell: Doorbell | None = None
        self._page = memoryview(b"")
        self._shadows = Shadows()
        self._waiting: deque[_Waiting] = deque()
        self._detached_at_ns = 0
        self._attached_at_ns = 0
        self._failed = False
        self.can_flush = False
        self.counters = BlockCounters()

    @property
    def in_flight(self) -> int:
        """Requests in the ring without an answer."""
        return len(self._shadows)

    @property
    def waiting(self) -> int:
        """Requests that are not in the ring yet."""
        return len(self._waiting)

    def oldest_issue_ns(self) -> int | None:
        """When the oldest request without an answer was submitted, or None."""
        issued_ns = [each.issued_ns for each in self._shadows.in_order()]
        return min([*issued_ns, *(each.issued_ns for each in self._waiting)], default=None)

    def submit(  # noqa: PLR0917 (keywords cost time here)
        self,
        operation: int,
        sector: int,
        data: bytes | memoryview | None,
        nr_sectors: int,
        done: Done,
        fua: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Queue one read, write or flush of any size; ValueError if its fields contradict each other.

        `done` is called once, never from within this call; the data of a read is valid during `done`.
        """
        if operation == FLUSH:
            nr_sectors = 0
            if not self.can_flush and self._ring is not None:
                self._refuse(done, EOPNOTSUPP, 0)
                return
        elif nr_sectors <= 0 or (operation == WRITE) != (data is not None) or operation > WRITE:
            raise ValueError(f"operation {operation} of {nr_sectors} sectors")
        elif data is not None and len(data) != nr_sectors * SECTOR_SIZE:
            raise ValueError(f"{len(data)} bytes for {nr_sectors} sectors")
        if fua and operation == WRITE:
            done = self._flushing(done)
        if nr_sectors <= BLKIF_MAX_SECTORS:
            self._enter(operation, sector, data, nr_sectors, done)
        else:
            whole = BlockSplit(operation, sector, data, nr_sectors, done)
            for first, part, count, part_done in whole.parts():
                self._enter(operation, first, part, count, part_done)

    def attach(self, ring: FrontRing, page: memoryview, notify: Callable[[], None]) -> int:
        """Use a new ring: first what was in flight, in the order of issue; how many those were.

        blkif_recover does so after a resume, but keeps no order.
        """
        if self._detached_at_ns:
            now_ns = self._attached_at_ns = self._kernel.threads.now_ns
            self.counters.detached_ns += now_ns - self._detached_at_ns
            self._detached_at_ns = 0
        self._ring = ring
        self._page = page
        self._doorbell = Doorbell(self._kernel, ring, notify)
        used = self._shadows.in_order()
        for shadow in used:
            self._put(shadow)
        self.counters.replayed += len(used)
        self.pump()
        return len(used)

    def detach(self) -> None:
        """The ring is lost; requests in flight are kept."""
        if self._ring is not None:
            self._detached_at_ns = self._kernel.threads.now_ns
        if self._doorbell is not None:
            self._doorbell.silence()
        self._ring = self._doorbell = None

    def fail(self) -> None:
        """There will be no backend any more: everything is answered with an error, now and later."""
        self.detach()
        self._failed = True
        for shadow in self._shadows.in_order():
            self._finish(shadow, ERROR)
        self._fail_waiting()

    def drain(self, drained: Callable[[], None]) -> bool:
        """Nothing more goes into the ring, and what waits for it fails; whether the ring owes no answer.

        `drained` is called when it owes none any more.
        """
        if not self._failed:
            self._failed = True
            self._fail_waiting()
            for shadow in self._shadows.in_order():
                shadow.done = self._leaving(shadow.done, drained)
        return not self.in_flight

    def _leaving(self, done: Done, drained: Callable[[], None]) -> Done:
        def answered(status: int, data: bytes | memoryview | None) -> None:
            done(status, data)
            if not self.in_flight:
                drained()

        return answered

    def _fail_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.done(ERROR, None)

    def revive(self) -> None:
        """There will be a backend again: what comes from now on waits for it."""
        self._failed = False

    def pump(self) -> None:
        """Put what waits into the ring, as far as there is room."""
        waiting = self._waiting
        while waiting:
            each = waiting[0]
            if not self._start(
                each.operation, each.sector, each.data, each.nr_sectors, each.done, each.issued_ns
            ):
                break
            waiting.popleft()

    def on_event(self) -> None:
        """The backend has answered, perhaps; one that takes its answers back is looked at in another turn."""
        ring = self._ring
        if ring is None:
            return
        page, find = self._page, self._shadows.find
        try:
            for count in answers(ring, self._look_again):
                for _ in range(count):
                    ident, operation, status = RESPONSE.unpack_from(page, ring.take())
                    self._finish(find(ident, operation), status)
        except RingBroken as error:
            self._broken(str(error))
            return
        if self._attached_at_ns:
            self.counters.unanswered_ns += self._kernel.threads.now_ns - self._attached_at_ns
            self._attached_at_ns = 0
        if self._waiting:
            self.pump()

    def _look_again(self) -> None:
        threads = self._kernel.threads
        threads.at(threads.now_ns + 1).when_done(self.on_event)

    def check(self) -> None:
        """Invariants of the shadows and the line."""
        self._shadows.check()
        held = [frame.gfn for shadow in self._shadows for frame in shadow.frames]
        held += [frame.gfn for frame in self._ready]
        assert len(set(held)) == len(held), "a data frame is used twice"

    def _flushing(self, done: Done) -> Done:
        def written(status: int, _: bytes | memoryview | None) -> None:
            if status == OKAY:
                self.submit(FLUSH, 0, None, 0, done)
            else:
                done(status, None)

        return written

    def _refuse(self, done: Done, status: int, delay_ns: int) -> None:
        # Never from within `submit`: whoever goes on after an error would never get out of it.
        self._kernel.threads.at(self._kernel.threads.now_ns + delay_ns).when_done(lambda: done(status, None))

    def _enter(
        self, operation: int, sector: int, data: bytes | memoryview | None, nr_sectors: int, done: Done
    ) -> None:
        now_ns = self._kernel.threads.now_ns
        if self._failed:
            self._refuse(done, ERROR, DEAD_DISK_DELAY_NS)
        elif self._waiting or not self._start(operation, sector, data, nr_sectors, done, now_ns):
            self._waiting.append(_Waiting(operation, sector, data, nr_sectors, done, now_ns))

    def _start(  # noqa: PLR0917 (keywords cost time here)
        self,
        operation: int,
        sector: int,
        data: bytes | memoryview | None,
        nr_sectors: int,
        done: Done,
        issued_ns: int,
    ) -> bool:
        shadows, ready = self._shadows, self._ready
        if not shadows.free or self._ring is None:
            return False
        needed = (nr_sectors + SECTORS_PER_PAGE - 1) // SECTORS_PER_PAGE
        if needed > len(ready):
            self._frames.want(needed + len(self._waiting))
            return False
        if needed == 1:
            frame = ready.pop()
            frames = [frame]
            if data is not None:
                frame.view[: len(data)] = data
        else:
            frames = [ready.pop() for _ in range(needed)]
            if data is not None:
                _scatter(data, frames)
        shadow = shadows.take()
        shadow.operation = operation
        shadow.sector = sector
        shadow.nr_sectors = nr_sectors
        shadow.frames = frames
        shadow.done = done
        shadow.issued_ns = issued_ns
        self._put(shadow)
        return True

    def _put(self, shadow: Shadow) -> None:
        ring, doorbell = self._ring, self._doorbell
        assert ring is not None and doorbell is not None, "a ring where requests are put"  # noqa: PT018
        frames, page, offset = shadow.frames, self._page, ring.put()
        operation, left = shadow.operation, shadow.nr_sectors
        if not doorbell.due:
            doorbell.ring_at_turn_end()
        if self._tracepoint is not None:
            request = shadow.ident | operation << OPERATION_SHIFT | left << SECTORS_SHIFT
            self._tracepoint(FRONT_PUT, self._handle, request, shadow.sector, shadow.issued_ns)
        if len(frames) == 1:
            HEAD_AND_SEGMENT.pack_into(
                page, offset, operation, 1, self._handle, 0, shadow.ident, shadow.sector,
                frames[0].gref, 0, left - 1, 0,
            )  # fmt: skip
            return
        HEAD.pack_into(page, offset, operation, len(frames), self._handle, 0, shadow.ident, shadow.sector)
        offset += HEAD.size
        for frame in frames:
            last = min(left, SECTORS_PER_PAGE) - 1
            SEGMENT.pack_into(page, offset, frame.gref, 0, last, 0)
            offset += SEGMENT.size
            left -= SECTORS_PER_PAGE

    def _finish(self, shadow: Shadow, status: int) -> None:
        frames, done, operation, nr_sectors = shadow.frames, shadow.done, shadow.operation, shadow.nr_sectors
        if self._tracepoint is not None:
            request = shadow.ident | operation << OPERATION_SHIFT
            self._tracepoint(FRONT_DONE, self._handle, request, status & STATUS_MASK, 0)
        self._shadows.give_back(shadow)
        counters = self.counters
        counters.requests += 1
        if status != OKAY:
            counters.errors += 1
        else:
            counters.bytes += nr_sectors * SECTOR_SIZE
        # The frames go back only after `done` has seen the data in them.
        done(status, _gather(frames, nr_sectors) if operation == READ and status == OKAY else None)
        if frames:
            self._frames.put(frames)


def _scatter(data: bytes | memoryview, frames: list[DataFrame]) -> None:
    whole = memoryview(data)
    for index, frame in enumerate(frames):
        part = whole[index * PAGE_SIZE : (index + 1) * PAGE_SIZE]
        frame.view[: len(part)] = part


def _gather(frames: list[DataFrame], nr_sectors: int) -> bytes | memoryview:
    view = frames[0].view
    if nr_sectors == SECTORS_PER_PAGE:
        return view
    if len(frames) == 1:
        return view[: nr_sectors * SECTOR_SIZE]
    return b"".join(frame.view for frame in frames)[: nr_sectors * SECTOR_SIZE]
