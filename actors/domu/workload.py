"""What a guest does with one disk: random or sequential reads and writes, or a checksum of it all.

Rules: never two requests in flight that touch the same block, so that what a block must hold is
always known; every write is in the journal before it is issued, every answer before the next step.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from actors.abi.types import SECTOR_SIZE
from actors.block.operations import FLUSH, READ, WRITE
from actors.domu.io_wait import IoWait
from actors.kernel.threads import Future, Threads
from actors.notebook.journal import Journal
from actors.notebook.stamp import stamp_block
from actors.runtime.units import NS_PER_S


class Disk(Protocol):
    """What a workload needs of a block frontend."""

    sectors: int

    def submit(
        self,
        operation: int,
        sector: int,
        data: bytes | None,
        nr_sectors: int,
        done: Callable[[int, bytes | memoryview | None], None],
    ) -> None:
        """Issue one request; `done(status, data)` is called when it is answered."""
        ...


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """A workload as the configuration gives it; sizes in bytes, 0 for no limit."""

    kind: str
    block: int = 4096
    depth: int = 1
    read_share: float = 0.5
    flush_every: int = 0
    rate: float = 0.0
    requests: int = 0
    verify: bool = True


class Workload:
    """Issues requests up to `depth` until it is stopped or has issued `requests`."""

    def __init__(  # noqa: PLR0917 (all of them are needed, none is optional)
        self,
        threads: Threads,
        disk: Disk,
        journal: Journal,
        spec: WorkloadSpec,
        random: Random,
        identity: tuple[int, int],
        wait: IoWait,
    ) -> None:
        self._threads = threads
        self._disk = disk
        self._journal = journal
        self._spec = spec
        self._random = random
        self._wait = wait
        self._guest_id, self._virtual_device = identity
        self._sectors = spec.block // SECTOR_SIZE
        self._blocks = max(1, disk.sectors // self._sectors)
        self._next_block = 0
        self._busy: set[int] = set()
        self._known: dict[int, tuple[int, int]] = {}
        self._in_flight = 0
        self._issued = 0
        self._writes_since_flush = 0
        self._next_issue_ns = 0
        self._pacing = False
        self._stopping = False
        self.corrupt_reads = 0
        self.finished: Future[None] = Future()

    def start(self) -> None:
        """Issue the first requests."""
        self._next_issue_ns = self._threads.now_ns
        self._fill()

    def stop(self) -> None:
        """Issue nothing more; `finished` is set when nothing is in flight."""
        self._stopping = True
        self._finish_if_idle()

    def _fill(self) -> None:
        spec = self._spec
        depth, rate = spec.depth, spec.rate
        while self._in_flight < depth and not self._stopping and not self._pacing:
            if spec.requests and self._issued >= spec.requests:
                self._stopping = True
                break
            if rate:
                if self._next_issue_ns > self._threads.now_ns:
                    self._pace()
                    break
                # An outage is not made up for: the pace starts again from now.
                self._next_issue_ns = max(self._next_issue_ns, self._threads.now_ns - NS_PER_S) + int(
                    NS_PER_S / rate
                )
            if not self._issue():
                break
        self._finish_if_idle()

    def _pace(self) -> None:
        self._pacing = True
        self._journal.set_due(self._next_issue_ns)
        self._threads.at(self._next_issue_ns).when_done(self._paced)

    def _paced(self) -> None:
        self._pacing = False
        self._fill()

    def _issue(self) -> bool:
        spec = self._spec
        if spec.flush_every and self._writes_since_flush >= spec.flush_every:
            self._writes_since_flush = 0
            self._flush()
            return True
        block = self._choose()
        if block is None:
            return False
        self._busy.add(block)
        self._in_flight += 1
        self._wait.begin()
        self._issued += 1
        if spec.read_share and self._random.random() < spec.read_share:
            self._read(block)
        else:
            self._write(block)
        return True

    def _choose(self) -> int | None:
        busy = self._busy
        for _ in range(8):
            if self._spec.kind == "sequential":
                block = self._next_block
                self._next_block = (block + 1) % self._blocks
            else:
                block = int(self._random.random() * self._blocks)
            if block not in busy:
                return block
        return None

    def _read(self, block: int) -> None:
        journal, threads = self._journal, self._threads
        ticket = journal.record_read(threads.now_ns, block * self._sectors, self._sectors)

        def done(status: int, data: bytes | memoryview | None) -> None:
            if status == 0 and data is not None:
                journal.record_read_done(ticket, self._sectors, threads.now_ns, data)
                if self._spec.verify:
                    self._verify(block, data)
            else:
                journal.record_failure(ticket, threads.now_ns)
            self._completed(block)

        self._disk.submit(READ, block * self._sectors, None, self._sectors, done)

    def _write(self, block: int) -> None:
        sector, sectors = block * self._sectors, self._sectors
        nonce = self._random.getrandbits(64)
        sequence = self._journal.record_write(sector, sectors, nonce, self._threads.now_ns)
        data = stamp_block(self._guest_id, self._virtual_device, sector, sectors, sequence, nonce)
        self._known.pop(block, None)
        self._writes_since_flush += 1

        def done(status: int, _: bytes | memoryview | None) -> None:
            self._answered(sequence, status)
            if status == 0:
                self._known[block] = (sequence, nonce)
            self._completed(block)

        self._disk.submit(WRITE, sector, data, sectors, done)

    def _flush(self) -> None:
        sequence = self._journal.record_flush(self._threads.now_ns)
        self._in_flight += 1
        self._wait.begin()

        def done(status: int, _: bytes | memoryview | None) -> None:
            self._answered(sequence, status)
            self._completed(None)

        self._disk.submit(FLUSH, 0, None, 0, done)

    def _answered(self, sequence: int, status: int) -> None:
        if status == 0:
            self._journal.record_ack(sequence, self._threads.now_ns)
        else:
            self._journal.record_failure(sequence, self._threads.now_ns)

    def _verify(self, block: int, data: bytes | memoryview) -> None:
        known = self._known.get(block)
        if known is None:
            return
        sequence, nonce = known
        sector = block * self._sectors
        if data != stamp_block(self._guest_id, self._virtual_device, sector, self._sectors, sequence, nonce):
            self.corrupt_reads += 1
            self._journal.record_mismatch()
        else:
            self._journal.record_verified()

    def _completed(self, block: int | None) -> None:
        if block is not None:
            self._busy.discard(block)
        self._in_flight -= 1
        self._wait.end()
        self._fill()

    def _finish_if_idle(self) -> None:
        if self._stopping and self._in_flight == 0:
            self.finished.set(None)


async def checksum(  # noqa: PLR0917 (what a workload is made of)
    threads: Threads,
    disk: Disk,
    journal: Journal,
    block: int,
    wait: IoWait,
    stopped: Callable[[], bool] = lambda: False,
) -> bytes | None:
    """Read a whole disk in blocks of `block` bytes, one by one; its SHA-256, or None once `stopped`."""
    digest = hashlib.sha256()
    sector = 0
    while sector < disk.sectors:
        if stopped():
            return None
        count = min(block // SECTOR_SIZE, disk.sectors - sector)
        answer: Future[bytes] = Future()
        ticket = journal.record_read(threads.now_ns, sector, count)
        wait.begin()
        disk.submit(READ, sector, None, count, _taker(answer, sector))
        try:
            data = await answer
        except OSError:
            journal.record_failure(ticket, threads.now_ns)
            raise
        finally:
            wait.end()
        journal.record_read_done(ticket, count, threads.now_ns, data)
        digest.update(data)
        sector += count
    return digest.digest()


def _taker(answer: Future[bytes], sector: int) -> Callable[[int, bytes | memoryview | None], None]:
    def done(status: int, data: bytes | memoryview | None) -> None:
        if status == 0 and data is not None:
            answer.set(bytes(data))
        else:
            answer.fail(OSError(f"sector {sector} cannot be read: status {status}"))

    return done
