"""What was asked of one host's XenStore, as operations on its nodes: is there an order for them?

Each path is a register. A WRITE sets it, an RM takes it and all below away, and whatever makes a node makes
its parents if they are not there. A transaction happens at its end. A node of a domain may go with it.
Rules: every life of the store begins empty. What was under way when one life ended may have been done in
it, or not, and again in the next, where the client has sent it again. Each register is judged by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XsType
from actors.kernel.threads import Future
from cluster.campaign.history import History, Operation
from cluster.campaign.linearizer import IMPOSSIBLE, State, Step, is_linearizable

NAMES: Final = {XsType.READ: "read", XsType.WRITE: "write", XsType.RM: "rm", XsType.MKDIR: "mkdir"}
ABSENT: Final = None
MAY_HAVE_BEEN_DONE: Final = {Errno.EAGAIN, Errno.EIO}
DOMAINS: Final = "/local/domain/"


@dataclass(slots=True)
class _Request:
    operation: Operation
    path: str
    value: str
    life: int
    answered_life: int = 0


@dataclass(slots=True)
class _Transaction:
    began: int
    requests: list[_Request] = field(default_factory=list)


class StoreRecord:
    """Records one host's store. `life` counts its starts."""

    def __init__(self, history: History, host: str) -> None:
        self._history = history
        self._host = host
        self._requests: list[_Request] = []
        self._transactions: dict[tuple[str, int], _Transaction] = {}
        self._committed: list[tuple[_Transaction, _Request]] = []
        self._lives: list[int] = []
        self._seen: dict[str, int] = {}

    def store_started(self) -> None:
        """A new store, with nothing in it."""
        self._lives.append(self._history.index)

    def client(
        self, address: str, now_ns: Callable[[], int]
    ) -> Callable[[XsType, int, bytes, Future[bytes]], None]:
        """Who is to be told of what the kernel at an address asks."""
        domain = address.rpartition("/dom")[2]

        def asked(kind: XsType, tx_id: int, payload: bytes, answer: Future[bytes]) -> None:
            self._asked(domain, address, kind, tx_id, payload, answer, now_ns)

        return asked

    def _asked(  # noqa: PLR0917
        self,
        domain: str,
        address: str,
        kind: XsType,
        tx_id: int,
        payload: bytes,
        answer: Future[bytes],
        now_ns: Callable[[], int],
    ) -> None:
        if kind is XsType.TRANSACTION_START:
            began = self._history.index
            answer.when_done(lambda: self._open(address, began, answer))
            return
        name = "commit" if kind is XsType.TRANSACTION_END else NAMES.get(kind, "")
        if not name or (name == "commit" and payload != b"T\0"):
            return
        head, _, rest = payload.partition(b"\0")
        path = _absolute(head.decode("utf-8", "replace"), domain) if name != "commit" else f"transaction {tx_id}"
        value = rest.decode("utf-8", "replace") if kind is XsType.WRITE else ""
        key = f"{self._host}{path}" if path.startswith("/") else f"{self._host} {path}"
        operation = self._history.invoke(address, name, key, value or None, now_ns())
        request = _Request(operation, path, value, len(self._lives))
        self._seen[domain] = operation.began
        answer.when_done(lambda: self._answered(request, answer, now_ns()))
        if name == "commit":
            transaction = self._transactions.pop((address, tx_id), None)
            if transaction is not None:
                self._committed.append((transaction, request))
        elif tx_id:
            self._transactions.setdefault((address, tx_id), _Transaction(operation.began)).requests.append(request)
        else:
            self._requests.append(request)

    def _open(self, address: str, began: int, answer: Future[bytes]) -> None:
        try:
            tx_id = int(answer.result().rstrip(b"\0"))
        except XenError:
            return
        self._transactions[address, tx_id] = _Transaction(began)

    def _answered(self, request: _Request, answer: Future[bytes], now_ns: int) -> None:
        request.answered_life = len(self._lives)
        try:
            result = answer.result()
        except XenError as error:
            if request.operation.f == "read" and error.errno is Errno.ENOENT:
                self._history.ok(request.operation, None, now_ns)
            elif error.errno in MAY_HAVE_BEEN_DONE and request.operation.f != "commit":
                self._history.info(request.operation, error.errno.name, now_ns)
            elif error.errno is Errno.EIO or "lost" in str(error):
                self._history.info(request.operation, error.errno.name, now_ns)
            else:
                self._history.fail(request.operation, error.errno.name, now_ns)
            return
        read = request.operation.f == "read"
        self._history.ok(request.operation, result.decode("utf-8", "replace") if read else None, now_ns)

    def violations(self) -> tuple[list[str], list[str]]:
        """What cannot be, and what could not be found out; both as texts."""
        wrong, unknown = [], []
        for life, began in enumerate(self._lives, 1):
            for path, steps in self._registers(life, began).items():
                found = is_linearizable(steps, ABSENT)
                where = f"{self._host} store {life} {path}"
                if found is False:
                    wrong.append(f"{where}: {len(steps)} operations have no order")
                elif found is None:
                    unknown.append(where)
        return wrong, unknown

    def _registers(self, life: int, began: int) -> dict[str, list[Step]]:
        """The steps of every path that was read in a life of the store."""
        changes: list[tuple[str, str, str, int, int | None]] = []
        reads: dict[str, list[Step]] = {}
        for request in self._requests:
            self._plain(request, life, began, changes, reads)
        for transaction, commit in self._committed:
            _transaction(transaction, commit, life, changes, reads)
        for path in reads:
            reads[path].extend(step for change in changes if (step := _step_on(path, *change)) is not None)
            owner = path.removeprefix(DOMAINS).split("/", 1)[0] if path.startswith(DOMAINS) else ""
            if owner in self._seen and owner != "0":
                reads[path].append(Step(_remove, self._seen[owner], None))
        return reads

    def _plain(
        self,
        request: _Request,
        life: int,
        life_began: int,
        changes: list[tuple[str, str, str, int, int | None]],
        reads: dict[str, list[Step]],
    ) -> None:
        operation = request.operation
        here = operation.outcome == "ok" and request.answered_life == life
        maybe = request.life <= life and not here and (request.answered_life or life) >= life
        began = max(operation.began, life_began)
        if operation.f == "read":
            if here:
                reads.setdefault(request.path, []).append(Step(_reader(operation.result), began, operation.ended))
        elif here:
            changes.append((operation.f, request.path, request.value, began, operation.ended))
        elif maybe and operation.outcome != "fail":
            changes.append((operation.f, request.path, request.value, began, None))


