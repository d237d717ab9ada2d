"""A XenStore of a few lines, whose every answer and every event waits for its turn."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from actors.abi.errno import Errno, XenError
from actors.kernel.threads import Future
from actors.kernel.xenbus import Watch


class Owner(Protocol):
    """Whose client it is."""

    @property
    def domid(self) -> int: ...


class SmallStore:
    """Nodes, watches, and what waits: `requests` to be answered, `events` to be heard, by their owners."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.watches: list[tuple[Owner, str, Watch]] = []
        self.requests: deque[tuple[Owner, Callable[[], None]]] = deque()
        self.events: deque[tuple[Owner, Watch, str]] = deque()

    def read(self, path: str) -> str:
        if path not in self.nodes:
            raise XenError(Errno.ENOENT, path)
        return self.nodes[path]

    def write(self, path: str, value: str) -> None:
        self.nodes[path] = value
        self._fire(path)

    def remove(self, path: str) -> None:
        for each in [each for each in self.nodes if each == path or each.startswith(f"{path}/")]:
            del self.nodes[each]
        self._fire(path)
        for owner, watched, watch in self.watches:
            if watched.startswith(f"{path}/"):
                self.events.append((owner, watch, watched))

    def add_watch(self, entry: tuple[Owner, str, Watch]) -> None:
        self.watches.append(entry)
        self.events.append((entry[0], entry[2], entry[1]))

    def forget(self, owner: Owner) -> None:
        """A client is gone."""
        self.watches = [each for each in self.watches if each[0] is not owner]
        self.requests = deque(each for each in self.requests if each[0] is not owner)
        self.events = deque(each for each in self.events if each[0] is not owner)

    def turn(self) -> bool:
        """Answer one request or have one event heard; whether there was any."""
        if self.requests:
            _, serve = self.requests.popleft()
            serve()
        elif self.events:
            _, watch, path = self.events.popleft()
            watch.callback(path)
        else:
            return False
        return True

    def _fire(self, path: str) -> None:
        for owner, watched, watch in self.watches:
            if path == watched or path.startswith(f"{watched}/"):
                self.events.append((owner, watch, path))


class StoreClient:
    """A domain's view of the store; every request takes a turn of it."""

    def __init__(self, store: SmallStore, owner: Owner) -> None:
        self._store = store
        self._owner = owner
        self.reconnected: list[Callable[[], None]] = []

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"/local/domain/{self._owner.domid}/{path}"

    async def _request(self, what: Callable[[], Any]) -> Any:
        answer: Future[Any] = Future()

        def serve() -> None:
            try:
                answer.set(what())
            except XenError as error:
                answer.fail(error)

        self._store.requests.append((self._owner, serve))
        return await answer

    async def read(self, path: str) -> str:
        return await self._request(lambda: self._store.read(self._absolute(path)))

    async def write(self, path: str, value: str) -> None:
        await self._request(lambda: self._store.write(self._absolute(path), value))

    async def read_all(self, paths: Iterable[str]) -> dict[str, str]:
        found = {}

        def read() -> None:
            for path in paths:
                if self._absolute(path) in self._store.nodes:
                    found[path] = self._store.nodes[self._absolute(path)]

        await self._request(read)
        return found

    async def look(self, paths: Iterable[str], _seen: Callable[[int], None]) -> dict[str, str]:
        """What this store says of a change comes after every answer."""
        return await self.read_all(paths)

    @property
    def told_event(self) -> int:
        return 1

    async def watch(self, path: str, callback: Callable[[str], None]) -> Watch:
        watch = Watch(path, "", callback)
        entry = (self._owner, self._absolute(path), watch)
        await self._request(lambda: self._store.add_watch(entry))
        return watch

    async def unwatch(self, watch: Watch) -> None:
        self._store.watches = [each for each in self._store.watches if each[2] is not watch]

    async def transact(self, body: Callable[[Any], Awaitable[Any]]) -> Any:
        transaction = StoreTransaction(self)
        result = await body(transaction)

        def commit() -> None:
            for path, value in transaction.written:
                self._store.write(self._absolute(path), value)

        await self._request(commit)
        return result

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        self.reconnected.append(callback)


class StoreTransaction:
    """Writes that are kept until the end."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self.written: list[tuple[str, str]] = []

    async def read(self, path: str) -> str:
        return await self._client.read(path)

    async def write(self, path: str, value: str) -> None:
        self.written.append((path, value))

    async def write_all(self, nodes: Mapping[str, str]) -> None:
        self.written += nodes.items()
