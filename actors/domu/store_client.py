"""A guest that works with XenStore: it writes nodes of its own, and reads each back before the next write.

Rules: one request at a time. Even nodes are single, odd ones are two that change in one transaction. What
it expects it knows from its own log alone. A node that is not there counts as the number 0.
"""

from dataclasses import dataclass

from actors.abi.errno import XenError
from actors.kernel.store import Store, StoreNodes, read_or
from actors.kernel.threads import Future, Threads
from actors.notebook.store_log import StoreLog
from actors.runtime.units import NS_PER_S

FOLDER = "data/store"


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """How many nodes, and how many writes a second."""

    nodes: int
    rate: float


class StoreClient:
    """Writes until it is stopped; `finished` is set when everything has been read back."""

    def __init__(self, threads: Threads, store: Store, log: StoreLog, spec: StoreSpec) -> None:
        self._threads = threads
        self._store = store
        self._log = log
        self._spec = spec
        self._stopped = False
        self.finished: Future[None] = Future()

    def stop(self) -> None:
        """Write no more."""
        self._stopped = True

    async def run(self) -> None:
        """The thread."""
        self._log.begin_boot()
        interval_ns = int(NS_PER_S / self._spec.rate)
        due_ns, node = self._threads.now_ns, 0
        while not self._stopped:
            await self._read_back(node)
            await self._write(node)
            node = (node + 1) % self._spec.nodes
            due_ns = max(due_ns + interval_ns, self._threads.now_ns)
            await self._threads.sleep(due_ns - self._threads.now_ns)
        for each in range(self._spec.nodes):
            await self._read_back(each)
        self._log.finish()
        self.finished.set(None)

    async def _write(self, node: int) -> None:
        number = self._log.issue(node, self._threads.now_ns)

        async def both(transaction: StoreNodes) -> None:
            for path in _paths(node):
                await transaction.write(path, str(number))

        try:
            if node % 2:
                await self._store.transact(both)
            else:
                await self._store.write(_paths(node)[0], str(number))
        except XenError:
            self._log.refuse(self._threads.now_ns)
        else:
            self._log.acknowledge(node, number, self._threads.now_ns)

    async def _read_back(self, node: int) -> None:
        self._log.ask(self._threads.now_ns)
        # Two halves are read in one transaction, too: else a store that is lost in between tears them.
        if node % 2:
            seen = await self._store.transact(lambda transaction: _read(transaction, node))
        else:
            seen = await _read(self._store, node)
        self._log.answered(self._threads.now_ns)
        self._log.read_back(node, seen)


async def _read(store: StoreNodes, node: int) -> list[int]:
    return [_number(await read_or(store, path, "")) for path in _paths(node)]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _paths(node: int) -> tuple[str, ...]:
    if node % 2:
        return f"{FOLDER}/{node}/one", f"{FOLDER}/{node}/two"
    return (f"{FOLDER}/{node}",)
