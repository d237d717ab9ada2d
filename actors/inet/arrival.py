"""What a connection does with a segment (RFC 9293, 3.10.7.3 and .4, in their order; RFC 5961; RFC 7323)."""

import errno

from actors.inet.acknowledgement import acknowledge, begin_time_wait
from actors.inet.output import challenge, negotiated_mss, send_ack, send_reset, send_syn, transmit
from actors.inet.sequence import position_of
from actors.inet.states import OPENING, RECEIVING, State, Step
from actors.inet.tcb import Tcb, TcpEvent
from actors.inet.tcp_segment import ACK, FIN, RST, SYN, Segment
from actors.inet.tcp_settings import DELAYED_ACK_NS, PAWS_NS, QUICK_ACKS
from actors.inet.timers import Timer


def arrive(tcb: Tcb, segment: Segment, now_ns: int) -> bool:
    """Take up a segment; whether it is to be answered by a reset, as it belongs to no connection."""
    tcb.outcome.statistics.segments_in += 1
    if tcb.state is State.SYN_SENT:
        return _arrive_in_syn_sent(tcb, segment, now_ns)
    tcb.receive.heard_ns = now_ns
    sequence = position_of(segment.sequence, tcb.receive.next)
    if tcb.state is State.SYN_RECEIVED and segment.flags & SYN and sequence == tcb.receive.initial:
        if not segment.flags & ACK:
            send_syn(tcb, now_ns)
            return False
        segment.flags &= ~SYN
        sequence += 1
    if not _acceptable(tcb, segment, sequence, now_ns):
        return False
    if segment.flags & RST:
        _reset(tcb, sequence, now_ns)
        return False
    if segment.flags & SYN:
        challenge(tcb, now_ns)
        return False
    if not segment.flags & ACK:
        return False
    return _take(tcb, segment, sequence, now_ns)


def _take(tcb: Tcb, segment: Segment, sequence: int, now_ns: int) -> bool:
    """A segment that is of this connection: its acknowledgement, its data, its FIN."""
    send = tcb.send
    position = position_of(segment.acknowledgement, send.una)
    if tcb.state is State.SYN_RECEIVED:
        if not send.una < position <= send.nxt:
            return True
        send.window_sequence, send.window_acknowledgement = sequence, position
        _measure_syn(tcb, now_ns)
        send.una = position
        establish(tcb, segment.window << send.scale, now_ns)
    if position > send.nxt or position < send.una - max(send.window_max, 1):
        challenge(tcb, now_ns)
        return False
    _remember_stamp(tcb, segment, sequence, now_ns)
    acknowledge(tcb, segment, sequence, position, now_ns)
    if tcb.state is State.CLOSED:
        return False
    if segment.payload or segment.flags & FIN:
        return _take_data(tcb, segment, sequence, now_ns)
    return False


def _arrive_in_syn_sent(tcb: Tcb, segment: Segment, now_ns: int) -> bool:
    send, receive = tcb.send, tcb.receive
    position = position_of(segment.acknowledgement, send.una)
    if segment.flags & ACK and not send.initial < position <= send.nxt:
        return not segment.flags & RST
    if segment.flags & RST:
        if segment.flags & ACK:
            tcb.outcome.statistics.resets_in += 1
            tcb.end(errno.ECONNREFUSED)
        return False
    if not segment.flags & SYN:
        return False
    accept_syn(tcb, segment, now_ns)
    if segment.flags & ACK:
        _measure_syn(tcb, now_ns)
        send.una = position
        send.window_sequence, send.window_acknowledgement = receive.initial, position
        establish(tcb, segment.window, now_ns)
        send_ack(tcb, now_ns)
        transmit(tcb, now_ns)
        return False
    tcb.step(Step.CROSS)
    send.window = segment.window
    send_syn(tcb, now_ns)
    return False


def accept_syn(tcb: Tcb, segment: Segment, now_ns: int) -> None:
    """What the peer's SYN says: where it starts and what it offers. Data with it must come again."""
    receive, options, settings = tcb.receive, segment.options, tcb.settings
    receive.initial = segment.sequence
    receive.next = receive.acknowledged = receive.edge = segment.sequence + 1
    receive.buffer.next = receive.next
    receive.heard_ns = now_ns
    tcb.send.scaled = settings.scaling and options.scale is not None
    tcb.send.scale = options.scale or 0 if tcb.send.scaled else 0
    tcb.receive.scale = settings.receive_scale if tcb.send.scaled else 0
    receive.edge += min(receive.buffer.room, 0xFFFF)
    tcb.sack = settings.sack and options.sack_permitted
    if settings.timestamps and options.timestamps is not None:
        tcb.stamps.enabled = True
        tcb.stamps.recent, tcb.stamps.recent_ns = options.timestamps[0], now_ns
    tcb.send.mss = negotiated_mss(tcb, options.mss)
    tcb.recovery.congestion.begin(tcb.send.mss)


def _measure_syn(tcb: Tcb, now_ns: int) -> None:
    """The round trip of the SYN, if it was sent once."""
    recovery = tcb.recovery
    if recovery.timed is not None:
        recovery.rto.sample(now_ns - recovery.timed[1])
    else:
        recovery.rto.fall_back()
        recovery.congestion.window = recovery.congestion.mss
    recovery.timed = None
    recovery.attempts = recovery.rto.backoff = 0


def establish(tcb: Tcb, window: int, now_ns: int) -> None:
    """Both SYNs have been acknowledged."""
    tcb.step(Step.ESTABLISH)
    tcb.timers.cancel(Timer.RETRANSMIT)
    send = tcb.send
    send.window = send.window_max = window
    tcb.recovery.scoreboard.advance(send.una)
    tcb.recovery.last_point = send.initial
    if tcb.settings.keepalive:
        tcb.timers.start(Timer.KEEPALIVE, now_ns + tcb.settings.keepalive_idle_ns)
    tcb.tell(TcpEvent.CONNECTED)
    if send.closing:
        tcb.step(Step.CLOSE)


