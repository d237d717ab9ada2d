"""Ring pages that somebody else writes: block backend and frontend, XenStore server and client.

An input scribbles into the page between the turns of the end that reads it, at every place: indices,
thresholds, slots, the words behind the streams.
Rules: whatever lies in a page, its reader serves it, or says that it is broken; it never raises, never
goes on for ever, never takes a request twice, and never touches more than the page and its own frames.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Final

from actors.abi.blkif import BLKIF_RING_ENTRIES, BLKIF_SLOT_BYTES, HEAD_AND_SEGMENT
from actors.abi.errno import XenError
from actors.abi.ring import REQ_PROD, RING_HEADER_BYTES, RING_MASK
from actors.abi.types import PAGE_SIZE
from actors.block.block_queue import BlockQueue
from actors.block.data_frames import DataFrame
from actors.block.mapped_grants import MappedGrant
from actors.block.operations import FLUSH, READ, WRITE
from actors.block.resume_journal import ResumeJournal
from actors.block.shadow import Done
from actors.block.vbd_queue import VbdCounters, VbdQueue
from actors.kernel.grants import Mapping
from actors.kernel.ring import BackRing, FrontRing, RingBroken
from actors.kernel.threads import Threads
from actors.kernel.xenbus import Xenbus
from actors.kernel.xs_ring import XsRing, XsRingBroken
from actors.kernel.xs_transport import RingTransport
from actors.xenstore.requests import Outgoing
from actors.xenstore.ring_client import RingClient
from actors.xenstore.store import XenStore
from tests.fuzz.growth import Growth
from tests.fuzz.inputs import Input

TURNS_MAX: Final = 16
INPUTS_PER_LOOK: Final = 5000
SECTORS: Final = 1024
FRAMES: Final = 16
DOMID: Final = 3
INDEX_WORDS: Final = (0, 1, 2, 3, 4, 5, 512, 513, 514, 515, 516, 517, 518, 519, 520)


class Page:
    """A page of memory, and a peer that scribbles into it."""

    def __init__(self) -> None:
        self.bytes = memoryview(bytearray(PAGE_SIZE))
        self.words = self.bytes.cast("I")
        self.events = 0

    def notify(self) -> None:
        """An event for the peer, who is the input."""
        self.events += 1

    def scribble(self, source: Input) -> None:
        """A few writes of the peer: words that mean something, or bytes anywhere."""
        for _ in range(source.byte() & 3):
            if source.byte() & 1:
                at = source.choose(INDEX_WORDS)
                step = source.byte()
                value = self.words[at] + step - 8 if step < 200 else source.number()
                self.words[at] = value & 0xFFFFFFFF
            else:
                data = source.take(source.byte() & 31)
                at = (source.byte() << 8 | source.byte()) % (PAGE_SIZE - len(data))
                self.bytes[at : at + len(data)] = data


class FuzzedKernel:
    """Threads, and what they want done at the end of a turn. Stands in for `Kernel`."""

    def __init__(self, threads: Threads, ends: dict[Callable[[], None], None]) -> None:
        self.threads = threads
        self._ends = ends

    def at_turn_end(self, callback: Callable[[], None]) -> None:
        """Call it once."""
        self._ends.setdefault(callback)


class FuzzedGrants:
    """Mappings of a frontend whose references 0 to 7 can be mapped. Stands in for `MappedGrants`."""

    def __init__(self) -> None:
        self._kept: dict[int, MappedGrant] = {}
        self.given = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def pinned(self) -> int:
        """Uses of what is kept."""
        return sum(each.pins for each in self._kept.values())

    def find(self, ref: int) -> MappedGrant | None:
        """What is kept of a reference."""
        return self._kept.get(ref)

    async def keep(self, refs: Sequence[int]) -> None:
        """Keep what can be mapped."""
        for ref, mapping in zip(refs, await self.map([(ref, False) for ref in refs]), strict=True):
            if mapping is not None:
                self._kept.setdefault(ref, mapping)

    async def map(self, wanted: Sequence[tuple[int, bool]]) -> list[MappedGrant | None]:
        """One mapping for each that can be."""
        return [MappedGrant(ref + 1, ref) if ref < 8 else None for ref, _ in wanted]

    async def unmap(self, mappings: Sequence[MappedGrant]) -> None:
        """Given back."""
        self.given += len(mappings)

    async def shrink(self) -> None:
        """Nothing is too much here."""

    async def release(self) -> None:
        """Everything is given back."""
        self._kept.clear()


class FuzzedVolume:
    """A volume that asserts that it is asked only what it has, and answers now or later."""

    sectors = SECTORS
    read_only = False

    def __init__(self, source: Input) -> None:
        self._source = source
        self.held: list[Callable[[int], None]] = []

    def submit(
        self,
        operation: int,
        sector: int,
        segments: list[tuple[int, int, int]],
        done: Callable[[int], None],
    ) -> None:
        """Check, then answer."""
        total = sum(length for _, _, length in segments)
        assert sector * 512 + total <= SECTORS * 512, "beyond the volume"
        for mfn, first, length in segments:
            assert 0 <= mfn < 8, "a frame that nobody has granted"
            assert 0 <= first < first + length <= PAGE_SIZE, "outside of a frame"
        assert operation in {READ, WRITE, FLUSH}, "what nobody can do to a volume"
        if self._source.byte() & 1:
            done(0)
        else:
            self.held.append(done)


def fuzz_back(source: Input) -> None:
    """The backend of a disk, whose frontend is the input."""
    page, threads, ends = Page(), Threads(), dict[Callable[[], None], None]()
    page.scribble(source)
    how, broken = source.byte(), list[str]()
    journal = ResumeJournal(page.words, page.bytes)
    if how & 2 and journal.is_kept():
        journal.restore()
    try:
        ring = BackRing(page.words, BLKIF_SLOT_BYTES)
    except RingBroken:
        return
    journal.begin(kept=bool(how & 4))
    volume = FuzzedVolume(source)
    queue = VbdQueue(
        FuzzedKernel(threads, ends),  # type: ignore[arg-type]
        FuzzedGrants(),  # type: ignore[arg-type]
        volume,
        VbdCounters(),
        ring=ring,
        page=page.bytes,
        frontend=(DOMID, 51712),
        persistent=bool(how & 1),
        journal=journal if how & 4 else None,
        notify=page.notify,
        broken=broken.append,
    )
    for _ in range(TURNS_MAX):
        for _ in range(source.byte() & 3):
            _put_request(page, source)
        page.scribble(source)
        queue.poll()
        threads.run(0)
        while volume.held and source.byte() & 1:
            volume.held.pop(source.byte() % len(volume.held))(source.byte() & 1)
        threads.run(0)
        for callback in list(ends):
            callback()
        ends.clear()
        queue.check()
        if not source.rest:
            break
    closing = threads.spawn("close", queue.close())
    while volume.held:
        volume.held.pop()(0)
    threads.run(0)
    assert closing.finished.done, "a backend that cannot be closed"


def _put_request(page: Page, source: Input) -> None:
    """A request as a frontend makes it, with fields that are nearly right."""
    prod = page.words[REQ_PROD]
    slot = RING_HEADER_BYTES + prod % BLKIF_RING_ENTRIES * BLKIF_SLOT_BYTES
    operation, segments, ident, sector = (
        source.byte() & 3,
        source.byte() & 15,
        source.byte(),
        source.word() % 1100,
    )
    HEAD_AND_SEGMENT.pack_into(
        page.bytes, slot, operation, segments, 0, 0, ident, sector,
        source.byte() & 15, source.byte() & 9, source.byte() & 15, 0,
    )  # fmt: skip
    page.words[REQ_PROD] = (prod + 1) & RING_MASK


class FuzzedFrames:
    """Data frames that are always granted. Stands in for `DataFrames`."""

    def __init__(self) -> None:
        self.ready = [DataFrame(gfn, memoryview(bytearray(PAGE_SIZE)), gfn) for gfn in range(FRAMES)]
        self.persistent = True

    def want(self, count: int) -> None:
        """There are no more."""

    def put(self, frames: list[DataFrame]) -> None:
        """They come back."""
        self.ready.extend(frames)


def fuzz_front(source: Input) -> None:
    """The frontend of a disk, whose backend is the input."""
    page, threads, ends, broken = Page(), Threads(), dict[Callable[[], None], None](), list[str]()
    queue = BlockQueue(
        FuzzedKernel(threads, ends),  # type: ignore[arg-type]
        FuzzedFrames(),  # type: ignore[arg-type]
        51712,
        broken=broken.append,
    )
    answered = list[int]()

    def note(number: int) -> Done:
        return lambda _status, _data: answered.append(number)

    queue.can_flush = True
    queue.attach(FrontRing(page.words, BLKIF_SLOT_BYTES), page.bytes, page.notify)
    asked = 0
    for _ in range(TURNS_MAX):
        for _ in range(source.byte() & 7):
            sectors = 1 + source.byte() % 16
            queue.submit(0, source.byte(), None, sectors, note(asked))
            asked += 1
        for callback in list(ends):
            callback()
        ends.clear()
        page.scribble(source)
        queue.on_event()
        threads.run(0)
        queue.check()
        if broken or not source.rest:
            break
    queue.fail()
    threads.run(1 << 40)
    assert sorted(answered) == list(range(asked)), "a request was not answered, or twice"


def fuzz_store(source: Input) -> None:
    """xenstored's end of a ring, whose domain is the input."""
    page = Page()
    store = XenStore(own_domid=0)
    admin = store.clients.connect(0, privileged=True)
    for path in (b"/local/domain/3/a\0x", b"/local/domain/4/b\0y"):
        store.handle(admin, 11, 1, 0, path)
    store.handle(admin, 14, 1, 0, b"/local/domain/3\0n3\0")
    quotas = store.domains.quotas(DOMID)
    client = RingClient(DOMID, XsRing(page.bytes, page.words), Mapping(1, 1), quotas)
    client.notify = page.notify
    client.take_over(store.domains.features(DOMID))
    connection, _ = store.domains.introduce(DOMID, 5)
    for turn in range(TURNS_MAX):
        page.scribble(source)
        _ask(page, source)
        if client.wants_reconnect:
            store.clients.reset(connection)
            client.renew()
        for each in client.requests():
            for output in store.handle(connection, each.kind, each.req_id, each.tx_id, each.payload):
                assert isinstance(output, Outgoing), "what is not for a domain to ask"
                if output.connection == connection:
                    client.send(output.message, turn)
        record = client.record()
        if source.byte() & 15:
            client.settle()
        else:  # the daemon dies before anything has left
            client = RingClient(DOMID, XsRing(page.bytes, page.words), Mapping(1, 1), quotas)
            client.notify = page.notify
            if not client.go_on(record, turn):
                store.clients.reset(connection)
                client.take_over(store.domains.features(DOMID))
        store.check()
        if not source.rest:
            break


