"""An archive for the simulated driver: it outlives the machines, as a file does the processes.

Source: the contract of `archive.Archive`.
"""

from typing import TypeVar

from actors.xenstore.archive import Batch, Records, RingRecord
from actors.xenstore.permissions import Permissions

K = TypeVar("K")
V = TypeVar("V")


class MemoryArchive:
    """An archive in tables."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[bytes, Permissions, int]] = {}
        self._watches: dict[tuple[int, str, bytes], tuple[int, int | None]] = {}
        self._domains: dict[int, int] = {}
        self._settings: dict[str, int] = {}
        self._rings: dict[int, RingRecord] = {}

    def load(self) -> Records:
        """Everything that was committed."""
        return Records(
            nodes=[(path, *row) for path, row in self._nodes.items()],
            watches=[(*key, *row) for key, row in self._watches.items()],
            domains=dict(self._domains),
            settings=dict(self._settings),
            rings=dict(self._rings),
        )

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch."""
        for path in batch.dropped:
            self._nodes.pop(path, None)
        for path, node in batch.nodes.items():
            self._nodes[path] = node.value, node.permissions, node.generation
        for key, watch in batch.watches.items():
            self._watches.pop(key, None)
            if watch is not None:
                self._watches[key] = watch.shown_from, watch.depth
        _update(self._domains, batch.domains)
        _update(self._settings, batch.settings)
        _update(self._rings, batch.rings)

    def close(self) -> None:
        """Nothing is held."""


def _update(table: dict[K, V], changes: dict[K, V | None]) -> None:
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