def _transaction(
    transaction: _Transaction,
    commit: _Request,
    life: int,
    changes: list[tuple[str, str, str, int, int | None]],
    reads: dict[str, list[Step]],
) -> None:
    if commit.life != life or commit.operation.outcome == "fail":
        return
    done = commit.operation.outcome == "ok"
    ended = commit.operation.ended if done else None
    touched: list[str] = []
    for request in transaction.requests:
        operation = request.operation
        if operation.outcome != "ok":
            continue
        if operation.f == "read":
            own = any(request.path == each or request.path.startswith(f"{each}/") for each in touched)
            if done and not own:
                step = Step(_reader(operation.result), transaction.began, ended)
                reads.setdefault(request.path, []).append(step)
        else:
            touched.append(request.path)
            changes.append((operation.f, request.path, request.value, commit.operation.began, ended))


def _step_on(path: str, f: str, changed: str, value: str, began: int, ended: int | None) -> Step | None:
    """What a change of one path does to another, if anything."""
    if changed == path:
        apply = {"write": _writer(value), "mkdir": _make, "rm": _remove}[f]
    elif f == "rm":
        if not path.startswith(f"{changed}/"):
            return None
        apply = _remove
    elif changed.startswith(f"{path}/"):
        apply = _make
    else:
        return None
    return Step(apply, began, ended)


def _absolute(path: str, domain: str) -> str:
    return path if path[:1] in {"/", "@"} else f"{DOMAINS}{domain}/{path}"


def _writer(value: str) -> Callable[[State], State]:
    return lambda _state: value


def _reader(value: object) -> Callable[[State], State]:
    return lambda state: state if state == value else IMPOSSIBLE


def _make(state: State) -> State:
    return "" if state is ABSENT else state


def _remove(_state: State) -> State:
    return ABSENT
