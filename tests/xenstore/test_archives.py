"""Archives: what was committed comes back, whole batches only, whenever the process or the database fails."""

import os
import signal
import sqlite3
from contextlib import closing

import pytest

from actors.xenstore.archive import ArchiveError, Batch, RingRecord, UncommittedChanges, UnreadableArchive
from actors.xenstore.memory_archive import MemoryArchive
from actors.xenstore.permissions import Permission
from actors.xenstore.sqlite_archive import SqliteArchive
from actors.xenstore.tree import Node
from actors.xenstore.watches import Watch

OURS = (Permission.parse(b"n0"), Permission.parse(b"r5"))
RING = RingRecord(1, 4_000_000_000, b"par\0tial", 17, b"\0output")


def node(value: bytes, generation: int = 1) -> Node:
    return Node(value, OURS, {}, generation)


def fill(journal: UncommittedChanges) -> None:
    journal.put("/", node(b""))
    journal.put("/b", node(b"\0\xff", 7))
    journal.put("/a", node(b"x", 8))
    journal.watch(5, Watch(1, "/a", b"to\xffken", 0, None))
    journal.watch(5, Watch(1, "@releaseDomain", b"t", 3, 1))
    journal.domain(5, 3)
    journal.setting("epoch", 1)
    journal.ring(5, RING)


@pytest.fixture(params=["memory", "sqlite"])
def again(request, tmp_path):
    """Opens the same archive once more."""
    if request.param == "memory":
        archive = MemoryArchive()
        return lambda: archive
    return lambda: SqliteArchive(tmp_path / "store.db")


def test_what_was_committed_comes_back(again) -> None:
    journal = UncommittedChanges(again())
    fill(journal)
    journal.commit()

    records = again().load()
    assert records.nodes == [("/", b"", OURS, 1), ("/b", b"\0\xff", OURS, 7), ("/a", b"x", OURS, 8)]
    assert records.watches == [(5, "/a", b"to\xffken", 0, None), (5, "@releaseDomain", b"t", 3, 1)]
    assert records.domains == {5: 3}
    assert records.settings == {"epoch": 1}
    assert records.rings == {5: RING}


def test_what_was_not_committed_does_not(again) -> None:
    fill(UncommittedChanges(again()))

    assert again().load().nodes == []


def test_a_later_batch_changes_and_removes(again) -> None:
    journal = UncommittedChanges(again())
    fill(journal)
    journal.commit()
    journal.put("/b", node(b"new", 9))
    journal.drop("/a")
    journal.unwatch(5, "/a", b"to\xffken")
    journal.setting("epoch", None)
    journal.domain(5, None)
    journal.commit()

    records = again().load()
    assert records.nodes == [("/", b"", OURS, 1), ("/b", b"new", OURS, 9)]
    assert [each[2] for each in records.watches] == [b"t"]
    assert records.settings == records.domains == records.rings == {}


def test_a_node_that_was_removed_and_made_again_is_the_youngest_child(again) -> None:
    journal = UncommittedChanges(again())
    fill(journal)
    journal.drop("/b")
    journal.put("/b", node(b"again", 9))
    journal.commit()
    journal.put("/a", node(b"y", 10))
    journal.commit()

    assert [row[0] for row in again().load().nodes] == ["/", "/a", "/b"]


def test_a_domain_that_is_introduced_again_has_no_ring_record_of_before(again) -> None:
    journal = UncommittedChanges(again())
    fill(journal)
    journal.domain(5, 4)
    journal.commit()

    assert again().load().rings == {}


def test_nothing_is_written_for_nothing() -> None:
    journal = UncommittedChanges(UnreadableArchive("it would say so"))
    journal.commit()

    assert not journal.is_dirty


class Failing:
    """A connection whose n-th statement fails, as on a full disk."""

    def __init__(self, database: sqlite3.Connection, at: int) -> None:
        self._database = database
        self._left = at
        self.finished = False

    def execute(self, statement: str, *arguments: object) -> object:
        self._left -= 1
        if self._left == 0 and statement != "ROLLBACK":
            raise sqlite3.OperationalError("database or disk is full")
        self.finished = self.finished or statement == "COMMIT"
        return self._database.execute(statement, *arguments)


