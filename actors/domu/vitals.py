"""What a guest tells of itself in XenStore, under `data/vitals`, where anybody may read and watch it.

`committed` and `free`: KiB that its kernel uses, and the rest of what it has; `cached` and `swap`: 0, since
a workload goes past any cache and there is no swap; `iowait`: percent of the time since the last sample in
which its workloads waited for their disks, on average over the disks.
Rules: only what has changed is written, key by key, and the next sample is taken after the last answer: a
store that does not answer holds up nothing but this. What a store has refused or lost is written again.
Source: xe-guest-utilities (KiB, plain writes of what has changed), docs/misc/xenstore-paths.pandoc (data/).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from actors.abi.errno import XenError
from actors.abi.types import PAGE_SIZE
from actors.domu.io_wait import IoWait
from actors.kernel.pages import Pages
from actors.kernel.threads import Threads

PATH: Final = "data/vitals"
KIB: Final = 1024


class VitalsStore(Protocol):
    """What is needed of a XenStore client."""

    async def read(self, path: str) -> str:
        """The value of a node."""
        ...

    async def write(self, path: str, value: str) -> None:
        """Set the value of a node."""
        ...

    async def set_perms(self, path: str, permissions: Iterable[str]) -> None:
        """Replace the permissions of a node."""
        ...

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back when another server has taken over."""
        ...


@dataclass(frozen=True, slots=True)
class VitalsStatistics:
    """Memory in bytes; `io_wait_ns` is the sum over the disks since the guest booted."""

    committed: int
    free: int
    io_wait_ns: int


class Vitals:
    """The vitals of one guest; `waits` has one entry for each disk that it works on."""

    def __init__(
        self, threads: Threads, pages: Pages, waits: Sequence[IoWait], log: Callable[[str], None]
    ) -> None:
        self._threads = threads
        self._pages = pages
        self._waits = waits
        self._log = log
        self._sampled_at_ns = threads.now_ns
        self._waited_ns = 0
        self._published: dict[str, str] = {}
        self._is_there = False
        self._complaint = ""

    async def publish(self, store: VitalsStore, interval_ns: int) -> None:
        """Publish for ever, first after `interval_ns`; a refusal is logged and tried again."""
        store.on_reconnect(self._lose)
        self.sample()
        while True:
            await self._threads.sleep(interval_ns)
            try:
                await self._write_changed(store)
            except XenError as error:
                self._lose()
                self._complain(str(error))
            else:
                self._complaint = ""

    def sample(self) -> dict[str, str]:
        """The values as they are published; `iowait` is that of the time since the last call."""
        now_ns, waited_ns = self._threads.now_ns, self._total_wait_ns()
        span_ns = (now_ns - self._sampled_at_ns) * len(self._waits)
        percent = round(100 * (waited_ns - self._waited_ns) / span_ns) if span_ns else 0
        self._sampled_at_ns, self._waited_ns = now_ns, waited_ns
        known = self.statistics()
        return {
            "committed": str(known.committed // KIB),
            "free": str(known.free // KIB),
            "cached": "0",
            "swap": "0",
            "iowait": str(percent),
        }

    def statistics(self) -> VitalsStatistics:
        """The same as counters and sizes."""
        used = self._pages.used
        return VitalsStatistics(
            committed=used * PAGE_SIZE,
            free=(self._pages.total - used) * PAGE_SIZE,
            io_wait_ns=self._total_wait_ns(),
        )

    async def _write_changed(self, store: VitalsStore) -> None:
        if not self._is_there:
            # Before it is done: a store that is lost meanwhile has to be told once more.
            self._is_there = True
            self._published.clear()
            domid = await store.read("domid")
            await store.write(PATH, "")
            await store.set_perms(PATH, [f"r{domid}"])
        for key, value in self.sample().items():
            if self._published.get(key) != value:
                await store.write(f"{PATH}/{key}", value)
                self._published[key] = value

    def _total_wait_ns(self) -> int:
        return sum(each.waited_ns() for each in self._waits)

    def _lose(self) -> None:
        self._is_there = False

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            self._log(f"vitals: {text}")
