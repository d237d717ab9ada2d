"""The backend of a paravirtual disk: the ring of its frontend, and the requests in it.

Rules: the handshake is `xenbus_backend`'s. When it takes up where another died the old ring is mapped and
the old port bound again, and what has no response is done again, in order; `resume_journal` says how that
is safe. A frontend that breaks the ring loses its service, others go on.
Source: Linux drivers/block/xen-blkback/xenbus.c, xen/include/public/io/blkif.h.
"""

from collections.abc import Callable

from actors.abi.blkif import BLKIF_PROTOCOL, BLKIF_SLOT_BYTES, VDISK_READONLY
from actors.abi.errno import Errno, XenError
from actors.abi.types import SECTOR_SIZE
from actors.block.backing import Backing
from actors.block.blkback_statistics import BlkbackStatistics
from actors.block.mapped_grants import MappedGrants
from actors.block.resume_journal import ResumeJournal
from actors.block.vbd_queue import VbdCounters, VbdQueue
from actors.kernel.grants import Mapping
from actors.kernel.handover import Handover
from actors.kernel.kernel import Kernel
from actors.kernel.resumable_backend import ResumableBackend
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.store import Store, number_of
from actors.kernel.xenbus_backend import ResumeImpossibleError, Served


class Blkback(ResumableBackend):
    """One paravirtual disk, served out of a volume."""

    driver = "blkback"

    def __init__(self, kernel: Kernel, store: Store, served: Served, volume: Backing) -> None:
        super().__init__(kernel, store, served)
        self._volume = volume
        self._counters = VbdCounters()
        self._queue: VbdQueue | None = None
        self._ring_mapping: Mapping | None = None
        self._journal: ResumeJournal | None = None
        self._offer = (0, 0, False)
        self._port = 0

    def misanswer(self) -> bool:
        """Have the next answer be to a request that was never asked; False without a connection."""
        if self._queue is not None:
            self._queue.misanswer = True
        return self._queue is not None

    @property
    def attached(self) -> bool:
        """Whether it serves a ring: what was asked there may still be at the volume."""
        return self._queue is not None

    def check(self) -> None:
        """Invariants."""
        if self._queue is not None:
            self._queue.check()

    def statistics(self) -> BlkbackStatistics:
        """What this backend has done."""
        counters, queue = self._counters, self._queue
        return BlkbackStatistics(
            domid=self.served.domid,
            device=self.number,
            state=self.state.name,
            requests=counters.reads + counters.writes + counters.flushes + counters.refused,
            reads=counters.reads,
            writes=counters.writes,
            flushes=counters.flushes,
            refused=counters.refused,
            segments=counters.segments,
            bytes=counters.bytes,
            errors=counters.errors,
            in_flight=queue.in_flight if queue is not None else 0,
            persistent_mappings=queue.persistent_mappings if queue is not None else 0,
            resumes=self.recoveries.resumes,
            renegotiations=self.recoveries.renegotiations,
            resumes_refused=self.recoveries.resumes_refused,
        )

    def keys(self) -> dict[str, str]:
        """What the disk is, and what can be asked of it."""
        volume = self._volume
        return {
            "feature-flush-cache": "1",
            "feature-persistent": "1",
            "sectors": str(volume.sectors),
            "info": str(VDISK_READONLY if volume.read_only else 0),
            "sector-size": str(SECTOR_SIZE),
            "physical-sector-size": str(SECTOR_SIZE),
        }

    async def connect_ring(self, *, resuming: bool) -> None:
        """Map the ring that the frontend has offered, and take what is in it."""
        front, grants = self.served.frontend_path, self.kernel.grants
        offered = await self.store.read_all(
            f"{front}/{key}" for key in ("ring-ref", "event-channel", "protocol", "feature-persistent")
        )
        ref, port = number_of(offered, f"{front}/ring-ref"), number_of(offered, f"{front}/event-channel")
        protocol = offered.get(f"{front}/protocol", "")
        persistent = offered.get(f"{front}/feature-persistent") == "1"
        if protocol != BLKIF_PROTOCOL:
            raise XenError(Errno.EINVAL, f"protocol {protocol[:40]!r}")
        mapping = await grants.map(self.served.domid, ref)
        try:
            journal, ring = self._open(mapping, resuming=resuming)
            local = await self.kernel.irq.bind_interdomain(self.served.domid, port, *self.event)
        except (ResumeImpossibleError, RingBroken, XenError):
            await grants.unmap(mapping)
            raise
        if not resuming:
            journal.begin(kept=self.served.policy.keeps_rings)
        self._offer = ref, port, persistent
        self._serve(mapping, journal, ring, local, resuming=resuming)

    def handover(self, generation: int) -> Handover | None:
        """The ring, if a journal is kept of it, which has the generation from now on."""
        if self._journal is None:
            return None
        self._journal.generation = generation
        return Handover(*self.served.device, self.served.backing, *self._offer, generation)

    def is_told_by(self, record: Handover) -> bool:
        """Whether it has this ring, this port and this generation."""
        told = record.ring_ref, record.remote_port, record.persistent
        journal = self._journal
        return journal is not None and told == self._offer and journal.generation == record.generation

    def take_up(self, handover: Handover, mapping: Mapping, port: int) -> None:
        """Go on with the ring that the record names, if that is the one that it was written for."""
        journal, ring = self._open(mapping, resuming=True)
        if journal.generation != handover.generation:
            raise ResumeImpossibleError(f"the ring is not that of connection {handover.generation}")
        self._offer = handover.ring_ref, handover.remote_port, handover.persistent
        self._serve(mapping, journal, ring, port, resuming=True)

    async def disconnect_ring(self) -> None:
        """xen_blkif_disconnect: answer nothing more, wait for the volume, give the ring back."""
        queue, mapping = self._queue, self._ring_mapping
        self._journal = None
        assert queue is not None and mapping is not None, "only what is attached is detached"  # noqa: PT018
        self.kernel.irq.unbind(self._port)
        await queue.close()
        self._queue = self._ring_mapping = None
        await self.kernel.grants.unmap(mapping)

    @property
    def event(self) -> tuple[str, Callable[[], None]]:
        """As in every backend."""
        return "blkif-backend", self._on_event

    def _open(self, mapping: Mapping, *, resuming: bool) -> tuple[ResumeJournal, BackRing]:
        """The journal and the ring in a page. RingBroken, ResumeImpossibleError."""
        kernel = self.kernel
        words = kernel.memory.words(mapping.mfn)
        journal = ResumeJournal(words, kernel.grants.frame(mapping))
        if resuming:
            if not journal.is_kept():
                raise ResumeImpossibleError("whoever served it last kept no journal")
            journal.restore()
        return journal, BackRing(words, BLKIF_SLOT_BYTES)

    def _serve(
        self, mapping: Mapping, journal: ResumeJournal, ring: BackRing, port: int, *, resuming: bool
    ) -> None:
        """Take what is in the ring from now on."""
        kernel, domid = self.kernel, self.served.domid
        self._ring_mapping, self._port = mapping, port
        self._journal = journal if self.served.policy.keeps_rings else None
        self._queue = VbdQueue(
            kernel,
            MappedGrants(kernel, domid),
            self._volume,
            self._counters,
            frontend=(domid, self.number & 0xFFFF),
            ring=ring,
            page=kernel.grants.frame(mapping),
            persistent=self._offer[2],
            journal=self._journal,
            notify=lambda: kernel.irq.notify(port),
            broken=self._break,
        )
        self._queue.poll()
        # Responses of a dead backend may have come without an event, and events to it were lost.
        if resuming:
            kernel.irq.notify(port)

    def _on_event(self) -> None:
        if self._queue is not None:
            self._queue.poll()

    def _break(self, why: str) -> None:
        self.break_off(f"domain {self.served.domid} broke the ring: {why}")
