"""What an acknowledgement does: it frees data, measures, shows losses (RFC 5681, 6582, 6675, 7323)."""

from actors.inet.durations import MILLISECOND
from actors.inet.output import stamp, transmit
from actors.inet.scoreboard import DUPLICATES
from actors.inet.sequence import position_of
from actors.inet.states import State, Step
from actors.inet.tcb import Tcb, TcpEvent
from actors.inet.tcp_segment import FIN, Segment
from actors.inet.tcp_settings import FIN_TIMEOUT_NS, TIME_WAIT_NS
from actors.inet.timers import Timer


def acknowledge(tcb: Tcb, segment: Segment, sequence: int, position: int, now_ns: int) -> None:
    """Take up an acknowledgement of `position`, which was sent; `sequence` is where the segment begins."""
    send, board = tcb.send, tcb.recovery.scoreboard
    before = send.window
    _update_window(tcb, segment, sequence, position, now_ns)
    news = bool(tcb.sack and segment.options.sack and board.record(_blocks(tcb, segment, position)))
    forced = False
    if position > send.una:
        forced = _advance(tcb, segment, position, now_ns)
    elif (
        position == send.una
        and send.nxt > send.una
        and not segment.payload
        and not segment.flags & FIN
        and (news if tcb.sack else before == send.window)
    ):
        board.duplicates += 1
    if tcb.state is State.CLOSED:
        return
    forced |= _find_losses(tcb)
    transmit(tcb, now_ns, force=forced)


def _update_window(tcb: Tcb, segment: Segment, sequence: int, position: int, now_ns: int) -> None:
    """By the newest segment only (RFC 9293, 3.10.7.4)."""
    send, recovery = tcb.send, tcb.recovery
    offered = segment.window << send.scale
    newest = (sequence, position) >= (send.window_sequence, send.window_acknowledgement)
    if position < send.una or not newest:
        return
    opened = offered > send.window
    send.window = offered
    send.window_max = max(send.window_max, offered)
    send.window_sequence = sequence
    send.window_acknowledgement = position
    if send.nxt == send.una:
        recovery.attempts = 0
        if opened:
            recovery.rto.backoff = 0
            tcb.timers.cancel(Timer.PERSIST)
            if tcb.settings.user_timeout_ns is not None:
                tcb.timers.start(Timer.USER, now_ns + tcb.settings.user_timeout_ns)


def _blocks(tcb: Tcb, segment: Segment, position: int) -> list[tuple[int, int]]:
    """Those SACK blocks that speak of what is in flight; a duplicate's (RFC 2883) does not."""
    una, nxt = max(tcb.send.una, position), tcb.send.nxt
    found = []
    for left, right in segment.options.sack:
        start, end = position_of(left, una), position_of(right, una)
        if una < start < end <= nxt:
            found.append((start, end))
    return found


def _advance(tcb: Tcb, segment: Segment, position: int, now_ns: int) -> bool:
    """New data is acknowledged; whether a hole has to be filled whatever the window says."""
    send, recovery = tcb.send, tcb.recovery
    acked, flight = position - send.una, send.nxt - send.una
    duplicates = recovery.scoreboard.duplicates
    _measure(tcb, segment, position, now_ns)
    send.una = position
    send.buffer.release(position)
    recovery.attempts = recovery.rto.backoff = 0
    recovery.scoreboard.advance(position)
    forced = _go_on(tcb, acked, flight, duplicates)
    tcb.timers.cancel(Timer.RETRANSMIT)
    tcb.timers.cancel(Timer.USER)
    if send.starved and send.buffer.room >= send.buffer.limit // 3:
        send.starved = False
        tcb.tell(TcpEvent.WRITABLE)
    if send.fin_sent and position > send.buffer.end:
        _fin_acked(tcb, now_ns)
    return forced


def _go_on(tcb: Tcb, acked: int, flight: int, duplicates: int) -> bool:
    """What an acknowledgement means for the window and a recovery that goes on."""
    send, recovery = tcb.send, tcb.recovery
    board, congestion = recovery.scoreboard, recovery.congestion
    if recovery.point is None:
        congestion.acknowledged(acked, flight)
        return False
    if send.una >= recovery.point:
        recovery.point = None
        if recovery.timed_out:
            congestion.acknowledged(acked, flight)
        return False
    if recovery.timed_out:
        congestion.acknowledged(acked, flight)
        return False
    if tcb.sack:
        return False
    board.duplicates = max(duplicates - max(acked // send.mss - 1, 0), 0)
    board.lost_edge = max(board.lost_edge, min(send.una + send.mss, send.nxt))
    board.resent_to = send.una
    return True


def _measure(tcb: Tcb, segment: Segment, position: int, now_ns: int) -> None:
    """A round trip of what was sent once, or, with timestamps, of what was sent again, too."""
    recovery = tcb.recovery
    if recovery.timed is not None:
        end, sent_ns = recovery.timed
        if position >= end:
            recovery.timed = None
            recovery.rto.sample(now_ns - sent_ns)
    elif tcb.stamps.enabled and segment.options.timestamps is not None and segment.options.timestamps[1]:
        elapsed = (stamp(tcb, now_ns) - segment.options.timestamps[1]) & 0xFFFFFFFF
        if elapsed < 1 << 31:
            recovery.rto.sample(elapsed * MILLISECOND)


def _find_losses(tcb: Tcb) -> bool:
    """Whether this acknowledgement begins a recovery."""
    send, recovery = tcb.send, tcb.recovery
    board = recovery.scoreboard
    if send.nxt == send.una or (recovery.point is not None and (recovery.timed_out or not tcb.sack)):
        return False
    if tcb.sack:
        board.find_lost(send.mss)
    if recovery.point is not None:
        return False
    if board.duplicates >= DUPLICATES and (tcb.sack or send.una > recovery.last_point):
        board.lost_edge = max(board.lost_edge, min(send.una + send.mss, send.nxt))
    if board.lost_edge <= send.una:
        return False
    recovery.congestion.lost()
    recovery.point = recovery.last_point = send.nxt
    recovery.timed_out = False
    board.resent_to = send.una
    tcb.outcome.statistics.fast_retransmits += 1
    return True


def _fin_acked(tcb: Tcb, now_ns: int) -> None:
    tcb.step(Step.FIN_ACKED)
    if tcb.state is State.CLOSED:
        tcb.end()
    elif tcb.state is State.TIME_WAIT:
        begin_time_wait(tcb, now_ns)
    elif tcb.orphan:
        tcb.timers.start(Timer.LINGER, now_ns + FIN_TIMEOUT_NS)


def begin_time_wait(tcb: Tcb, now_ns: int) -> None:
    """Answer what is late, for Linux's TCP_TIMEWAIT_LEN; it begins anew with every FIN that comes again."""
    tcb.timers.clear()
    tcb.timers.start(Timer.LINGER, now_ns + TIME_WAIT_NS)
