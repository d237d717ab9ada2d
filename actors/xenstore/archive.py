"""What outlives a daemon, and how it is handed over: in one batch for each turn, whole or not at all.

Rules: nothing is acknowledged before the batch that holds it is committed; a batch that could not be
committed is kept until it can. An archive keeps rows and understands none of them. Watches and rings are
kept for domains only: a tool's connection ends with the daemon.
Source: docs/designs/xenstore-migration.md (which records a daemon hands over).
"""

from dataclasses import dataclass, field
from typing import Protocol

from actors.xenstore.permissions import Permissions
from actors.xenstore.tree import Node
from actors.xenstore.watches import Watch

WatchRow = tuple[int, str, bytes, int, int | None]
"""(domain, path, token, shown from, depth)."""


class ArchiveError(Exception):
    """An archive cannot keep or read something: nothing of the batch is kept. The text says why."""


@dataclass(frozen=True, slots=True)
class RingRecord:
    """A ring as it is to be when the answers to what was kept have left: where the next daemon goes on.

    `position`: how far requests were taken, `partial`: the start of one that came in part; `output`: the
    bytes to be written into the responses from index `response` on; `incarnation`: of the page then.
    """

    incarnation: int
    position: int
    partial: bytes
    response: int
    output: bytes


@dataclass(slots=True)
class Records:
    """Everything that an archive has: nodes with their generations, watches, domains with their ports."""

    nodes: list[tuple[str, bytes, Permissions, int]] = field(default_factory=list)
    watches: list[WatchRow] = field(default_factory=list)
    domains: dict[int, int] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    rings: dict[int, RingRecord] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """What one turn has changed. Drops come before puts; None is what is not there any more."""

    dropped: dict[str, None] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    watches: dict[tuple[int, str, bytes], Watch | None] = field(default_factory=dict)
    domains: dict[int, int | None] = field(default_factory=dict)
    settings: dict[str, int | None] = field(default_factory=dict)
    rings: dict[int, RingRecord | None] = field(default_factory=dict)


class Archive(Protocol):
    """Where a store is kept while no daemon runs."""

    def load(self) -> Records:
        """Everything that was committed; no nodes at all if nothing ever was. ArchiveError."""
        ...

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch: when this returns, no death of the process can lose it. ArchiveError."""
        ...

    def close(self) -> None:
        """Hold it no longer; what it has stays."""
        ...


class UnreadableArchive:
    """An archive that could not even be opened, for the reason `why`."""

    def __init__(self, why: str) -> None:
        self._why = why

    def load(self) -> Records:
        """ArchiveError."""
        raise ArchiveError(self._why)

    def commit(self, batch: Batch) -> None:  # noqa: ARG002 (the archive's contract)
        """ArchiveError."""
        raise ArchiveError(self._why)

    def close(self) -> None:
        """Nothing is held."""


class UncommittedChanges:
    """Collects what changes, until it is committed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._batch = Batch()
        self._dirty = False

    @property
    def is_dirty(self) -> bool:
        """Whether something waits to be committed."""
        return self._dirty

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
        self._batch.rings[domid] = None
        self._dirty = True

    def setting(self, name: str, value: int | None) -> None:
        """Something was set by name, or is not set any more."""
        self._batch.settings[name] = value
        self._dirty = True

    def ring(self, domid: int, record: RingRecord) -> None:
        """How a ring is to be left behind this batch."""
        self._batch.rings[domid] = record
        self._dirty = True

    def commit(self) -> None:
        """Have everything so far kept; nothing if there is nothing. ArchiveError: then it is still to be."""
        if self._dirty:
            self._archive.commit(self._batch)
            self._batch, self._dirty = Batch(), False
