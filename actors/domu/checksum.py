"""The checksum of a whole disk, as a guest reads it."""

import hashlib
from collections.abc import Callable

from actors.abi.types import SECTOR_SIZE
from actors.block.operations import READ
from actors.domu.io_wait import IoWait
from actors.domu.workload import Disk
from actors.kernel.threads import Future, Threads
from actors.notebook.journal import Journal


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
