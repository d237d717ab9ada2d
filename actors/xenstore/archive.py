"""What outlives a daemon, and how it is handed over: in one batch for each turn, whole or not at all.

Rules: nothing is acknowledged before the batch that holds it is committed. An archive keeps rows and
understands none of them. Watches are kept for rings only: a tool's connection ends with the daemon.
Source: docs/designs/xenstore-migration.md (which records a daemon hands over).
"""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from actors.xenstore.permissions import Permissions
from actors.xenstore.tree import Node
from actors.xenstore.watches import Watch

K = TypeVar("K")

WatchRow = tuple[int, str, bytes, int, int | None]
"""(domain, path, token, shown from, depth)."""


@dataclass(slots=True)
class Records:
    """Everything that an archive has: nodes parents first, watches, introduced domains with their ports."""

    nodes: list[tuple[str, bytes, Permissions]] = field(default_factory=list)
    watches: list[WatchRow] = field(default_factory=list)
    domains: dict[int, int] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """What one turn has changed. Drops come before puts; None is what is not there any more."""

    dropped: dict[str, None] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    watches: dict[tuple[int, str, bytes], Watch | None] = field(default_factory=dict)
    domains: dict[int, int | None] = field(default_factory=dict)
    settings: dict[str, int | None] = field(default_factory=dict)


class Archive(Protocol):
    """Where a store is kept while no daemon runs."""

    def load(self) -> Records:
        """Everything that was committed; no nodes at all if nothing ever was."""
        ...

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch: when this returns, no death of the process can lose it."""
        ...


class Journal:
    """Collects what changes, until it is committed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._batch = Batch()
        self._dirty = False
        self.commits = 0

    def put(self, path: str, node: Node) -> None:
        """A node was made, or has changed."""
        self._batch.nodes[path] = node
        self._dirty = True

    def drop(self, path: str) -> None:
        """A node is gone."""
        self._batch.nodes.pop(path, None)
        self._batch.dropped[path] = None
        self._dirty = True

    def watch(self, domid: int, watch: Watch) -> None:
        """A domain has set a watch."""
        self._batch.watches[domid, watch.path, watch.token] = watch
        self._dirty = True

    def unwatch(self, domid: int, path: str, token: bytes) -> None:
        """A domain has taken a watch back."""
        self._batch.watches[domid, path, token] = None
        self._dirty = True

    def domain(self, domid: int, port: int | None) -> None:
        """A domain was introduced with a port, or is not any more."""
        self._batch.domains[domid] = port
        self._dirty = True

    def setting(self, name: str, value: int | None) -> None:
        """Something was set by name, or is not set any more."""
        self._batch.settings[name] = value
        self._dirty = True

    def commit(self) -> None:
        """Have everything so far kept; nothing if there is nothing."""
        if self._dirty:
            batch, self._batch, self._dirty = self._batch, Batch(), False
            self._archive.commit(batch)
            self.commits += 1


class MemoryArchive:
    """An archive for the simulated driver: it outlives the machines, as a file does the processes."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[bytes, Permissions]] = {}
        self._watches: dict[tuple[int, str, bytes], tuple[int, int | None]] = {}
        self._domains: dict[int, int] = {}
        self._settings: dict[str, int] = {}

    def load(self) -> Records:
        """Everything that was committed."""
        return Records(
            nodes=[(path, *row) for path, row in self._nodes.items()],
            watches=[(*key, *row) for key, row in self._watches.items()],
            domains=dict(self._domains),
            settings=dict(self._settings),
        )

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch."""
        for path in batch.dropped:
            self._nodes.pop(path, None)
        for path, node in batch.nodes.items():
            self._nodes[path] = node.value, node.permissions
        for key, watch in batch.watches.items():
            self._watches.pop(key, None)
            if watch is not None:
                self._watches[key] = watch.shown_from, watch.depth
        _update(self._domains, batch.domains)
        _update(self._settings, batch.settings)


def _update(table: dict[K, int], changes: dict[K, int | None]) -> None:
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
