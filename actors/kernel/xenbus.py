"""The XenStore client of one kernel: requests, transactions, watches, and what outlives the server.

Rules: any number of requests may be under way; answers are matched by request id. When another server
takes over and `reconnect` is set, the protocol's reconnect is done: watches are registered again, requests
in flight are sent again, those of a transaction fail with EAGAIN. Without `reconnect` nobody notices.
A thread that was killed takes back what it had asked, as the end of a process closes its connection: no
other server is asked that, and what the server has already done for it (a watch, a transaction) is undone.
Source: docs/misc/xenstore.txt.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.abi.xs_wire import (
    HEADER_BYTES,
    XENSTORE_PAYLOAD_MAX,
    XsType,
    error_of,
    pack_message,
)
from actors.kernel.store import read_state
from actors.kernel.threads import Future, Signal, Threads
from actors.kernel.xenwatch import Watch, XenWatch
from actors.kernel.xs_messages import MessageStream, ProtocolBroken, XsMessage
from actors.kernel.xs_nodes import NodeOperations, encode, values_of
from actors.kernel.xs_ring import XsRingBroken
from actors.kernel.xs_transport import LocalTransport, RingTransport, Transport

__all__ = ["LocalTransport", "RingTransport", "StoreObserver", "Transaction", "Transport", "Watch", "Xenbus"]

T = TypeVar("T")

MASK32 = 0xFFFFFFFF
DIGITS_MAX = 10

StoreObserver = Callable[[XsType, int, bytes, Future[bytes]], None]


@dataclass(slots=True)
class _Waiting:
    """A request without an answer yet."""

    answer: Future[bytes]
    message: bytes
    kind: XsType
    tx_id: int


class Transaction(NodeOperations):
    """A transaction: the same operations, seen by others all at once or not at all."""

    def __init__(self, xenbus: "Xenbus", tx_id: int) -> None:
        self._xenbus = xenbus
        self._tx_id = tx_id

    def request(self, kind: XsType, payload: bytes) -> Future[bytes]:
        """The payload of the answer; EAGAIN if the server was lost meanwhile."""
        return self._xenbus.issue(kind, payload, self._tx_id)


class Xenbus(NodeOperations):
    """The client of one kernel; `on_event` is the handler of its port."""

    def __init__(
        self,
        threads: Threads,
        transport: Transport,
        *,
        reconnect: bool,
        log: Callable[[str], None],
        observer: StoreObserver | None = None,
    ) -> None:
        """`observer` is told of every request, with the future that will have its answer."""
        self._transport = transport
        self._reconnect = reconnect
        self._log = log
        self._observer = observer
        self._waiting: dict[int, _Waiting] = {}
        self._watches = XenWatch(threads)
        self._open: set[int] = set()
        self._req_id = 0
        self._input = MessageStream()
        self._reconnecting = False
        self._broken = False
        self._reconnect_callbacks: list[Callable[[], None]] = []
        self.reconnects = 0
        transport.attach(self.on_event)

    def request(self, kind: XsType, payload: bytes) -> Future[bytes]:
        """A request outside of any transaction: the payload of the answer."""
        return self.issue(kind, payload, 0)

    def issue(self, kind: XsType, payload: bytes, tx_id: int) -> Future[bytes]:
        """Send a request; EINVAL if it is too long, EAGAIN if its transaction was lost with the server."""
        answer: Future[bytes] = Future()
        if self._broken:
            answer.fail(XenError(Errno.EIO, "the connection to XenStore is broken"))
        elif len(payload) > XENSTORE_PAYLOAD_MAX:
            answer.fail(XenError(Errno.EINVAL, f"a payload of {len(payload)} bytes"))
        elif tx_id and tx_id not in self._open:
            answer.fail(XenError(Errno.EAGAIN, "the transaction was lost with the server"))
        else:
            self._req_id = req_id = (self._req_id + 1) & MASK32
            message = pack_message(kind, req_id, tx_id, payload)
            self._waiting[req_id] = _Waiting(answer, message, kind, tx_id)
            if self._observer is not None:
                self._observer(kind, tx_id, payload, answer)
            if not self._reconnecting:
                self._send(message)
        return answer

    async def watch(self, path: str, callback: Callable[[str], None], token: str | None = None) -> Watch:
        """Call back on changes of a node and all below, and once at once. EEXIST, E2BIG, EINVAL."""
        watch = self._watches.add(path, callback, token)
        try:
            await self.request(XsType.WATCH, watch.payload)
        except XenError:
            self._watches.remove(watch)
            raise
        except BaseException:
            self.unwatch_nowait(watch)
            raise
        return watch

    async def look(self, paths: Iterable[str], seen: Callable[[int], None]) -> dict[str, str]:
        """As `read_all`; `seen` is told the last event that came before: the values are not older than that.

        It is told with the first answer, and so before any callback of an event that comes with that.
        """
        asked = self.ask_for(paths)
        next(iter(asked.values())).when_done(lambda: seen(self._watches.heard_events))
        return await values_of(asked)

    @property
    def told_event(self) -> int:
        """The number of the event that a callback is told of."""
        return self._watches.told_event

    async def unwatch(self, watch: Watch) -> None:
        """Stop a watch: no callback runs after this. Nothing if the server does not know it."""
        answer = self.unwatch_nowait(watch)
        try:
            await answer
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise

    def unwatch_nowait(self, watch: Watch) -> Future[bytes]:
        """Stop a watch without waiting for the server; its answer."""
        if self._watches.remove(watch):
            return self.request(XsType.UNWATCH, watch.payload)
        answer: Future[bytes] = Future()
        answer.set(b"")
        return answer

    async def transact(self, body: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `body` in a transaction, again for as long as others interfere (EAGAIN); what it returned.

        Whatever else `body` raises aborts the transaction.
        """
        while True:
            tx_id = int((await self.request(XsType.TRANSACTION_START, b"\0")).rstrip(b"\0"))
            try:
                result = await body(Transaction(self, tx_id))
                await self._end(tx_id, commit=True)
            except XenError as error:
                self._end(tx_id, commit=False)
                if error.errno is not Errno.EAGAIN:
                    raise
            except BaseException:
                self._end(tx_id, commit=False)
                raise
            else:
                return result

    async def introduce(self, domid: int, gfn: int, port: int) -> None:
        """Tell the server of a domain and its port. EACCES, EINVAL (no ring, or not a port for us)."""
        await self.request(XsType.INTRODUCE, b"%d\0%d\0%d\0" % (domid, gfn, port))

    async def release(self, domid: int) -> None:
        """Tell the server to forget a domain. EACCES, ENOENT (not introduced)."""
        await self.request(XsType.RELEASE, b"%d\0" % domid)

    async def lift_quota(self, domid: int, name: str) -> None:
        """Let a domain have as much of something (`nodes`, ..) as it likes. EACCES, EINVAL, ENOSYS."""
        await self.request(XsType.SET_QUOTA, b"%d\0%s\0%d\0" % (domid, encode(name), 0))

    async def set_quota(self, name: str, value: int) -> None:
        """Let each domain have so much of something, as `xenstore-control quota set` does. EACCES, EINVAL."""
        await self.request(XsType.CONTROL, b"quota\0set\0%s\0%d\0" % (encode(name), value))

    async def is_introduced(self, domid: int) -> bool:
        """Whether the server serves a domain. EACCES."""
        return await self.request(XsType.IS_DOMAIN_INTRODUCED, b"%d\0" % domid) == b"T\0"

    async def wait_for_state(self, path: str, states: Collection[XenbusState]) -> XenbusState:
        """Wait until the device at `path` is in one of these states; which one."""
        changed = Signal()
        watch = await self.watch(f"{path}/state", lambda _: changed.set())
        try:
            while True:
                state = await read_state(self, path)
                if state in states:
                    return state
                await changed.wait()
        finally:
            self.unwatch_nowait(watch)

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call back after each reconnect, when watches and requests are on their way again."""
        self._reconnect_callbacks.append(callback)

    def on_event(self) -> None:
        """The server has done something: take answers and events, or notice that it is another one."""
        if self._reconnecting or (self._transport.server_changed() and self._reconnect):
            if not self._reconnecting:
                self._lose_server()
            if self._transport.reconnecting():
                return
            self._guard(self._find_server)
        if not self._broken:
            self._guard(self._receive)

    def _send(self, message: bytes) -> None:
        try:
            self._transport.send(message)
        except (XsRingBroken, ProtocolBroken) as error:
            self._break(str(error))

    def _guard(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (XsRingBroken, ProtocolBroken) as error:
            self._break(str(error))

    def _break(self, why: str) -> None:
        self._broken = True
        self._log(f"xenbus: {why}")
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.answer.fail(XenError(Errno.EIO, why))

    def _receive(self) -> None:
        for message in self._input.feed(self._transport.receive()):
            self._take(message)

    def _take(self, message: XsMessage) -> None:
        kind, req_id, payload = message.kind, message.req_id, message.payload
        if kind == XsType.WATCH_EVENT:
            self._watches.heard(payload)
            return
        waiting = self._waiting.get(req_id)
        if waiting is not None and waiting.kind is XsType.TRANSACTION_START and kind != XsType.ERROR:
            tx_id = _transaction_number(payload)
            self._open.add(tx_id)
            if waiting.answer.forsaken:
                self._end(tx_id, commit=False)
        self._waiting.pop(req_id, None)
        if waiting is None:
            self._log(f"xenbus: an answer to request {req_id}, which was not sent")
        elif kind == XsType.ERROR:
            waiting.answer.fail(
                XenError(error_of(payload), f"{waiting.kind.name} {waiting.message[16:80]!r}")
            )
        else:
            waiting.answer.set(payload)

    def _end(self, tx_id: int, *, commit: bool) -> Future[bytes]:
        answer: Future[bytes] = Future()
        if tx_id in self._open:
            answer = self.issue(XsType.TRANSACTION_END, b"T\0" if commit else b"F\0", tx_id)
            self._open.discard(tx_id)
        else:
            answer.fail(XenError(Errno.EAGAIN, "the transaction was lost with the server"))
        return answer

    def _lose_server(self) -> None:
        self._log("xenbus: another server has taken over; reconnecting")
        self._reconnecting = True
        self._input.clear()
        self._open.clear()
        self._transport.begin_reconnect()

    def _find_server(self) -> None:
        self._reconnecting = False
        self._broken = False
        self._transport.server_changed()
        self.reconnects += 1
        waiting, self._waiting = self._waiting, {}
        registering = {each.message[HEADER_BYTES:] for each in waiting.values() if each.kind is XsType.WATCH}
        for watch in self._watches:
            if watch.payload not in registering:
                self.request(XsType.WATCH, watch.payload)
        again = {
            req_id: each for req_id, each in waiting.items() if not each.tx_id and not each.answer.forsaken
        }
        # All of them wait again before the first is sent: if the ring breaks here, none is forgotten.
        self._waiting.update(again)
        for each in waiting.values():
            if each.tx_id:
                each.answer.fail(XenError(Errno.EAGAIN, "the server was lost"))
        for each in again.values():
            self._transport.send(each.message)
        self._log("xenbus: reconnected")
        for callback in self._reconnect_callbacks:
            callback()


def _transaction_number(payload: bytes) -> int:
    number = payload.rstrip(b"\0")
    if not number.isdigit() or len(number) > DIGITS_MAX:
        raise ProtocolBroken(f"a transaction with the number {number[:40]!r}")
    return int(number)
