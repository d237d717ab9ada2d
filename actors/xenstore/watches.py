"""Who wants to hear of which change.

Rules: a watch hears of its own node and of all below, once at once when it is set, and if an ancestor
of its node is removed (then with its own path). An event goes only to who may read the node. A special
path (`@releaseDomain`) has no below.
Source: tools/xenstored/watch.c. Left out: watches with a depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.abi.errno import Errno, XenError
from actors.xenstore.tree import parent_of


@dataclass(slots=True)
class Watch:
    """A watch of a connection; `shown_from` is how many characters of a path its events leave out."""

    connection: int
    path: str
    token: bytes
    shown_from: int = 0

    def event_path(self, path: str) -> str:
        """A path as the watch's owner wants to see it."""
        return path[self.shown_from :]


class Watches:
    """All watches, by path, in the order in which they were set."""

    def __init__(self) -> None:
        self._by_path: dict[str, list[Watch]] = {}
        self._counts: dict[int, int] = {}
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def count(self, connection: int) -> int:
        """How many watches a connection has."""
        return self._counts.get(connection, 0)

    def add(self, watch: Watch) -> None:
        """Set a watch. EEXIST if the connection has one with this path and token."""
        if self._find(watch.connection, watch.path, watch.token) is not None:
            raise XenError(Errno.EEXIST, f"{watch.path} {watch.token!r}")
        self._by_path.setdefault(watch.path, []).append(watch)
        self._counts[watch.connection] = self.count(watch.connection) + 1
        self._total += 1

    def remove(self, connection: int, path: str, token: bytes) -> None:
        """Take a watch back. ENOENT."""
        watch = self._find(connection, path, token)
        if watch is None:
            raise XenError(Errno.ENOENT, f"{path} {token!r}")
        here = self._by_path[path]
        here.remove(watch)
        if not here:
            del self._by_path[path]
        self._total -= 1
        self._counts[connection] -= 1
        if not self._counts[connection]:
            del self._counts[connection]

    def remove_all(self, connection: int) -> None:
        """Take all watches of a connection back."""
        count = self._counts.pop(connection, 0)
        if not count:
            return
        self._total -= count
        for path in list(self._by_path):
            left = [each for each in self._by_path[path] if each.connection != connection]
            if left:
                self._by_path[path] = left
            else:
                del self._by_path[path]

    def matching(self, path: str, *, exact: bool) -> Iterator[Watch]:
        """The watches that a change of `path` concerns: those on it and, unless `exact`, above it."""
        current: str | None = path
        while current is not None:
            yield from self._by_path.get(current, ())
            current = None if exact else parent_of(current)

    def check(self) -> None:
        """The counts are right."""
        counts: dict[int, int] = {}
        for watches in self._by_path.values():
            for each in watches:
                counts[each.connection] = counts.get(each.connection, 0) + 1
        assert sum(counts.values()) == self._total, f"{self._total} watches should be {counts}"
        assert counts == self._counts, f"watch counts {self._counts} should be {counts}"

    def _find(self, connection: int, path: str, token: bytes) -> Watch | None:
        for each in self._by_path.get(path, ()):
            if each.connection == connection and each.token == token:
                return each
        return None
