"""A domain's ring page as the daemon serves it.

Rules: whatever is wrong in the page ends the service to this ring and is written into its `error` word;
nobody else notices. Only the protocol's reconnect brings the service back. Answers are queued, and leave
by `settle`, which is also when requests leave the page. Where an archive keeps `record` before that, a
daemon that comes after a crash does nothing twice and leaves nothing out.
Source: docs/misc/xenstore-ring.txt, tools/xenstored/domain.c.
"""

from collections.abc import Callable

from actors.abi.xs_wire import XENSTORE_RING_SIZE, XsConnection, XsError, XsType, unpack_header
from actors.kernel.grants import Mapping
from actors.kernel.xs_messages import Message, MessageStream, ProtocolBroken
from actors.kernel.xs_ring import MASK32, XsRing, XsRingBroken
from actors.xenstore.archive import RingRecord
from actors.xenstore.connections import OutputQueue
from actors.xenstore.quotas import Quotas

EVENTS_MAX = 1024
"""Watch events that are kept for a domain that does not take them, however young they are."""


class RingClient:
    """The server's end of one ring."""

    def __init__(self, domid: int, ring: XsRing, mapping: Mapping, quotas: Quotas | None) -> None:
        """`quotas` is None for a privileged domain; `notify` is set when the port is there.

        `renewing`: the client is to begin anew, which `settle` will tell it.
        """
        self.domid = domid
        self.mapping = mapping
        self.connection: int | None = None
        self.port = 0
        self.remote_port = 0
        self.notify: Callable[[], None] = _no_port
        self.quotas = quotas
        self._ring = ring
        self._position = ring.requests.consumer
        self._stream = MessageStream()
        self._output = OutputQueue()
        self.renewing = False
        self._kept_open = True
        self.broken = ""

    def take_over(self, features: int) -> None:
        """Serve this ring from now on: what an earlier server left in it is dropped; the client is told."""
        ring = self._ring
        incarnation = ring.server_incarnation
        if incarnation:
            ring.reset()
        ring.error = XsError.NONE
        ring.connection = XsConnection.CONNECTED
        ring.server_features = features
        ring.server_holds = False
        ring.server_incarnation = (incarnation + 1) & MASK32 or 1
        self._position = ring.requests.consumer
        self.notify()

    def go_on(self, record: RingRecord | None, now_ns: int) -> bool:
        """Serve this ring where the last server has left it; False if that cannot be done."""
        ring = self._ring
        if not ring.server_incarnation:
            return False
        if ring.error != XsError.NONE:
            self.broken = "an earlier daemon serves it no more"
        elif record is None:
            if ring.server_holds:
                return False
        elif record.incarnation != ring.server_incarnation or not self._restore(record, now_ns):
            return False
        self.notify()
        return True

    def _restore(self, record: RingRecord, now_ns: int) -> bool:
        """Take a record up, unless all of it was done and the ring has moved on since."""
        ring = self._ring
        ahead = (record.position - ring.requests.consumer) & MASK32
        sent = (ring.responses.producer - record.response) & MASK32
        if ahead <= XENSTORE_RING_SIZE and sent <= len(record.output):
            self._position = record.position
            self._stream.clear(record.partial)
            self._output.restore(record.output[sent:], now_ns)
            return True
        return not (record.partial or ring.server_holds)

    def record(self) -> RingRecord:
        """What the ring will be when what is queued has left; from now on that holds until the next one."""
        if self.renewing:
            return RingRecord(self._ring.server_incarnation, 0, b"", 0, b"")
        self._kept_open = self._is_open
        return RingRecord(
            self._ring.server_incarnation,
            self._position,
            self._stream.partial,
            self._ring.responses.producer,
            self._output.content,
        )

    @property
    def must_be_kept(self) -> bool:
        """Whether a daemon that comes next could not go on with what the page and the last record say."""
        return self.renewing or (not self.broken and (self._kept_open or self._is_open))

    @property
    def _is_open(self) -> bool:
        try:
            return bool(self._stream.partial) or self._output.size > self._ring.responses.room()
        except XsRingBroken:  # which `settle` says
            return False

    @property
    def wants_reconnect(self) -> bool:
        """The client has asked for a reconnect."""
        return self._ring.connection != XsConnection.CONNECTED

    def renew(self) -> None:
        """The client wants to begin anew: nothing of before is done any more; `settle` tells it so."""
        self._stream.clear()
        self._output.clear()
        self.renewing = True

    def _begin_anew(self) -> None:
        self.renewing, self._kept_open = False, True
        self._ring.reset()
        self._position = 0
        self._ring.error = XsError.NONE
        self._ring.server_holds = False
        self.broken = ""
        self._ring.connection = XsConnection.CONNECTED
        self.notify()

    def requests(self) -> list[Message]:
        """What has come; nothing while the client leaves too much unread, or is not served any more."""
        if (
            self.broken
            or self.renewing
            or (self.quotas is not None and len(self._output) > self.quotas.outstanding)
        ):
            return []
        try:
            data = self._ring.requests.peek(self._position)
            self._position = (self._position + len(data)) & MASK32
            return list(self._stream.feed(data)) if data else []
        except XsRingBroken as error:
            self._stop(XsError.RINGIDX, str(error))
        except ProtocolBroken as error:
            self._stop(XsError.PROTO, str(error))
        return []

    def send(self, message: bytes, now_ns: int) -> None:
        """Queue a message for the client; a watch event may be lost if the client does not take them."""
        output = self._output
        if self.quotas is not None and len(output):
            output.discard_events(now_ns - self.quotas.event_ns)
            if len(output) >= EVENTS_MAX and unpack_header(message)[0] == XsType.WATCH_EVENT:
                return
        output.add(message, now_ns)

    def settle(self) -> None:
        """Write what is queued, as far as there is room, and give up the requests that were taken."""
        if self.renewing:
            self._begin_anew()
            return
        if self.broken:
            self._output.clear()
            return
        output, ring = self._output, self._ring
        try:
            if self._stream.partial or output.size > ring.responses.room():
                ring.server_holds = True
            self._write()
            self._consume()
            if not (self._stream.partial or len(output)) and ring.server_holds:
                ring.server_holds = False
        except XsRingBroken as error:
            self._stop(XsError.RINGIDX, str(error))

    def _write(self) -> None:
        output, responses = self._output, self._ring.responses
        while head := output.head:
            written = responses.write(head)
            if written:
                self.notify()
                output.took(written)
            if written < len(head):
                return

    def _consume(self) -> None:
        requests = self._ring.requests
        if self._position != requests.consumer:
            requests.consume(self._position)
            if requests.peer_waits:
                self.notify()

    def _stop(self, error: XsError, why: str) -> None:
        self.broken = why
        self._stream.clear()
        self._output.clear()
        self._ring.error = error
        self.notify()


def _no_port() -> None:
    raise AssertionError("a ring without a port")
