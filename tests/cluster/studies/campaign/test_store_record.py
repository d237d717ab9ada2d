"""XenStore's history judged: plain requests, transactions, lost servers; and violations planted in it."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XsType
from actors.kernel.threads import Future
from cluster.studies.campaign.history import History
from cluster.studies.campaign.store_record import StoreRecord


class Store:
    """A store whose answers are what the test says."""

    def __init__(self) -> None:
        self.record = StoreRecord(History(), "host0", lambda: 0)
        self.record.store_started()

    def ask(self, kind: XsType, payload: bytes, domain: int = 0, tx: int = 0) -> Future[bytes]:
        answer: Future[bytes] = Future()
        self.record.client(f"host0/dom{domain}")(kind, tx, payload, answer)
        return answer

    def write(self, path: str, value: str, tx: int = 0) -> None:
        self.ask(XsType.WRITE, f"{path}\0{value}".encode(), tx=tx).set(b"OK\0")

    def read(self, path: str, value: str | None, tx: int = 0, domain: int = 0) -> None:
        answer = self.ask(XsType.READ, f"{path}\0".encode(), tx=tx, domain=domain)
        if value is None:
            answer.fail(XenError(Errno.ENOENT, path))
        else:
            answer.set(value.encode())

    def remove(self, path: str) -> None:
        self.ask(XsType.RM, f"{path}\0".encode()).set(b"OK\0")

    def start(self, tx: int) -> None:
        self.ask(XsType.TRANSACTION_START, b"\0").set(b"%d\0" % tx)

    def commit(self, tx: int) -> Future[bytes]:
        return self.ask(XsType.TRANSACTION_END, b"T\0", tx=tx)

    def judge(self) -> tuple[list[str], list[str]]:
        return self.record.violations()


@pytest.fixture
def store() -> Store:
    return Store()


def test_reads_that_give_the_last_write_are_in_order(store: Store) -> None:
    store.read("/a", None)
    store.write("/a/b", "1")
    store.read("/a", "")
    store.read("/a/b", "1")
    store.remove("/a")
    store.read("/a/b", None)

    assert store.judge() == ([], [])


@pytest.mark.parametrize("value", ["1", None, "3"])
def test_a_read_of_anything_but_the_last_write_is_found(store: Store, value: str | None) -> None:
    store.write("/a", "1")
    store.write("/a", "2")
    store.read("/a", value)

    wrong, _ = store.judge()
    assert len(wrong) == 1
    assert wrong[0].startswith("host0 store 1 /a: ")


def test_a_relative_path_is_the_domains_own(store: Store) -> None:
    store.write("/local/domain/3/state", "4")
    store.read("state", "4", domain=3)
    assert store.judge() == ([], [])

    store.read("state", "5", domain=3)
    assert store.judge()[0]


def test_a_transaction_happens_at_its_end_and_as_a_whole(store: Store) -> None:
    store.start(7)
    store.write("/a", "1", tx=7)
    store.write("/b", "1", tx=7)
    store.read("/a", None)
    store.commit(7).set(b"OK\0")
    store.read("/a", "1")
    store.read("/b", "1")
    assert store.judge() == ([], [])

    store.read("/b", None)
    assert store.judge()[0]


def test_a_transaction_that_is_refused_does_nothing(store: Store) -> None:
    store.start(7)
    store.write("/a", "1", tx=7)
    store.commit(7).fail(XenError(Errno.EAGAIN, ""))
    store.read("/a", None)
    assert store.judge() == ([], [])

    store.read("/a", "1")
    assert store.judge()[0]


def test_a_transaction_reads_what_it_wrote_itself(store: Store) -> None:
    store.start(7)
    store.write("/a", "1", tx=7)
    store.read("/a", "1", tx=7)
    store.commit(7).set(b"OK\0")

    assert store.judge() == ([], [])


def test_what_was_under_way_when_the_store_died_may_be_done_in_both_lives(store: Store) -> None:
    pending = store.ask(XsType.WRITE, b"/a\x001")
    store.read("/a", "1")
    store.record.store_started()
    store.read("/a", None)
    pending.set(b"OK\0")
    store.read("/a", "1")

    assert store.judge() == ([], [])


def test_a_new_store_is_empty(store: Store) -> None:
    store.write("/a", "1")
    store.record.store_started()
    store.read("/a", "1")

    (wrong,), _ = store.judge()
    assert wrong.startswith("host0 store 2 /a: ")


def test_the_nodes_of_a_domain_may_go_with_it(store: Store) -> None:
    store.write("/local/domain/3/data", "x")
    store.read("data", "x", domain=3)
    store.read("/local/domain/3/data", None)

    assert store.judge() == ([], [])


def test_a_domain_that_was_destroyed_before_it_ran_has_left_nothing(store: Store) -> None:
    store.write("/local/domain/3/state", "1")
    store.read("/local/domain/3/state", None)
    store.record.store_started()
    store.read("state", None, domain=3)

    assert store.judge() == ([], [])
