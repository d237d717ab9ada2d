"""Who wants to hear of which change.

Rules: a watch hears of its own node and of all below, once at once when it is set, and if an ancestor
of its node is removed (then with its own path). Those that hear of a change do so in the order in which
they were set. A special path (`@releaseDomain`) has no below; where watches have depths, one on it with a
depth is told of which domain, and one on `@releaseDomain/<domid>` hears of that domain alone. A watch with
a depth hears of nothing that is further below its node than that.
Source: tools/xenstored/watch.c, docs/misc/xenstore.txt (WATCH with a depth).
"""

from dataclasses import dataclass
from operator import attrgetter

from actors.abi.errno import Errno, XenError
from actors.xenstore.tree import ROOT, parent_of

_number = attrgetter("number")


@dataclass(slots=True)
class Watch:
    """A watch of a connection; `shown_from` is how many characters of a path its events leave out.

    `depth` is how far below its node it hears, or None for all the way. `restored`: it was set under an
    earlier daemon; its owner may set it again. `number` counts watches in the order in which they were set.
    """

    connection: int
    path: str
    token: bytes
    shown_from: int = 0
    depth: int | None = None
    restored: bool = False
    number: int = 0

    def event_path(self, path: str) -> str:
        """A path as the watch's owner wants to see it."""
        return path[self.shown_from :]

    def reaches(self, path: str) -> bool:
        """Whether a path at or below the node is not too deep."""
        if self.depth is None or path == self.path:
            return True
        below = path if self.path == ROOT else path[len(self.path) :]
        return below.count("/") <= self.depth


class Watches:
    """All watches, by path, in the order in which they were set."""

    def __init__(self) -> None:
        self._by_path: dict[str, dict[tuple[int, bytes], Watch]] = {}
        self._of: dict[int, dict[tuple[str, bytes], Watch]] = {}
        self._total = 0
        self._numbers = 0

    def __len__(self) -> int:
        return self._total

    def count(self, connection: int) -> int:
        """How many watches a connection has."""
        return len(self._of.get(connection, ()))

    def of(self, connection: int) -> list[Watch]:
        """The watches of a connection, in the order in which they were set."""
        return list(self._of.get(connection, {}).values())

    def find(self, connection: int, path: str, token: bytes) -> Watch | None:
        """The watch of a connection with this path and token."""
        return self._of.get(connection, {}).get((path, token))

    def add(self, watch: Watch) -> None:
        """do_watch: set a watch. EEXIST if the connection has one with this path and token."""
        mine = self._of.setdefault(watch.connection, {})
        if (watch.path, watch.token) in mine:
            raise XenError(Errno.EEXIST, f"{watch.path} {watch.token!r}")
        self._numbers += 1
        watch.number = self._numbers
        mine[watch.path, watch.token] = watch
        self._by_path.setdefault(watch.path, {})[watch.connection, watch.token] = watch
        self._total += 1

    def remove(self, connection: int, path: str, token: bytes) -> None:
        """do_unwatch: take a watch back. ENOENT."""
        watch = self.find(connection, path, token)
        if watch is None:
            raise XenError(Errno.ENOENT, f"{path} {token!r}")
        mine = self._of[connection]
        del mine[path, token]
        if not mine:
            del self._of[connection]
        self._drop(watch)

    def remove_all(self, connection: int) -> None:
        """Take all watches of a connection back."""
        for watch in self._of.pop(connection, {}).values():
            self._drop(watch)

    def matching(self, path: str, *, exact: bool) -> list[Watch]:
        """fire_watches: whom a change of `path` concerns: those on it and, unless `exact`, above it."""
        found: list[Watch] = []
        current: str | None = path
        while current is not None:
            here = self._by_path.get(current)
            if here is not None:
                found += [each for each in here.values() if each.depth is None or each.reaches(path)]
            current = None if exact else parent_of(current)
        if len(found) > 1:
            found.sort(key=_number)
        return found

    def check(self) -> None:
        """The counts are right."""
        by_path = sum(len(each) for each in self._by_path.values())
        by_connection = sum(len(each) for each in self._of.values())
        assert by_path == by_connection == self._total, f"{by_path}, {by_connection}, {self._total} watches"
        for connection, mine in self._of.items():
            assert mine, f"connection {connection} has an empty table"
            for (path, token), watch in mine.items():
                assert (watch.connection, watch.path, watch.token) == (connection, path, token), watch
                assert self._by_path[path][connection, token] is watch, f"{watch} is not on its path"

    def _drop(self, watch: Watch) -> None:
        here = self._by_path[watch.path]
        del here[watch.connection, watch.token]
        if not here:
            del self._by_path[watch.path]
        self._total -= 1
