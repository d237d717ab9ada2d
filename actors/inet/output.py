"""What a connection sends (RFC 9293, 3.8.6; RFC 6675, 5).

SACK blocks go with segments that carry no data: what comes out of order is answered by such a one at once,
and data need not make room for them.
"""

from collections.abc import Sequence

from actors.inet.checksum import Buffer
from actors.inet.durations import MILLISECOND
from actors.inet.sequence import on_wire
from actors.inet.states import SENDING, State
from actors.inet.tcb import MSS_DEFAULT, Tcb
from actors.inet.tcp_options import NO_OPTIONS, SACK_BLOCKS_MAX, TIMESTAMPS_BYTES, TcpOptions
from actors.inet.tcp_segment import ACK, FIN, PSH, RST, SYN, Segment
from actors.inet.tcp_settings import CHALLENGE_NS, DELAYED_ACK_NS
from actors.inet.timers import Timer

_WINDOW_MAX = 0xFFFF
_NOTHING = (b"",)
MSS_MIN = 88
"""Of what a peer says; less would leave too little beside options (Linux: TCP_MIN_SND_MSS 48)."""


def stamp(tcb: Tcb, now_ns: int) -> int:
    """TSval: milliseconds, from a random start."""
    return (now_ns // MILLISECOND + tcb.stamps.offset) & 0xFFFFFFFF


def send_segment(
    tcb: Tcb, position: int, flags: int, pieces: Sequence[Buffer], now_ns: int, *, cut: int = 0
) -> None:
    """Hand one down, to be cut into ones of so many bytes; it acknowledges all that has come."""
    receive = tcb.receive
    options = NO_OPTIONS
    if tcb.stamps.enabled:
        options = TcpOptions(timestamps=(stamp(tcb, now_ns), tcb.stamps.recent))
    if tcb.sack and not pieces[0] and receive.buffer.has_gap:
        most = SACK_BLOCKS_MAX - (1 if tcb.stamps.enabled else 0)
        blocks = receive.buffer.sack_blocks(most)
        options = options._replace(sack=tuple((on_wire(start), on_wire(end)) for start, end in blocks))
    segment = Segment(
        tcb.local.port,
        tcb.remote.port,
        on_wire(position),
        on_wire(receive.next),
        flags | ACK,
        _window(tcb),
        options,
        pieces[0],
        tuple(pieces[1:]) if len(pieces) > 1 else (),
    )
    if receive.quick and receive.next > receive.acknowledged:
        receive.quick -= 1
    if pieces[0] and receive.data_ns is not None and now_ns - receive.data_ns < DELAYED_ACK_NS:
        receive.interactive = True
    receive.acknowledged = receive.next
    tcb.timers.cancel(Timer.DELAYED_ACK)
    tcb.outcome.statistics.segments_out += 1
    tcb.emit(segment, cut, now_ns)


def _window(tcb: Tcb) -> int:
    """Tell the peer how much it may send, by steps worth it (RFC 9293, 3.8.6.2.2), and never less."""
    receive = tcb.receive
    edge = receive.next + receive.buffer.room
    if edge - receive.edge < min(receive.buffer.limit // 2, receive.segment_bytes):
        edge = receive.edge
    field = min((edge - receive.next) >> receive.scale, _WINDOW_MAX)
    if receive.next + (field << receive.scale) < receive.edge and field < _WINDOW_MAX:
        field += 1
    receive.edge = max(receive.edge, receive.next + (field << receive.scale))
    return field


def send_syn(tcb: Tcb, now_ns: int) -> None:
    """A SYN, which acknowledges the peer's if there was one; it offers what the peer has offered."""
    settings, answer = tcb.settings, tcb.state is State.SYN_RECEIVED
    timestamps = tcb.stamps.enabled if answer else settings.timestamps
    options = TcpOptions(
        mss=tcb.mss,
        scale=tcb.receive.scale if tcb.send.scaled else None,
        sack_permitted=tcb.sack if answer else settings.sack,
        timestamps=(stamp(tcb, now_ns), tcb.stamps.recent) if timestamps else None,
    )
    room = min(tcb.receive.buffer.room, _WINDOW_MAX)
    receive = tcb.receive
    tcb.outcome.statistics.segments_out += 1
    receive.acknowledged = receive.next
    receive.edge = receive.next + room
    tcb.emit(
        Segment(
            tcb.local.port,
            tcb.remote.port,
            on_wire(tcb.send.initial),
            on_wire(receive.next) if answer else 0,
            SYN | (ACK if answer else 0),
            room,
            options,
        ),
        0,
        now_ns,
    )


def send_ack(tcb: Tcb, now_ns: int) -> None:
    """A segment that only acknowledges."""
    send_segment(tcb, tcb.send.nxt, 0, _NOTHING, now_ns)


def send_probe(tcb: Tcb, now_ns: int) -> None:
    """One that the peer has to answer, as it is of the past; Linux's `tcp_xmit_probe_skb`."""
    tcb.outcome.statistics.probes += 1
    send_segment(tcb, tcb.send.una - 1, 0, _NOTHING, now_ns)


def send_reset(tcb: Tcb, now_ns: int) -> None:
    """Tell the peer that the connection is gone."""
    tcb.outcome.statistics.resets_out += 1
    send_segment(tcb, tcb.send.nxt, RST, _NOTHING, now_ns)


def challenge(tcb: Tcb, now_ns: int) -> None:
    """Ask the peer, by an acknowledgement, whether it meant what it sent (RFC 5961); not too often."""
    if tcb.challenged_ns is None or now_ns - tcb.challenged_ns >= CHALLENGE_NS:
        tcb.challenged_ns = now_ns
        tcb.outcome.statistics.challenges += 1
        send_ack(tcb, now_ns)


def transmit(tcb: Tcb, now_ns: int, *, force: bool = False) -> None:
    """Send what may be sent: first what is lost, then what is new; `force` the first lost segment."""
    if tcb.state not in SENDING:
        return
    send, congestion, board = tcb.send, tcb.recovery.congestion, tcb.recovery.scoreboard
    mss = send.mss
    if send.nxt == send.una and now_ns - tcb.recovery.sent_ns > tcb.recovery.rto.base_ns:
        congestion.idle()
    while (hole := board.hole()) is not None or send.waits:
        flight = tcb.in_flight
        room = congestion.window - flight
        if hole is not None:
            if room < mss and flight and not force:
                break
            force = False
            _resend(tcb, hole, max(room, mss), now_ns)
        elif not _send_new(tcb, room, now_ns):
            break
    arm(tcb, now_ns)


def _largest(tcb: Tcb) -> int:
    """How many bytes one segment may carry: whole full segments, if the interface cuts them."""
    mss = tcb.send.mss
    return max(tcb.segment_bytes_max // mss * mss, mss)


def _resend(tcb: Tcb, hole: tuple[int, int], room: int, now_ns: int) -> None:
    start, end = hole
    mss = tcb.send.mss
    end = min(end, start + min(room // mss * mss, _largest(tcb)))
    tcb.recovery.timed = None
    tcb.outcome.statistics.retransmitted += 1
    _send_range(tcb, start, end, now_ns)
    tcb.recovery.scoreboard.resent_to = end


def _send_range(tcb: Tcb, start: int, end: int, now_ns: int) -> None:
    """What is at these positions: data, and the FIN behind the last byte; PSH as Linux sets it since 5.5."""
    buffer = tcb.send.buffer
    size = max(min(end, buffer.end) - start, 0)
    flags = FIN if tcb.send.closing and end > buffer.end else 0
    if size > 0 and (start + size == buffer.end or size > tcb.send.mss):
        flags |= PSH
    pieces: Sequence[Buffer] = buffer.pieces(start, size) if size else _NOTHING
    if len(pieces) > 1 and not tcb.segment_bytes_max:
        pieces = [b"".join(pieces)]
    tcb.recovery.sent_ns = now_ns
    cut = tcb.send.mss if size > tcb.send.mss else 0
    send_segment(tcb, start, flags, pieces, now_ns, cut=cut)


def _send_new(tcb: Tcb, room: int, now_ns: int) -> bool:
    """Send the next segment that was never sent, if there is one that is worth it."""
    send = tcb.send
    size = _new_bytes(tcb, room)
    end = send.nxt + size
    if size % send.mss:
        send.small = end
    fits = end < send.una + send.window
    if send.closing and end == send.buffer.end and fits:
        end += 1
    if end == send.nxt:
        return False
    if tcb.recovery.timed is None:
        tcb.recovery.timed = (end, now_ns)
    _send_range(tcb, send.nxt, end, now_ns)
    send.nxt = end
    return True


def _new_bytes(tcb: Tcb, room: int) -> int:
    """How much new data: full segments; less if it is all and Nagle agrees, or half of the window.

    As in Linux, Nagle is Minshall's: only a small segment that is in flight lets another one wait.
    """
    send = tcb.send
    waiting = send.buffer.end - send.nxt
    window = send.una + send.window - send.nxt
    usable = min(window, room, _largest(tcb))
    if usable <= 0 or waiting <= 0:
        return 0
    if waiting <= usable:
        part = waiting % send.mss
        may = tcb.settings.nodelay or send.closing or send.small <= send.una
        return waiting if may or not part else waiting - part
    full = usable - usable % send.mss
    if full == 0 and window <= room and usable >= send.window_max // 2:
        return usable
    return full


def arm(tcb: Tcb, now_ns: int) -> None:
    """Let those timers run that what is sent, or must wait, needs."""
    send, timers, recovery = tcb.send, tcb.timers, tcb.recovery
    needed = Timer.RETRANSMIT if send.nxt > send.una else Timer.PERSIST if send.waits else None
    for timer in (Timer.RETRANSMIT, Timer.PERSIST):
        if timer is not needed:
            timers.cancel(timer)
        elif not timers.runs(timer):
            timers.start(timer, now_ns + recovery.rto.timeout_ns)
    if tcb.settings.user_timeout_ns is not None:
        if needed is None:
            timers.cancel(Timer.USER)
        else:
            timers.ensure(Timer.USER, now_ns + tcb.settings.user_timeout_ns)


def negotiated_mss(tcb: Tcb, offered: int | None) -> int:
    """Bytes of data in a full segment, once the peer has said what it takes."""
    mss = min(tcb.mss, max(offered if offered is not None else MSS_DEFAULT, MSS_MIN))
    return mss - (TIMESTAMPS_BYTES if tcb.stamps.enabled else 0)
