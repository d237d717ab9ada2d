import hashlib
from random import Random

from actors.domu.checksum import checksum
from actors.domu.io_wait import IoWait
from actors.kernel.threads import Threads
from actors.notebook.journal import MemoryJournal
from tests.domu.fake_disk import SECTORS, FakeDisk

MS = 1_000_000


class Bench:
    """What a checksum needs."""

    def __init__(self) -> None:
        self.threads, self.disk = Threads(), FakeDisk()
        self.journal = MemoryJournal(guest="g", guest_id=7, virtual_device=51712, volume_sectors=SECTORS)
        self.journal.begin_boot()
        self.wait = IoWait(self.threads)


def test_a_checksum_reads_everything_once_and_the_odd_end_too() -> None:
    bench = Bench()
    bench.disk.content[:] = Random("1").randbytes(SECTORS * 512)
    found: list[bytes] = []

    async def body() -> None:
        found.append(await checksum(bench.threads, bench.disk, bench.journal, 24 * 512, bench.wait))

    bench.threads.spawn("checksum", body())
    bench.threads.run(0)
    while bench.disk.waiting:
        bench.disk.answer()
        bench.threads.run(0)

    assert [sector for _, sector in bench.disk.log] == [0, 24, 48]
    assert found == [hashlib.sha256(bench.disk.content).digest()]
    assert bench.wait.waited_ns() == 0


def test_a_checksum_waits_for_each_of_its_reads() -> None:
    bench = Bench()

    async def body() -> None:
        await checksum(bench.threads, bench.disk, bench.journal, SECTORS * 256, bench.wait)

    bench.threads.spawn("checksum", body())
    bench.threads.run(0)
    for now_ms in (3, 7):
        bench.threads.now_ns = now_ms * MS
        bench.disk.answer()
        bench.threads.run(now_ms * MS)
    bench.threads.run(9 * MS)

    assert not bench.disk.waiting
    assert bench.wait.waited_ns() == 7 * MS


def test_a_checksum_of_what_cannot_be_read_fails() -> None:
    bench = Bench()
    errors: list[str] = []

    async def body() -> None:
        try:
            await checksum(bench.threads, bench.disk, bench.journal, 4096, bench.wait)
        except OSError as error:
            errors.append(str(error))

    bench.threads.spawn("checksum", body())
    bench.threads.run(0)
    bench.disk.answer(status=-1)
    bench.threads.run(0)

    assert errors == ["sector 0 cannot be read: status -1"]


def test_a_checksum_that_is_stopped_has_none() -> None:
    bench = Bench()
    found: list[bytes | None] = []

    async def body() -> None:
        stopped = lambda: len(bench.disk.log) == 2  # noqa: E731
        found.append(await checksum(bench.threads, bench.disk, bench.journal, 4096, bench.wait, stopped))

    bench.threads.spawn("checksum", body())
    bench.threads.run(0)
    while bench.disk.waiting:
        bench.disk.answer()
        bench.threads.run(0)

    assert found == [None]
    assert len(bench.disk.log) == 2
