from collections.abc import Callable, Iterable

import pytest

from actors.abi.errno import Errno, XenError
from actors.domu.io_wait import IoWait
from actors.domu.vitals import Vitals
from actors.kernel.pages import Pages
from actors.kernel.threads import Future, Threads
from actors.runtime.memory import SparseMemory

SECOND = 1_000_000_000
FRAMES = 64
FIRST = {"committed": "16", "free": "240", "cached": "0", "swap": "0", "iowait": "0"}


class FakeStore:
    """A store with what it was asked to write; it may refuse, or not answer before it is told to."""

    def __init__(self) -> None:
        self.nodes = {"domid": "5"}
        self.permissions: dict[str, list[str]] = {}
        self.written: list[str] = []
        self.refusal: Errno | None = None
        self.silence: Future[None] | None = None
        self.reconnected: Callable[[], None] = lambda: None

    async def read(self, path: str) -> str:
        return self.nodes[path]

    async def write(self, path: str, value: str) -> None:
        if self.refusal is not None:
            raise XenError(self.refusal, path)
        self.written.append(path.removeprefix("data/vitals").removeprefix("/"))
        if self.silence is not None:
            await self.silence
        self.nodes[path] = value

    async def set_perms(self, path: str, permissions: Iterable[str]) -> None:
        self.permissions[path] = list(permissions)

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        self.reconnected = callback

    def take_written(self) -> list[str]:
        written, self.written = self.written, []
        return written

    @property
    def values(self) -> dict[str, str]:
        return {
            path.rpartition("/")[2]: value
            for path, value in self.nodes.items()
            if path.startswith("data/vitals/")
        }


class Bench:
    """A guest with so many disks that publishes once a second."""

    def __init__(self, disks: int = 1) -> None:
        self.threads, self.store, self.logs = Threads(), FakeStore(), list[str]()
        self.pages = Pages(SparseMemory(FRAMES), [[0, 0, FRAMES]])
        self.pages.reserve(4)
        self.waits = [IoWait(self.threads) for _ in range(disks)]
        self.vitals = Vitals(self.threads, self.pages, self.waits, self.logs.append)
        self.threads.spawn("vitals", self.vitals.publish(self.store, SECOND))
        self.run_to(0)

    def run_to(self, seconds: float) -> None:
        self.threads.run(int(seconds * SECOND))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_is_published_before_the_first_interval_is_over(bench: Bench) -> None:
    bench.run_to(0.999)
    assert bench.store.take_written() == []

    bench.run_to(1)
    assert bench.store.take_written() == ["", "committed", "free", "cached", "swap", "iowait"]
    assert bench.store.values == FIRST


def test_anybody_may_read_them_and_their_owner_write(bench: Bench) -> None:
    bench.run_to(1)

    assert bench.store.permissions == {"data/vitals": ["r5"]}


def test_only_what_has_changed_is_written(bench: Bench) -> None:
    bench.run_to(1)
    bench.store.take_written()

    bench.run_to(2)
    assert bench.store.take_written() == []

    gfn = bench.pages.allocate()
    bench.run_to(3)
    assert bench.store.take_written() == ["committed", "free"]
    assert bench.store.values == {**FIRST, "committed": "20", "free": "236"}

    bench.pages.free(gfn)
    bench.run_to(4)
    assert bench.store.values == FIRST


def test_iowait_is_the_share_of_the_last_interval_and_the_average_of_the_disks() -> None:
    bench = Bench(disks=2)
    bench.run_to(1)
    bench.waits[0].begin()
    bench.run_to(2)
    assert bench.store.values["iowait"] == "50"

    bench.waits[1].begin()
    bench.run_to(2.5)
    bench.waits[0].end()
    bench.run_to(3)
    assert bench.store.values["iowait"] == "75"
    assert bench.vitals.statistics().io_wait_ns == 2.5 * SECOND

    bench.waits[1].end()
    bench.run_to(4)
    assert bench.store.values["iowait"] == "0"


def test_a_guest_without_disks_waits_for_none() -> None:
    bench = Bench(disks=0)
    bench.run_to(1)

    assert bench.store.values == FIRST


def test_a_store_that_does_not_answer_is_asked_no_more_than_once(bench: Bench) -> None:
    bench.run_to(1)
    bench.store.take_written()
    bench.store.silence = Future()
    bench.pages.allocate()
    for second in range(2, 60):
        bench.run_to(second)
    assert bench.store.take_written() == ["committed"]

    bench.store.silence.set(None)
    bench.store.silence = None
    bench.run_to(59)
    assert bench.store.take_written() == ["free"]
    bench.run_to(60)
    assert bench.store.values == {**FIRST, "committed": "20", "free": "236"}


def test_all_of_them_come_again_after_the_store_was_lost(bench: Bench) -> None:
    bench.run_to(1)
    bench.store.take_written()
    bench.store.permissions.clear()
    bench.store.reconnected()
    bench.run_to(2)

    assert bench.store.take_written() == ["", "committed", "free", "cached", "swap", "iowait"]
    assert bench.store.permissions == {"data/vitals": ["r5"]}


def test_all_of_them_come_again_if_the_store_is_lost_while_they_are_written(bench: Bench) -> None:
    bench.store.silence = Future()
    bench.run_to(1)
    assert bench.store.take_written() == [""]

    bench.store.reconnected()
    bench.store.silence.set(None)
    bench.store.silence = None
    bench.run_to(1)
    bench.store.take_written()
    bench.store.permissions.clear()
    bench.run_to(2)

    assert bench.store.take_written() == ["", "committed", "free", "cached", "swap", "iowait"]
    assert bench.store.permissions == {"data/vitals": ["r5"]}


def test_a_refusal_is_logged_once_and_tried_again(bench: Bench) -> None:
    bench.store.refusal = Errno.ENOSPC
    for second in (1, 2, 3):
        bench.run_to(second)
    (line,) = bench.logs
    assert "ENOSPC" in line

    bench.store.refusal = None
    bench.run_to(4)
    assert bench.store.values == FIRST

    bench.store.refusal = Errno.ENOSPC
    bench.pages.allocate()
    bench.run_to(5)
    assert len(bench.logs) == 2