def _ask(page: Page, source: Input) -> None:
    """A request that is well formed, mostly."""
    if source.byte() & 1:
        payload = source.take(source.byte() & 63)
        header = b"".join(
            each.to_bytes(4, "little")
            for each in (source.byte() % 28, source.byte(), source.byte() & 3, len(payload))
        )
        ring = XsRing(page.bytes, page.words)
        with contextlib.suppress(XsRingBroken):  # the input's own indices are its own trouble
            ring.requests.write(header + payload)


def fuzz_client(source: Input) -> None:
    """A kernel's XenStore client, whose server is the input."""
    page, threads, lines = Page(), Threads(), list[str]()
    ring = XsRing(page.bytes, page.words)
    xenbus = Xenbus(
        threads, RingTransport(ring, page.notify), reconnect=bool(source.byte() & 1), log=lines.append
    )
    for turn in range(TURNS_MAX):
        threads.spawn("read", _swallow(xenbus.read("a/b")))
        threads.spawn("watch", _swallow(xenbus.watch("c", lambda _path: None)))
        threads.run(turn)
        page.scribble(source)
        xenbus.on_event()
        threads.run(turn)
        if not source.rest:
            break


async def _swallow(request: object) -> None:
    try:
        await request  # type: ignore[misc]
    except XenError:
        return


TARGETS: Final = (fuzz_back, fuzz_front, fuzz_store, fuzz_client)


class Target:
    """The target; `__call__` takes one input. `done` says how much was done."""

    def __init__(self) -> None:
        self._growth = Growth()
        self._inputs = 0

    @property
    def done(self) -> str:
        """For people."""
        return f"{self._inputs:,} pages"

    def __call__(self, data: bytes) -> None:
        """The first byte says which ring; the rest is what the peer does."""
        self._inputs += 1
        if self._inputs % INPUTS_PER_LOOK == 0:
            self._growth.look()
        source = Input(data)
        source.choose(TARGETS)(source)
