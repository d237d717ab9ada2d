"""The frontend of a paravirtual disk: its handshake through XenStore, and what it does when a backend dies.

With policy `reconnect` a backend that begins anew (InitWait while we are Connected) gets a new ring, a
new port and everything unanswered once more, unless its `reconnect` key says `resume`: then it takes up
the old ring by itself, and we only see to it that our keys are in the store. With `stock-linux` we do
what Linux does: ignore that the backend is gone, and hang.
Rules: decisions follow from the two states (`blkfront_actions`), however often and late an event comes.
One thread decides; requests go their own way (`block_queue`).
Source: Linux drivers/block/xen-blkfront.c, xen/include/public/io/{blkif,xenbus}.h.
"""

from collections.abc import Awaitable, Callable

from actors.abi.blkif import BLKIF_PROTOCOL, BLKIF_SLOT_BYTES, VDISK_READONLY, BlkifOp
from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.abi.types import SECTOR_SIZE
from actors.block.blkfront_actions import ACTIONS, CLOSING, Action, Closing
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.block.block_io import block_io
from actors.block.block_queue import BlockQueue
from actors.block.data_frames import DataFrames
from actors.block.shadow import Done
from actors.kernel.grants import Grants
from actors.kernel.irq import Irq
from actors.kernel.pages import Pages
from actors.kernel.ring import FrontRing
from actors.kernel.store import Store, read_number, read_or, read_state, state_text, switch_state, write_nodes
from actors.kernel.threads import Future, Signal, Threads
from actors.kernel.xenbus import Watch

RECONNECT = "reconnect"
STOCK_LINUX = "stock-linux"
CLOSE_PATIENCE_NS = 5_000_000_000


