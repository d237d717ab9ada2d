"""What a guest does with one disk: random or sequential reads and writes.

Rules: never two requests in flight that touch the same block, so that what a block must hold is
always known; every write is in the journal before it is issued, every answer before the next step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from actors.abi.types import SECTOR_SIZE
from actors.block.operations import FLUSH, READ, WRITE
from actors.domu.block_choice import BlockChoice
from actors.domu.io_wait import IoWait
from actors.domu.known_blocks import KnownBlocks
from actors.domu.pace import Pace
from actors.kernel.threads import Future, Threads
from actors.notebook.journal import Journal


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
    """Issues requests up to `depth` until it is stopped or has issued `requests`.

    `identity` is what its writes are stamped with: (guest id, virtual device).
    """

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
        self._sectors = spec.block // SECTOR_SIZE
        blocks = max(1, disk.sectors // self._sectors)
        self._choice = BlockChoice(blocks, random, sequential=spec.kind == "sequential")
        self._known = KnownBlocks(identity, self._sectors)
        self._pace: Pace | None = None
        self._pausing = False
        self._stopping = False
        self._issued = 0
        self._writes_since_flush = 0
        self.corrupt_reads = 0
        self.finished: Future[None] = Future()

    def start(self) -> None:
        """Issue the first requests."""
        if self._spec.rate:
            self._pace = Pace(self._spec.rate, self._threads.now_ns)
        self._fill()

    def stop(self) -> None:
        """Issue nothing more; `finished` is set when nothing is in flight."""
        self._stopping = True
        self._finish_if_idle()

    def _fill(self) -> None:
        spec, wait, pace = self._spec, self._wait, self._pace
        while wait.in_flight < spec.depth and not self._stopping and not self._pausing:
            if spec.requests and self._issued >= spec.requests:
                self._stopping = True
                break
            if pace is not None and not pace.take(self._threads.now_ns):
                self._pause(pace.due_ns)
                break
            if not self._issue():
                break
        if self._stopping:
            self._finish_if_idle()

    def _pause(self, until_ns: int) -> None:
        self._pausing = True
        self._journal.set_due(until_ns)
        self._threads.at(until_ns).when_done(self._go_on)

    def _go_on(self) -> None:
        self._pausing = False
        self._fill()

    def _issue(self) -> bool:
        spec = self._spec
        if spec.flush_every and self._writes_since_flush >= spec.flush_every:
            self._writes_since_flush = 0
            self._flush()
            return True
        block = self._choice.take()
        if block is None:
            return False
        self._wait.begin()
        self._issued += 1
        if spec.read_share and self._random.random() < spec.read_share:
            self._read(block)
        else:
            self._write(block)
        return True

    def _read(self, block: int) -> None:
        journal, threads, sectors = self._journal, self._threads, self._sectors
        sector = block * sectors
        ticket = journal.record_read(threads.now_ns, sector, sectors)

        def done(status: int, data: bytes | memoryview | None) -> None:
            if status == 0 and data is not None:
                journal.record_read_done(ticket, sectors, threads.now_ns, data)
                if self._spec.verify:
                    self._verify(block, data)
            else:
                journal.record_failure(ticket, threads.now_ns)
            self._choice.give_back(block)
            self._wait.end()
            self._fill()

        self._disk.submit(READ, sector, None, sectors, done)

    def _write(self, block: int) -> None:
        sectors = self._sectors
        sector = block * sectors
        nonce = self._random.getrandbits(64)
        sequence = self._journal.record_write(sector, sectors, nonce, self._threads.now_ns)
        data = self._known.overwrite(block, sequence, nonce)
        self._writes_since_flush += 1

        def done(status: int, _: bytes | memoryview | None) -> None:
            self._answered(sequence, status)
            if status == 0:
                self._known.written(block, sequence, nonce)
            self._choice.give_back(block)
            self._wait.end()
            self._fill()

        self._disk.submit(WRITE, sector, data, sectors, done)

    def _flush(self) -> None:
        sequence = self._journal.record_flush(self._threads.now_ns)
        self._wait.begin()

        def done(status: int, _: bytes | memoryview | None) -> None:
            self._answered(sequence, status)
            self._wait.end()
            self._fill()

        self._disk.submit(FLUSH, 0, None, 0, done)

    def _answered(self, sequence: int, status: int) -> None:
        if status == 0:
            self._journal.record_ack(sequence, self._threads.now_ns)
        else:
            self._journal.record_failure(sequence, self._threads.now_ns)

    def _verify(self, block: int, data: bytes | memoryview) -> None:
        agrees = self._known.agrees(block, data)
        if agrees:
            self._journal.record_verified()
        elif agrees is not None:
            self.corrupt_reads += 1
            self._journal.record_mismatch()

    def _finish_if_idle(self) -> None:
        if not self._wait.in_flight:
            self.finished.set(None)
