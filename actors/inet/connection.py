"""A TCP connection as its user and its stack see it: a machine without I/O.

Calls that change it take the time of the caller's clock; segments leave through the block's `emit`; the
user hears of events after the call that brought them about, and may call back from there.
"""

import errno
from collections.abc import Callable

from actors.inet.arrival import accept_syn, arrive
from actors.inet.expiry import expire, start_opening
from actors.inet.output import send_ack, send_reset, transmit
from actors.inet.states import OPENING, RECEIVING, WRITABLE, State, Step
from actors.inet.tcb import Tcb, TcpEvent
from actors.inet.tcp_segment import Segment
from actors.inet.tcp_settings import FIN_TIMEOUT_NS
from actors.inet.timers import Timer

Notify = Callable[["Connection", TcpEvent, int], None]
"""Told of an event of a connection, at a time."""


def ignore(_connection: "Connection", _event: TcpEvent, _now_ns: int) -> None:
    """The user of a connection that nobody has taken yet."""


class Connection:
    """One connection."""

    def __init__(self, tcb: Tcb, notify: Notify) -> None:
        self.tcb = tcb
        self.notify = notify
        self.forget: Callable[[Connection], None] | None = None
        """Told first that it has ended, by whoever keeps a table of connections."""
        self._telling = False

    @property
    def state(self) -> State:
        """Where it is."""
        return self.tcb.state

    @property
    def error(self) -> int | None:
        """The errno with which it ended."""
        return self.tcb.outcome.error

    @property
    def next_deadline_ns(self) -> int | None:
        """When `deadline` is to be called."""
        return self.tcb.timers.next_deadline_ns()

    def connect(self, initial: int, now_ns: int) -> None:
        """Open it, with this initial sequence number."""
        self._begin(initial)
        self.tcb.step(Step.CONNECT)
        self.tcb.receive.scale = self.tcb.settings.receive_scale
        start_opening(self.tcb, now_ns)

    def accept(self, syn: Segment, initial: int, now_ns: int) -> None:
        """Answer the SYN that a listener was sent."""
        self._begin(initial)
        self.tcb.outcome.passive = True
        accept_syn(self.tcb, syn, now_ns)
        self.tcb.step(Step.ACCEPT)
        start_opening(self.tcb, now_ns)

    def _begin(self, initial: int) -> None:
        send = self.tcb.send
        send.initial = send.una = initial
        send.nxt = initial + 1
        send.buffer.begin(initial + 1)

    def receive(self, segment: Segment, now_ns: int) -> bool:
        """A segment has come; whether a reset is the answer, as it belongs to no connection."""
        refused = arrive(self.tcb, segment, now_ns)
        self._tell(now_ns)
        return refused

    def deadline(self, now_ns: int) -> None:
        """The time is what it is: do what was to be done until now."""
        while (timer := self.tcb.timers.take_expired(now_ns)) is not None:
            expire(self.tcb, timer, now_ns)
        self._tell(now_ns)

    def unreachable(self, error: int, now_ns: int, *, lasting: bool) -> None:
        """The network says that segments do not arrive; it ends what is not open yet, if that is to last."""
        if lasting and self.tcb.state in OPENING:
            self.tcb.end(error)
            self._tell(now_ns)
        else:
            self.tcb.outcome.soft_error = error

    def send(self, data: bytes, now_ns: int) -> int:
        """Give bytes to send; how many there was room for. OSError after the end or a `shutdown`: EPIPE."""
        tcb = self.tcb
        if tcb.state not in WRITABLE or tcb.send.closing:
            raise OSError(errno.EPIPE, "the connection takes no more data")
        taken = tcb.send.buffer.append(data)
        tcb.send.starved = tcb.send.starved or taken < len(data)
        transmit(tcb, now_ns)
        return taken

    def recv(self, limit: int, now_ns: int) -> bytes:
        """Take up to `limit` bytes that have come; none may be there."""
        tcb = self.tcb
        data = tcb.receive.buffer.read(limit)
        if data and tcb.state in RECEIVING:
            self._open_window(now_ns)
        return data

    def _open_window(self, now_ns: int) -> None:
        """Tell the peer of room if it is twice what it knows of; Linux's `tcp_cleanup_rbuf`."""
        receive = self.tcb.receive
        known, room = receive.edge - receive.next, receive.buffer.room
        if room >= 2 * known and room - known >= min(receive.buffer.limit // 2, receive.segment_bytes):
            send_ack(self.tcb, now_ns)

    def shutdown(self, now_ns: int) -> None:
        """No more will be sent; what the peer sends is still taken."""
        tcb = self.tcb
        if tcb.state not in WRITABLE or tcb.send.closing:
            return
        tcb.send.closing = True
        if tcb.state not in OPENING:
            tcb.step(Step.CLOSE)
            transmit(tcb, now_ns)

    def close(self, now_ns: int) -> None:
        """Nobody holds it any more. Data that was not taken makes it a reset (RFC 2525, 2.17)."""
        tcb = self.tcb
        if tcb.orphan or tcb.state is State.CLOSED:
            return
        if tcb.receive.buffer.ready:
            self.abort(now_ns)
            return
        tcb.orphan = True
        if tcb.state is State.SYN_SENT:
            tcb.end()
        else:
            self.shutdown(now_ns)
        if tcb.state is State.FIN_WAIT_2:
            tcb.timers.start(Timer.LINGER, now_ns + FIN_TIMEOUT_NS)
        self._tell(now_ns)

    def abort(self, now_ns: int) -> None:
        """End it here and there."""
        tcb = self.tcb
        if tcb.state not in (State.CLOSED, State.SYN_SENT, State.TIME_WAIT):
            send_reset(tcb, now_ns)
        tcb.end(errno.ECONNABORTED)
        self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        """Events in their order, also when the user calls back."""
        if self._telling:
            return
        self._telling = True
        events = self.tcb.outcome.events
        while events:
            event = events.popleft()
            if event is TcpEvent.CLOSED and self.forget is not None:
                self.forget(self)
            self.notify(self, event, now_ns)
        self._telling = False

    def check(self) -> None:
        """What always holds."""
        tcb, board = self.tcb, self.tcb.recovery.scoreboard
        send, receive = tcb.send, tcb.receive
        receive.buffer.check()
        board.sacked.check()
        assert send.una <= send.nxt <= send.buffer.end + 1 or tcb.outcome.ended
        assert all(send.una < start and end <= send.nxt for start, end in board.sacked)
        assert receive.acknowledged <= receive.next
        running = tcb.timers.deadline_ns(Timer.RETRANSMIT) is not None
        if tcb.state is not State.CLOSED:
            assert running == (send.nxt > send.una), f"{tcb.state}: in flight without a timer, or the reverse"