class Blkfront:
    """One paravirtual disk of a guest. `sectors` and `read_only` are right once `connect` has returned."""

    def __init__(
        self,
        *,
        threads: Threads,
        irq: Irq,
        pages: Pages,
        grants: Grants,
        xenbus: Store,
        log: Callable[[str], None],
        path: str,
        policy: str,
        at_turn_end: Callable[[Callable[[], None]], None],
    ) -> None:
        assert policy in {RECONNECT, STOCK_LINUX}, f"a frontend has no policy {policy}"
        self._threads = threads
        self._irq = irq
        self._pages = pages
        self._grants = grants
        self._xenbus = xenbus
        self._log = log
        self._path = path
        self._policy = policy
        self._frames = DataFrames(threads, pages, grants, self._refilled)
        queue = BlockQueue(threads, self._frames, _handle(path), at_turn_end=at_turn_end, broken=self._break)
        self._queue = queue
        self._changed = Signal()
        self._connected: Future[None] = Future()
        self._closed: Future[None] = Future()
        self._watch: Watch | None = None
        self._backend = ""
        self._backend_id = 0
        self._ring: FrontRing | None = None
        self._ring_gfn = 0
        self._ring_ref = 0
        self._ring_domid = 0
        self._port = 0
        self._old_rings: list[tuple[int, int]] = []
        self._store_lost = False
        self._broken = ""
        self._closing = Closing()
        self._reconnects = 0
        self._published_again = 0
        self._released = False
        self._actions: dict[Action, Callable[[], Awaitable[None]]] = {
            Action.OFFER: self._offer,
            Action.OFFER_IF_MOVED: self._offer_if_moved,
            Action.USE_BACKEND: self._use_backend,
            Action.RENEW: self._renew,
            Action.SEE_TO_KEYS: self._see_to_keys,
            Action.READ_CAPACITY: self._read_capacity,
            Action.CLOSE: self._close,
        }
        self.state = XenbusState.Initialising
        self.sectors = 0
        self.read_only = False

    async def connect(self) -> None:
        """Begin, and wait until the disk is attached and of use. XenError EIO if it is closed for good."""
        self._threads.spawn(f"blkfront {self._path}", self._run())
        await self._connected

    async def disconnect(self, *, for_good: bool = True) -> None:
        """Close the disk in order; requests are answered with errors. One not `for_good` may be reopened."""
        told_to, forgotten = self._closing.told_to, self._closing.forgotten
        self._closing = Closing(True, for_good, not for_good, told_to=told_to, forgotten=forgotten)
        self._changed.set()
        deadline = self._threads.at(self._threads.now_ns + CLOSE_PATIENCE_NS)
        deadline.when_done(lambda: self._closed.set(None))
        await self._closed
        deadline.set(None)

    def reopen(self) -> None:
        """Begin anew with a disk that was closed, but not for good, as soon as it is; any other stays."""
        self._closing.reopening = self._closing.returns
        self._changed.set()

    def submit(  # noqa: PLR0917 (keywords cost time here)
        self,
        operation: int,
        sector: int,
        data: bytes | memoryview | None,
        nr_sectors: int,
        done: Done,
        fua: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Issue a BLKIF_OP read, write (with `data`) or flush of any size, at 512-byte sectors.

        `done(status, data)` is called once with a BLKIF_RSP status, never from within this call; the data
        of a read is valid only until it returns. ValueError if the arguments contradict each other.
        """
        self._queue.submit(operation, sector, data, nr_sectors, done, fua)

    async def read(self, sector: int, nr_sectors: int) -> bytes:
        """Read; XenError EIO if the backend cannot."""
        return await block_io(self._queue, BlkifOp.READ, sector, None, nr_sectors)

    async def write(self, sector: int, data: bytes, *, fua: bool = False) -> None:
        """Write; XenError EIO if the backend cannot."""
        await block_io(self._queue, BlkifOp.WRITE, sector, data, len(data) // SECTOR_SIZE, fua=fua)

    async def flush(self) -> None:
        """Have everything that was written on stable storage; XenError EIO, EOPNOTSUPP."""
        await block_io(self._queue, BlkifOp.FLUSH_DISKCACHE, 0, None, 0)

    def check(self) -> None:
        """Invariants."""
        self._queue.check()

    def statistics(self) -> BlkfrontStatistics:
        """What this frontend has done."""
        queue, counters = self._queue, self._queue.counters
        return BlkfrontStatistics(
            state=self.state.name,
            requests=counters.requests,
            bytes=counters.bytes,
            errors=counters.errors,
            in_flight=queue.in_flight,
            waiting=queue.waiting,
            reconnects=self._reconnects,
            replayed=counters.replayed,
            published_again=self._published_again,
            detached_ns=counters.detached_ns,
            unanswered_ns=counters.unanswered_ns,
            oldest_issue_ns=queue.oldest_issue_ns(),
        )

    async def _run(self) -> None:
        self._xenbus.on_reconnect(self._store_came_back)
        await self._xenbus.watch(f"{self._path}/backend", self._wake)
        while not self._released:
            await self._changed.wait()
            try:
                await self._look()
            except XenError as error:
                self._log(f"blkfront: {self._path}: {error}")

    def _wake(self, _path: str) -> None:
        self._changed.set()

    def _refilled(self) -> None:
        self._queue.pump()

    def _store_came_back(self) -> None:
        if self._policy == RECONNECT:
            self._store_lost = True
            self._closing.forgotten = self._closing.told_to
            self._changed.set()

    def _break(self, why: str) -> None:
        self._broken = why
        self._queue.detach()
        self._changed.set()

    async def _look(self) -> None:
        if self._broken:
            why, self._broken = self._broken, ""
            self._log(f"blkfront: {self._path}: the backend broke the ring: {why}")
            await self._start_closing()
        if self._closing.wanted:
            self._closing.wanted = False
            await self._start_closing()
        if self._store_lost:
            await self._tell_again()
        if self._closing.reopening and self.state is XenbusState.Closed:
            await self._begin_anew()
        if not await self._find_backend():
            if self._closing.for_good:
                self._closed.set(None)
            return
        if self.state is XenbusState.Closed and await self._is_attached_again():
            await self._begin_anew()
        theirs = await read_state(self._xenbus, self._backend)
        if self._closing.returning and theirs in CLOSING:
            self._closing.returning = await read_or(self._xenbus, f"{self._backend}/online", "") != "0"
            if self._closing.returning:
                return  # it has not yet seen that we are back
        if theirs is XenbusState.InitWait:
            self._closing.returning = False
        action = ACTIONS.get((self.state, theirs))
        if action is not None:
            await self._actions[action]()

    async def _find_backend(self) -> bool:
        backend = await read_or(self._xenbus, f"{self._path}/backend", "")
        if not backend:
            # What was asked of one store may have been answered by the next, which has no nodes yet.
            if self._backend and not self._store_lost:
                await self._remove()
            return False
        if self._backend and self._policy == STOCK_LINUX:
            return True
        self._backend_id = await read_number(self._xenbus, f"{self._path}/backend-id")
        if backend != self._backend:
            if self._watch is not None:
                await self._xenbus.unwatch(self._watch)
            self._watch = await self._xenbus.watch(f"{backend}/state", self._wake)
            self._backend = backend
        return True

    async def _remove(self) -> None:
        """The toolstack has taken the device away, in order or not."""
        self._backend = ""
        if self._watch is not None:
            await self._xenbus.unwatch(self._watch)
            self._watch = None
        self._queue.fail()
        self.state, self._closing.told_to = XenbusState.Closed, True
        await self._retire_ring()
        await self._frames.release()
        self._log(f"blkfront: {self._path}: the device is gone")
        self._closed.set(None)

    async def _is_attached_again(self) -> bool:
        """Whether a toolstack has made a device in place of the one that is closed, or has forgotten why."""
        if self._closing.for_good or self._closing.forgotten:
            return not self._closing.for_good
        return await read_state(self._xenbus, self._path) is XenbusState.Initialising

    async def _offer(self) -> None:
        await self._retire_ring()
        domid = self._backend_id
        self._log(f"blkfront: {self._path}: offering a ring to domain {domid}")
        await self._frames.use(domid)
        self._ring_gfn = self._pages.allocate()
        self._ring_ref = await self._grants.grant(domid, self._ring_gfn)
        self._port = await self._irq.alloc_unbound(domid)
        self._ring = FrontRing(self._pages.words(self._ring_gfn), BLKIF_SLOT_BYTES)
        self._irq.bind(self._port, "xen-dyn -event", "blkif", self._queue.on_event)
        self._ring_domid = domid
        await self._publish(XenbusState.Initialised)

    async def _offer_if_moved(self) -> None:
        if self._backend_id != self._ring_domid:
            await self._offer()
        else:
            await self._publish_if_forgotten()

    async def _publish(self, state: XenbusState) -> None:
        nodes = {
            "ring-ref": str(self._ring_ref),
            "event-channel": str(self._port),
            "protocol": BLKIF_PROTOCOL,
            "feature-persistent": "1",
            "state": state_text(state),
        }
        self.state = state
        await write_nodes(self._xenbus, self._path, nodes)

    async def _tell_again(self) -> None:
        self._store_lost = False  # it may be lost once more meanwhile
        try:
            await self._publish_again()
        except XenError:
            self._store_lost = True
            raise

    async def _publish_again(self) -> None:
        if self.state in {XenbusState.Initialised, XenbusState.Connected}:
            self._published_again += 1
            await self._publish(self.state)
        elif self.state is not XenbusState.Initialising and not self._closing.told_to:
            await switch_state(self._xenbus, self._path, "backend", self.state)

    async def _publish_if_forgotten(self) -> None:
        known = await read_state(self._xenbus, self._path)
        ref = await read_or(self._xenbus, f"{self._path}/ring-ref", "")
        if known is not self.state or ref != str(self._ring_ref):
            await self._publish_again()

    async def _use_backend(self) -> None:
        self.sectors = await read_number(self._xenbus, f"{self._backend}/sectors")
        info = await read_number(self._xenbus, f"{self._backend}/info")
        self.read_only = bool(info & VDISK_READONLY)
        self._queue.can_flush = await self._offers("feature-flush-cache")
        self._frames.persistent = await self._offers("feature-persistent")
        if self._store_lost:
            return  # half of it was read from the next store, which may not have it yet
        self.state = XenbusState.Connected
        await self._xenbus.write(f"{self._path}/state", state_text(self.state))
        port = self._port
        assert self._ring is not None, "a ring was offered"
        replayed = self._queue.attach(
            self._ring, self._pages.frame(self._ring_gfn), lambda: self._irq.notify(port)
        )
        self._log(f"blkfront: {self._path}: {self.sectors} sectors, {replayed} requests issued again")
        self._connected.set(None)

    async def _offers(self, feature: str) -> bool:
        return await read_or(self._xenbus, f"{self._backend}/{feature}", "0") == "1"

    async def _renew(self) -> None:
        if self._policy == STOCK_LINUX:
            return
        if await read_or(self._xenbus, f"{self._backend}/reconnect", "") == "resume":
            await self._publish_if_forgotten()
            return
        self._reconnects += 1
        self._log(f"blkfront: {self._path}: another backend; {self._queue.in_flight} requests are in flight")
        await self._offer()

    async def _see_to_keys(self) -> None:
        if self._policy == RECONNECT:
            await self._publish_if_forgotten()

    async def _read_capacity(self) -> None:
        await self._see_to_keys()
        self.sectors = await read_number(self._xenbus, f"{self._backend}/sectors")

    async def _retire_ring(self) -> None:
        self._queue.detach()
        if self._ring is not None:
            self._irq.unbind(self._port)
            self._old_rings.append((self._ring_gfn, self._ring_ref))
            self._ring = None
        # A ring that somebody still has mapped cannot be taken back; it is tried again at the next one.
        kept = []
        for gfn, ref in self._old_rings:
            if await self._grants.revoke(ref):
                self._pages.free(gfn)
            else:
                kept.append((gfn, ref))
        self._old_rings = kept

    async def _start_closing(self) -> None:
        if self.state not in CLOSING:
            self._queue.fail()
            if self._closing.for_good:
                self._connected.fail(XenError(Errno.EIO, f"{self._path} is closed"))
            await self._write_state(XenbusState.Closing)

    async def _close(self) -> None:
        if self.state not in CLOSING:
            self._closing.told_to = True
        await self._start_closing()
        await self._retire_ring()
        gone = await self._frames.release() and not self._old_rings
        self._released = gone and self._closing.for_good
        if self.state is not XenbusState.Closed:
            await self._write_state(XenbusState.Closed)
            self._log(f"blkfront: {self._path}: closed")
        self._closed.set(None)
        if self._closing.reopening:
            self._changed.set()

    async def _begin_anew(self) -> None:
        self._closing = Closing(returning=True)
        self._closed = Future()
        self._queue.revive()
        await self._write_state(XenbusState.Initialising)

    async def _write_state(self, state: XenbusState) -> None:
        # Where Initialising stands although we were further, there is another device already.
        other = None if self.state is XenbusState.Initialising else XenbusState.Initialising
        self.state = state  # before it is answered: a store that comes back is told what is meant
        await switch_state(self._xenbus, self._path, "backend", state, not_over=other)


def _handle(path: str) -> int:
    """What requests name as their device: the virtual device number at the end of its path."""
    name = path.rpartition("/")[2]
    return int(name) & 0xFFFF if name.isdecimal() else 0
