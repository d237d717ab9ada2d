"""The frontend of a paravirtual disk: a ring, the frames of its data, and what the backend says of the disk.

Rules: the handshake is `xenbus_frontend`'s; requests go their own way (`block_queue`). A ring that the other
side still has mapped is given back later.
Source: Linux drivers/block/xen-blkfront.c, xen/include/public/io/blkif.h.
"""

from collections.abc import Mapping

from actors.abi.blkif import BLKIF_PROTOCOL, BLKIF_SLOT_BYTES, VDISK_READONLY, BlkifOp
from actors.abi.types import SECTOR_SIZE
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.block.block_io import block_io
from actors.block.block_queue import BlockQueue
from actors.block.data_frames import DataFrames
from actors.block.shadow import Done
from actors.kernel.kernel import Kernel
from actors.kernel.old_rings import OldRings
from actors.kernel.ring import FrontRing
from actors.kernel.store import Store, number_of
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.policies import Frontend


class Blkfront(XenbusFrontend):
    """One paravirtual disk of a guest. `sectors` and `read_only` are right once `connect` has returned."""

    driver = "blkfront"
    mark = "ring-ref"
    attach_keys = ("sectors", "info", "feature-flush-cache", "feature-persistent")
    refresh_keys = ("sectors",)

    def __init__(self, kernel: Kernel, store: Store, path: str, policy: Frontend) -> None:
        super().__init__(kernel, store, path, policy)
        self.sectors = 0
        self.read_only = False
        self._frames = DataFrames(kernel, self._refilled)
        self._queue = BlockQueue(kernel, self._frames, self.number & 0xFFFF, broken=self._break)
        self._ring: FrontRing | None = None
        self._ring_gfn = 0
        self._ring_ref = 0
        self._port = 0
        self._old_rings = OldRings(kernel)

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
            reconnects=self.reconnects,
            replayed=counters.replayed,
            published_again=self.published_again,
            detached_ns=counters.detached_ns,
            unanswered_ns=counters.unanswered_ns,
            oldest_issue_ns=queue.oldest_issue_ns(),
        )

    @property
    def in_flight(self) -> int:
        """Requests in the ring without an answer."""
        return self._queue.in_flight

    def keys(self) -> dict[str, str]:
        """The ring, the port, and the way of speaking through them, as talk_to_blkback writes them."""
        return {
            "ring-ref": str(self._ring_ref),
            "event-channel": str(self._port),
            "protocol": BLKIF_PROTOCOL,
            "feature-persistent": "1",
        }

    async def offer(self, domid: int) -> None:
        """setup_blkring: make a new ring, and a port for it."""
        kernel = self.kernel
        await self._retire_ring()
        self.say(f"offering a ring to domain {domid}")
        await self._frames.use(domid)
        self._ring_gfn = kernel.pages.allocate()
        self._ring_ref = await kernel.grants.grant(domid, self._ring_gfn)
        self._port = await kernel.irq.alloc_unbound(domid)
        self._ring = FrontRing(kernel.pages.words(self._ring_gfn), BLKIF_SLOT_BYTES)
        kernel.irq.bind(self._port, "xen-dyn -event", "blkif", self._queue.on_event)

    def learn(self, told: Mapping[str, str]) -> None:
        """The size of the disk, and what the backend can do (blkfront_connect)."""
        self.sectors = number_of(told, "sectors")
        self.read_only = bool(number_of(told, "info") & VDISK_READONLY)
        self._queue.can_flush = told.get("feature-flush-cache") == "1"
        self._frames.persistent = told.get("feature-persistent") == "1"

    def attach(self) -> None:
        """Use the ring."""
        irq, port = self.kernel.irq, self._port
        assert self._ring is not None, "a ring was offered"
        replayed = self._queue.attach(
            self._ring, self.kernel.pages.frame(self._ring_gfn), lambda: irq.notify(port)
        )
        self.say(f"{self.sectors} sectors, {replayed} requests issued again")

    def refresh(self, told: Mapping[str, str]) -> None:
        """The disk may have another size: Connected told again, in blkfront_connect."""
        self.sectors = number_of(told, "sectors")

    def fail(self) -> None:
        """Everything is answered with an error."""
        self._queue.fail()

    def drain(self) -> bool:
        """del_gendisk: the disk is dead, and what is in the ring is waited for."""
        return self._queue.drain(self._changed.set)

    def revive(self) -> None:
        """What comes from now on waits for a backend."""
        self._queue.revive()

    async def release(self) -> bool:
        """Give back the ring and the frames."""
        await self._retire_ring()
        return await self._frames.release() and not self._old_rings

    def _refilled(self) -> None:
        self._queue.pump()

    def _break(self, why: str) -> None:
        self._queue.detach()
        self.break_off(f"the backend broke the ring: {why}")

    async def _retire_ring(self) -> None:
        kernel = self.kernel
        self._queue.detach()
        if self._ring is not None:
            kernel.irq.unbind(self._port)
            self._old_rings.add(self._ring_gfn, self._ring_ref)
            self._ring = None
        await self._old_rings.take_back()
