"""An archive in an SQLite database.

Rules: a batch is one transaction, and one that fails is rolled back. Write-ahead log with
`synchronous=NORMAL`: a commit is a write into the page cache and no fsync, so it survives every death of
the process, but not the loss of the machine that all of this runs on, which ends the experiment anyway.
Rows of nodes are numbered as they are made: children come back in the order of their making.
Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous.
"""

import contextlib
import sqlite3
from dataclasses import astuple
from pathlib import Path
from typing import Final

from actors.abi.errno import XenError
from actors.xenstore.archive import ArchiveError, Batch, Records, RingRecord
from actors.xenstore.permissions import Permission, Permissions
from actors.xenstore.tree import parent_of

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS nodes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT UNIQUE, value BLOB, permissions TEXT,
    generation INT);
CREATE TABLE IF NOT EXISTS watches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, domid INT, path TEXT, token BLOB, shown_from INT, depth INT,
    UNIQUE (domid, path, token));
CREATE TABLE IF NOT EXISTS domains (domid INT PRIMARY KEY, port INT);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INT);
CREATE TABLE IF NOT EXISTS rings (
    domid INT PRIMARY KEY, incarnation INT, position INT, partial BLOB, response INT, output BLOB);
"""
_PUT: Final = (
    "INSERT INTO nodes (path, value, permissions, generation) VALUES (?, ?, ?, ?) ON CONFLICT (path) DO "
    "UPDATE SET value = excluded.value, permissions = excluded.permissions, generation = excluded.generation"
)
_WATCH: Final = "INSERT INTO watches (domid, path, token, shown_from, depth) VALUES (?, ?, ?, ?, ?)"
_UNWATCH: Final = "DELETE FROM watches WHERE domid = ? AND path = ? AND token = ?"


class SqliteArchive:
    """An archive in a file; made if it is not there."""

    def __init__(self, path: Path) -> None:
        """ArchiveError if the file cannot be opened, or is no database."""
        self._path = path
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ArchiveError(f"{path}: {error}") from error

    def load(self) -> Records:
        """Everything that was committed."""
        execute = self._database.execute
        try:
            records = Records(
                nodes=[
                    (path, value, _parse(text), generation)
                    for path, value, text, generation in execute(
                        "SELECT path, value, permissions, generation FROM nodes ORDER BY number"
                    )
                ],
                watches=list(
                    execute("SELECT domid, path, token, shown_from, depth FROM watches ORDER BY number")
                ),
                domains=dict(execute("SELECT domid, port FROM domains ORDER BY domid")),
                settings=dict(execute("SELECT name, value FROM settings ORDER BY name")),
                rings={row[0]: RingRecord(*row[1:]) for row in execute("SELECT * FROM rings ORDER BY domid")},
            )
        except (sqlite3.Error, XenError) as error:
            raise ArchiveError(f"{self._path}: {error}") from error
        self._check(records)
        return records

    def commit(self, batch: Batch) -> None:
        """Keep the whole batch, in one transaction."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._write(batch)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):  # where the error has done it already
                self._database.execute("ROLLBACK")
            raise ArchiveError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _check(self, records: Records) -> None:
        paths = {path for path, *_ in records.nodes}
        orphan = next((each for each in sorted(paths) if (parent_of(each) or "/") not in paths), None)
        if orphan is not None:
            raise ArchiveError(f"{self._path}: node {orphan} has no parent")

    def _write(self, batch: Batch) -> None:
        execute = self._database.execute
        for path in batch.dropped:
            execute("DELETE FROM nodes WHERE path = ?", (path,))
        for path, node in batch.nodes.items():
            execute(_PUT, (path, node.value, _text(node.permissions), node.generation))
        for key, watch in batch.watches.items():
            execute(_UNWATCH, key)
            if watch is not None:
                execute(_WATCH, (*key, watch.shown_from, watch.depth))
        for domid, port in batch.domains.items():
            self._replace("domains", "domid", domid, None if port is None else (domid, port))
        for name, value in batch.settings.items():
            self._replace("settings", "name", name, None if value is None else (name, value))
        for domid, record in batch.rings.items():
            self._replace("rings", "domid", domid, None if record is None else (domid, *astuple(record)))

    def _replace(self, table: str, key_name: str, key: int | str, row: tuple[object, ...] | None) -> None:
        if row is None:
            self._database.execute(f"DELETE FROM {table} WHERE {key_name} = ?", (key,))  # noqa: S608 (names of ours)
        else:
            marks = ", ".join("?" * len(row))
            self._database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608


def _text(permissions: Permissions) -> str:
    return " ".join([str(each) for each in permissions if not each.void])


def _parse(text: str) -> Permissions:
    return tuple([Permission.parse(each.encode()) for each in text.split(" ")])
