"""An archive in an SQLite database.

Rules: a batch is one transaction. Write-ahead log with `synchronous=NORMAL`: a commit is a write into the
page cache and no fsync, so it survives every death of the process, but not the loss of the machine that
all of this runs on, which ends the experiment anyway. Rows of nodes are numbered as they are made:
children come back in the order of their making.
Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
"""

import sqlite3
from pathlib import Path
from typing import Final

from actors.xenstore.archive import Batch, Records
from actors.xenstore.permissions import Permission, Permissions

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS nodes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE, value BLOB, permissions TEXT);
CREATE TABLE IF NOT EXISTS watches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, domid INT, path TEXT, token BLOB, shown_from INT, depth INT,
    UNIQUE (domid, path, token));
CREATE TABLE IF NOT EXISTS domains (domid INT PRIMARY KEY, port INT);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INT);
"""
_PUT: Final = (
    "INSERT INTO nodes (path, value, permissions) VALUES (?, ?, ?) "
    "ON CONFLICT (path) DO UPDATE SET value = excluded.value, permissions = excluded.permissions"
)
_WATCH: Final = "INSERT INTO watches (domid, path, token, shown_from, depth) VALUES (?, ?, ?, ?, ?)"
_UNWATCH: Final = "DELETE FROM watches WHERE domid = ? AND path = ? AND token = ?"
_TABLES: Final = {"domains": "domid", "settings": "name"}


class SqliteArchive:
    """An archive in a file; made if it is not there."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def load(self) -> Records:
        """Everything that was committed."""
        execute = self._database.execute
        return Records(
            nodes=[
                (path, value, _parse(text))
                for path, value, text in execute("SELECT path, value, permissions FROM nodes ORDER BY number")
            ],
            watches=list(
                execute("SELECT domid, path, token, shown_from, depth FROM watches ORDER BY number")
            ),
            domains=dict(execute("SELECT domid, port FROM domains ORDER BY domid")),
            settings=dict(execute("SELECT name, value FROM settings ORDER BY name")),
        )

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch, in one transaction."""
        execute = self._database.execute
        execute("BEGIN IMMEDIATE")
        for path in batch.dropped:
            execute("DELETE FROM nodes WHERE path = ?", (path,))
        for path, node in batch.nodes.items():
            execute(_PUT, (path, node.value, _text(node.permissions)))
        for key, watch in batch.watches.items():
            execute(_UNWATCH, key)
            if watch is not None:
                execute(_WATCH, (*key, watch.shown_from, watch.depth))
        if batch.domains or batch.settings:
            self._update("domains", batch.domains)
            self._update("settings", batch.settings)
        execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _update(self, table: str, changes: dict[int, int | None] | dict[str, int | None]) -> None:
        key_name = _TABLES[table]
        for key, value in changes.items():
            if value is None:
                self._database.execute(f"DELETE FROM {table} WHERE {key_name} = ?", (key,))  # noqa: S608 (names of ours)
            else:
                self._database.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))  # noqa: S608


def _text(permissions: Permissions) -> str:
    return " ".join([str(each) for each in permissions])


def _parse(text: str) -> Permissions:
    return tuple([Permission.parse(each) for each in text.split(" ")])