STATEMENTS = 12
"""BEGIN, 3 nodes, 2 watches with their removals, a domain, a setting, a ring, COMMIT."""


@pytest.mark.parametrize("at", range(1, STATEMENTS + 2))
def test_an_error_anywhere_in_a_batch_keeps_nothing_of_it_and_forgets_nothing(tmp_path, at) -> None:
    archive = SqliteArchive(tmp_path / "store.db")
    journal = UncommittedChanges(archive)
    journal.put("/", node(b"before"))
    journal.commit()
    fill(journal)
    sound = archive._database
    archive._database = failing = Failing(sound, at)

    if at <= STATEMENTS:
        with pytest.raises(ArchiveError, match="full"):
            journal.commit()
        assert journal.is_dirty
        with closing(SqliteArchive(tmp_path / "store.db")) as other:
            assert other.load().nodes == [("/", b"before", OURS, 1)]
        archive._database = sound
    journal.commit()

    assert not journal.is_dirty
    assert failing.finished is (at > STATEMENTS)
    with closing(SqliteArchive(tmp_path / "store.db")) as other:
        assert len(other.load().nodes) == 3


@pytest.mark.processes
@pytest.mark.parametrize("at", range(1, STATEMENTS + 2))
def test_a_process_that_is_killed_anywhere_in_a_batch_leaves_it_whole_or_not_at_all(tmp_path, at) -> None:
    path = tmp_path / "store.db"
    with closing(SqliteArchive(path)) as archive:
        journal = UncommittedChanges(archive)
        journal.put("/", node(b"before"))
        journal.commit()
    child = os.fork()
    if child == 0:
        _commit_and_be_killed(path, at)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL

    with closing(SqliteArchive(path)) as archive:
        records = archive.load()
    if at <= STATEMENTS:
        assert records.nodes == [("/", b"before", OURS, 1)]
        assert records.watches == []
        assert records.rings == {}
    else:
        assert len(records.nodes) == 3
        assert records.rings == {5: RING}


class Deadly(Failing):
    """A connection that kills its process before the n-th statement."""

    def execute(self, statement: str, *arguments: object) -> object:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._database.execute(statement, *arguments)


def _commit_and_be_killed(path, at: int) -> None:
    try:
        archive = SqliteArchive(path)
        archive._database = Deadly(archive._database, at)
        journal = UncommittedChanges(archive)
        fill(journal)
        journal.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(1)


def test_a_log_that_was_torn_in_its_last_batch_gives_what_was_before_it(tmp_path) -> None:
    path = tmp_path / "store.db"
    archive = SqliteArchive(path)
    journal = UncommittedChanges(archive)
    fill(journal)
    journal.commit()
    whole = path.with_name("store.db-wal").stat().st_size
    journal.put("/c", node(b"torn", 11))
    journal.commit()
    for name in ("store.db", "store.db-wal"):
        (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    log = tmp_path / "copy-store.db-wal"
    with log.open("r+b") as file:
        file.truncate(whole + (log.stat().st_size - whole) // 2)

    with closing(SqliteArchive(tmp_path / "copy-store.db")) as copy:
        assert [row[0] for row in copy.load().nodes] == ["/", "/b", "/a"]
    archive.close()


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 100)

    with pytest.raises(ArchiveError, match=r"store\.db"):
        SqliteArchive(path)


def test_rows_that_make_no_sense_are_refused(tmp_path) -> None:
    archive = SqliteArchive(tmp_path / "store.db")
    journal = UncommittedChanges(archive)
    fill(journal)
    journal.commit()
    archive._database.execute("UPDATE nodes SET permissions = 'nobody' WHERE path = '/a'")
    with pytest.raises(ArchiveError, match=r"store\.db: .*nobody"):
        archive.load()
    archive._database.execute("DELETE FROM nodes WHERE path IN ('/', '/a')")
    with pytest.raises(ArchiveError, match="node /b has no parent"):
        archive.load()
    archive.close()


def test_a_batch_is_empty_when_it_is_made() -> None:
    archive = MemoryArchive()
    archive.commit(Batch())

    assert archive.load().nodes == []