def _acceptable(tcb: Tcb, segment: Segment, sequence: int, now_ns: int) -> bool:
    """PAWS, then the window; Linux's `tcp_sequence` takes what touches it."""
    receive = tcb.receive
    if _is_old(tcb, segment, now_ns):
        tcb.outcome.statistics.paws_rejected += 1
    elif sequence + segment.length >= receive.acknowledged and sequence <= receive.edge:
        return True
    if segment.flags & RST:
        return False
    if segment.payload and not segment.flags & SYN:
        send_ack(tcb, now_ns)
    elif tcb.state is State.TIME_WAIT and segment.flags & FIN:
        begin_time_wait(tcb, now_ns)
        send_ack(tcb, now_ns)
    else:
        challenge(tcb, now_ns)
    return False


def _is_old(tcb: Tcb, segment: Segment, now_ns: int) -> bool:
    """By its timestamp (RFC 7323, 5.3); a reset is judged by its sequence number alone."""
    stamps = tcb.stamps
    if not stamps.enabled or segment.options.timestamps is None or segment.flags & RST:
        return False
    behind = (stamps.recent - segment.options.timestamps[0]) & 0xFFFFFFFF
    return 0 < behind < 1 << 31 and now_ns - stamps.recent_ns < PAWS_NS


def _remember_stamp(tcb: Tcb, segment: Segment, sequence: int, now_ns: int) -> None:
    """That of the segment that reaches up to what was acknowledged last (RFC 7323, 4.3).

    In TIME-WAIT that of nothing that comes again; Linux's `tcp_timewait_state_process`.
    """
    receive = tcb.receive
    if not tcb.stamps.enabled or segment.options.timestamps is None or sequence > receive.acknowledged:
        return
    if tcb.state is not State.TIME_WAIT or sequence == receive.next:
        tcb.stamps.recent, tcb.stamps.recent_ns = segment.options.timestamps[0], now_ns


def _reset(tcb: Tcb, sequence: int, now_ns: int) -> None:
    """A reset counts where the next byte is expected; elsewhere it is asked about (RFC 5961, 3.2)."""
    if sequence != tcb.receive.next:
        challenge(tcb, now_ns)
        return
    tcb.outcome.statistics.resets_in += 1
    if tcb.state is State.TIME_WAIT:
        tcb.end()
    elif tcb.state in OPENING:
        tcb.end(errno.ECONNREFUSED)
    else:
        tcb.end(errno.EPIPE if tcb.state is State.CLOSE_WAIT else errno.ECONNRESET)


def _take_data(tcb: Tcb, segment: Segment, sequence: int, now_ns: int) -> bool:
    receive, data = tcb.receive, segment.payload
    end = sequence + len(data)
    if tcb.state not in RECEIVING:
        if tcb.state is State.TIME_WAIT and segment.flags & FIN:
            begin_time_wait(tcb, now_ns)
        send_ack(tcb, now_ns)
        return False
    if tcb.orphan and data and end > receive.next:
        send_reset(tcb, now_ns)
        tcb.end(errno.ECONNRESET)
        return False
    receive.segment_bytes = min(max(receive.segment_bytes, len(data)), tcb.mss)
    if segment.flags & FIN and end < receive.edge + 1:
        receive.fin = end
    data = data[: max(receive.edge - sequence, 0)]
    gap = receive.buffer.has_gap
    fresh = receive.buffer.insert(sequence, data) if data and sequence + len(data) > receive.next else 0
    receive.next = receive.buffer.next
    if fresh:
        tcb.tell(TcpEvent.READABLE)
        _hurry(tcb, now_ns)
    finished = receive.fin == receive.next
    if finished:
        receive.next += 1
        _finish(tcb, now_ns)
    if not fresh and not finished:
        tcb.outcome.statistics.out_of_order += 1
        if end <= receive.next:
            receive.interactive = False
            _be_quick(tcb)
    if tcb.state is not State.CLOSED:
        closes = finished and tcb.state is not State.CLOSE_WAIT
        out_of_order = gap or (not fresh and not finished)
        quick = receive.quick and not receive.interactive
        if closes or out_of_order or quick or receive.next - receive.acknowledged > receive.segment_bytes:
            send_ack(tcb, now_ns)
        elif receive.next > receive.acknowledged:
            tcb.timers.ensure(Timer.DELAYED_ACK, now_ns + DELAYED_ACK_NS)
    return False


def _hurry(tcb: Tcb, now_ns: int) -> None:
    """The first data, and what comes after a pause: the peer waits for acknowledgements to send more.

    Source: Linux's `tcp_event_data_recv`.
    """
    receive = tcb.receive
    before_ns, receive.data_ns = receive.data_ns, now_ns
    if before_ns is None or now_ns - before_ns > tcb.recovery.rto.timeout_ns:
        _be_quick(tcb)


def _be_quick(tcb: Tcb) -> None:
    """Acknowledge as much as half of the window at once; Linux's `tcp_incr_quickack`."""
    receive = tcb.receive
    if tcb.settings.quick_acknowledgements:
        half = (receive.edge - receive.next) // (2 * receive.segment_bytes)
        receive.quick = max(receive.quick, min(half or 2, QUICK_ACKS))


def _finish(tcb: Tcb, now_ns: int) -> None:
    """The peer has no more to send."""
    tcb.step(Step.FIN)
    tcb.tell(TcpEvent.FINISHED)
    tcb.receive.interactive = True
    if tcb.state is State.TIME_WAIT:
        begin_time_wait(tcb, now_ns)
