"""What was asked of one host's XenStore, as operations on its nodes, and whether they have an order.

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
from actors.kernel.xs_nodes import decode
from cluster.studies.campaign.history import History, Operation
from cluster.studies.campaign.linearizer import IMPOSSIBLE, Apply, State, TimedStep, is_linearizable

NAMES: Final = {XsType.READ: "read", XsType.WRITE: "write", XsType.RM: "rm", XsType.MKDIR: "mkdir"}
ABSENT: Final = None
DOMAINS: Final = "/local/domain/"
CONTROL_DOMAIN: Final = "0"


@dataclass(slots=True)
class _Request:
    """A request, and the life of the store in which it was sent and in which it was answered."""

    operation: Operation
    path: str
    value: str
    life: int
    answered_life: int = 0


@dataclass(slots=True)
class _Transaction:
    began: int
    requests: list[_Request] = field(default_factory=list)
    commit: _Request | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """What a request does to the store; `ended` None: perhaps it never does."""

    f: str
    path: str
    value: str
    began: int
    ended: int | None

    def step_on(self, path: str) -> TimedStep | None:
        """What it does to one node, if anything."""
        if self.path == path:
            apply = _make if self.f == "mkdir" else _remove if self.f == "rm" else _writer(self.value)
        elif self.f == "rm" and path.startswith(f"{self.path}/"):
            apply = _remove
        elif self.f != "rm" and self.path.startswith(f"{path}/"):
            apply = _make
        else:
            return None
        return TimedStep(apply, self.began, self.ended)


class _Life:
    """The operations of one life of the store."""

    def __init__(self, number: int, began: int) -> None:
        self.number = number
        self.began = began
        self.changes: list[_Change] = []
        self.reads: dict[str, list[TimedStep]] = {}

    def take(self, request: _Request) -> None:
        """A request outside of a transaction."""
        operation = request.operation
        here = operation.outcome == "ok" and request.answered_life == self.number
        began = max(operation.began, self.began)
        if operation.f == "read":
            if here:
                self._read(request, began, operation.ended)
        elif here:
            self._change(request, began, operation.ended)
        elif self._may_have_been_done(request):
            self._change(request, began, None)

    def take_transaction(self, transaction: _Transaction) -> None:
        """A transaction that somebody has tried to commit in this life."""
        commit = transaction.commit
        if commit is None or commit.life != self.number or commit.operation.outcome == "fail":
            return
        done = commit.operation.outcome == "ok"
        ended = commit.operation.ended if done else None
        touched: list[str] = []
        for request in transaction.requests:
            if request.operation.outcome != "ok":
                continue
            if request.operation.f != "read":
                touched.append(request.path)
                self._change(request, commit.operation.began, ended)
            elif done and not any(f"{request.path}/".startswith(f"{each}/") for each in touched):
                self._read(request, transaction.began, ended)

    def registers(self, seen: dict[tuple[int, str], int]) -> dict[str, list[TimedStep]]:
        """The steps of every node that was read; `seen`: when a domain last did something in a life."""
        for path, steps in self.reads.items():
            steps.extend(step for change in self.changes if (step := change.step_on(path)) is not None)
            owner = path.removeprefix(DOMAINS).split("/", 1)[0] if path.startswith(DOMAINS) else ""
            if owner not in {"", CONTROL_DOMAIN}:  # one that was destroyed before it ran has done nothing
                steps.append(TimedStep(_remove, seen.get((self.number, owner), self.began), None))
        return self.reads

    def _may_have_been_done(self, request: _Request) -> bool:
        if request.operation.outcome == "fail":
            return False
        return request.life <= self.number <= (request.answered_life or self.number)

    def _read(self, request: _Request, began: int, ended: int | None) -> None:
        step = TimedStep(_reader(request.operation.result), began, ended)
        self.reads.setdefault(request.path, []).append(step)

    def _change(self, request: _Request, began: int, ended: int | None) -> None:
        change = _Change(request.operation.f, request.path, request.value, began, ended)
        self.changes.append(change)


class StoreRecord:
    """Records one host's store."""

    def __init__(self, history: History, host: str, now_ns: Callable[[], int]) -> None:
        self._history = history
        self._host = host
        self._now_ns = now_ns
        self._requests: list[_Request] = []
        self._open: dict[tuple[str, int], _Transaction] = {}
        self._committed: list[_Transaction] = []
        self._lives: list[int] = []
        self._seen: dict[tuple[int, str], int] = {}

    def store_started(self) -> None:
        """A new store, with nothing in it."""
        self._lives.append(self._history.index)

    def client(self, address: str) -> Callable[[XsType, int, bytes, Future[bytes]], None]:
        """Who is to be told of what the kernel at an address asks."""

        def asked(kind: XsType, tx_id: int, payload: bytes, answer: Future[bytes]) -> None:
            if kind is XsType.TRANSACTION_START:
                began = self._history.index
                answer.when_done(lambda: self._begin(address, began, answer))
            elif kind in NAMES:
                self._ask(address, kind, tx_id, payload, answer)
            elif kind is XsType.TRANSACTION_END and payload == b"T\0":
                self._commit(address, tx_id, answer)

        return asked

    def violations(self) -> tuple[list[str], list[str]]:
        """What cannot be, and what could not be found out; both as texts."""
        wrong, unknown = [], []
        for number, began in enumerate(self._lives, 1):
            life = _Life(number, began)
            for request in self._requests:
                life.take(request)
            for transaction in self._committed:
                life.take_transaction(transaction)
            for path, steps in life.registers(self._seen).items():
                found = is_linearizable(steps, ABSENT)
                if found is False:
                    wrong.append(f"{self._host} store {number} {path}: {len(steps)} operations have no order")
                elif found is None:
                    unknown.append(f"{self._host} store {number} {path}")
        return wrong, unknown

    def _begin(self, address: str, began: int, answer: Future[bytes]) -> None:
        try:
            tx_id = int(answer.result().rstrip(b"\0"))
        except XenError:
            return
        self._open[address, tx_id] = _Transaction(began)

    def _ask(self, address: str, kind: XsType, tx_id: int, payload: bytes, answer: Future[bytes]) -> None:
        domain = address.rpartition("/dom")[2]
        head, _, rest = payload.partition(b"\0")
        path = _absolute(decode(head), domain)
        value = decode(rest) if kind is XsType.WRITE else ""
        operation = self._history.invoke(
            address, NAMES[kind], f"{self._host}{path}", value or None, self._now_ns()
        )
        request = self._note(operation, path, value, answer)
        self._seen[len(self._lives), domain] = operation.began
        transaction = self._open.get((address, tx_id))
        if not tx_id:
            self._requests.append(request)
        elif transaction is not None:
            transaction.requests.append(request)

    def _commit(self, address: str, tx_id: int, answer: Future[bytes]) -> None:
        key = f"{self._host} transaction {tx_id}"
        operation = self._history.invoke(address, "commit", key, None, self._now_ns())
        request = self._note(operation, "", "", answer)
        transaction = self._open.pop((address, tx_id), None)
        if transaction is not None:
            transaction.commit = request
            self._committed.append(transaction)

    def _note(self, operation: Operation, path: str, value: str, answer: Future[bytes]) -> _Request:
        request = _Request(operation, path, value, len(self._lives))
        answer.when_done(lambda: self._answered(request, answer))
        return request

    def _answered(self, request: _Request, answer: Future[bytes]) -> None:
        request.answered_life = len(self._lives)
        operation, now_ns = request.operation, self._now_ns()
        try:
            result = answer.result()
        except XenError as error:
            if operation.f == "read" and error.errno is Errno.ENOENT:
                self._history.ok(operation, ABSENT, now_ns)
            elif error.errno is Errno.EIO or request.answered_life != request.life:
                self._history.info(operation, error.errno.name, now_ns)
            else:
                self._history.fail(operation, error.errno.name, now_ns)
            return
        self._history.ok(operation, decode(result) if operation.f == "read" else ABSENT, now_ns)


def _absolute(path: str, domain: str) -> str:
    return path if path[:1] in {"/", "@"} else f"{DOMAINS}{domain}/{path}"


def _writer(value: str) -> Apply:
    return lambda _state: value


def _reader(value: object) -> Apply:
    return lambda state: state if state == value else IMPOSSIBLE


def _make(state: State) -> State:
    return "" if state is ABSENT else state


def _remove(_state: State) -> State:
    return ABSENT
