"""A store whose user tells of the device states that it writes: what triggers of faults wait for.

Rules: a state is told when the store has it: after the write, or after the commit of its transaction.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from actors.kernel.store import Store, StoreNodes
from actors.kernel.xenbus import Watch

T = TypeVar("T")
Tell = Callable[[str, int], None]


class ObservedStore:
    """`store` for one end of a device; `tell(device path, XenbusState)` hears of its states."""

    def __init__(self, store: Store, tell: Tell) -> None:
        self._store = store
        self._tell = tell

    async def read(self, path: str) -> str:
        """As `Store.read`."""
        return await self._store.read(path)

    async def write(self, path: str, value: str) -> None:
        """As `Store.write`."""
        await self._store.write(path, value)
        self._report(path, value)

    async def read_all(self, paths: Iterable[str]) -> dict[str, str]:
        """As `Store.read_all`."""
        return await self._store.read_all(paths)

    async def write_all(self, nodes: Mapping[str, str]) -> None:
        """As `Store.write_all`."""
        await self._store.write_all(nodes)
        for path, value in nodes.items():
            self._report(path, value)

    async def look(self, paths: Iterable[str], seen: Callable[[int], None]) -> dict[str, str]:
        """As `Store.look`."""
        return await self._store.look(paths, seen)

    @property
    def told_event(self) -> int:
        """As `Store.told_event`."""
        return self._store.told_event

    async def watch(self, path: str, callback: Callable[[str], None]) -> Watch:
        """As `Store.watch`."""
        return await self._store.watch(path, callback)

    async def unwatch(self, watch: Watch) -> None:
        """As `Store.unwatch`."""
        await self._store.unwatch(watch)

    async def transact(self, body: Callable[[StoreNodes], Awaitable[T]]) -> T:
        """As `Store.transact`."""
        written: dict[str, str] = {}

        async def observed(nodes: StoreNodes) -> T:
            written.clear()
            return await body(_ObservedNodes(nodes, written))

        result = await self._store.transact(observed)
        for path, value in written.items():
            self._report(path, value)
        return result

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """As `Store.on_reconnect`."""
        self._store.on_reconnect(callback)

    def _report(self, path: str, value: str) -> None:
        device, _, key = path.rpartition("/")
        if key == "state" and value.isdecimal():
            self._tell(device, int(value))


class _ObservedNodes:
    """The nodes of one try of a transaction."""

    def __init__(self, nodes: StoreNodes, written: dict[str, str]) -> None:
        self._nodes = nodes
        self._written = written

    async def read(self, path: str) -> str:
        return await self._nodes.read(path)

    async def write(self, path: str, value: str) -> None:
        await self._nodes.write(path, value)
        self._written[path] = value

    async def read_all(self, paths: Iterable[str]) -> dict[str, str]:
        return await self._nodes.read_all(paths)

    async def write_all(self, nodes: Mapping[str, str]) -> None:
        await self._nodes.write_all(nodes)
        self._written.update(nodes)
