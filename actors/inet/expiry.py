"""What a connection does when one of its timers expires."""

import errno

from actors.inet.output import arm, send_ack, send_probe, send_reset, send_syn, transmit
from actors.inet.states import OPENING, State
from actors.inet.tcb import Tcb
from actors.inet.tcp_settings import RETRIES, SYN_ACK_RETRIES, SYN_RETRIES
from actors.inet.timers import Timer


def expire(tcb: Tcb, timer: Timer, now_ns: int) -> None:
    """Do what was to be done at this time."""
    match timer:
        case Timer.RETRANSMIT if tcb.state in OPENING:
            _open_again(tcb, now_ns)
        case Timer.RETRANSMIT:
            _retransmit(tcb, now_ns)
        case Timer.PERSIST:
            _probe_window(tcb, now_ns)
        case Timer.DELAYED_ACK:
            tcb.receive.interactive = False
            send_ack(tcb, now_ns)
        case Timer.KEEPALIVE:
            _keep_alive(tcb, now_ns)
        case Timer.USER:
            tcb.end(errno.ETIMEDOUT)
        case Timer.LINGER:
            tcb.end()


def start_opening(tcb: Tcb, now_ns: int) -> None:
    """Send the first SYN, or the answer to one."""
    tcb.recovery.timed = (tcb.send.nxt, now_ns)
    send_syn(tcb, now_ns)
    tcb.timers.start(Timer.RETRANSMIT, now_ns + tcb.recovery.rto.timeout_ns)
    if tcb.settings.user_timeout_ns is not None:
        tcb.timers.start(Timer.USER, now_ns + tcb.settings.user_timeout_ns)


def _open_again(tcb: Tcb, now_ns: int) -> None:
    recovery = tcb.recovery
    if recovery.attempts >= (SYN_ACK_RETRIES if tcb.outcome.passive else SYN_RETRIES):
        tcb.end(tcb.outcome.soft_error or errno.ETIMEDOUT)
        return
    _count_attempt(tcb)
    recovery.timed = None
    send_syn(tcb, now_ns)
    tcb.timers.start(Timer.RETRANSMIT, now_ns + recovery.rto.timeout_ns)


def _count_attempt(tcb: Tcb) -> None:
    tcb.recovery.attempts += 1
    tcb.recovery.rto.backoff += 1
    tcb.outcome.statistics.timeouts += 1


def _retransmit(tcb: Tcb, now_ns: int) -> None:
    """Nothing was acknowledged: send again from the first byte, slowly (RFC 6298, 5.4 to 5.6)."""
    send, recovery = tcb.send, tcb.recovery
    if recovery.attempts >= RETRIES:
        tcb.end(tcb.outcome.soft_error or errno.ETIMEDOUT)
        return
    _count_attempt(tcb)
    recovering = recovery.point is not None and not recovery.timed_out
    recovery.congestion.timed_out(again=recovery.attempts > 1 or recovering)
    recovery.scoreboard.all_lost(send.una, send.nxt)
    recovery.point = recovery.last_point = send.nxt
    recovery.timed_out = True
    recovery.timed = None
    transmit(tcb, now_ns, force=True)


def _probe_window(tcb: Tcb, now_ns: int) -> None:
    """Ask the peer for its window; or send what fits into one that is too small to be worth it."""
    send, recovery = tcb.send, tcb.recovery
    if recovery.attempts >= RETRIES:
        tcb.end(tcb.outcome.soft_error or errno.ETIMEDOUT)
        return
    recovery.attempts += 1
    recovery.rto.backoff += 1
    if send.window > 0:
        send.window_max = min(send.window_max, 2 * send.window)
        transmit(tcb, now_ns)
    else:
        send_probe(tcb, now_ns)
    arm(tcb, now_ns)


def _keep_alive(tcb: Tcb, now_ns: int) -> None:
    """Ask a peer that has been silent for long whether it is there; Linux's `tcp_keepalive_timer`."""
    settings = tcb.settings
    if tcb.state is State.TIME_WAIT:
        return
    busy = tcb.send.nxt > tcb.send.una or tcb.send.buffer.end > tcb.send.nxt
    due_ns = tcb.receive.heard_ns + settings.keepalive_idle_ns
    if busy or now_ns < due_ns:
        tcb.timers.start(Timer.KEEPALIVE, now_ns + settings.keepalive_idle_ns if busy else due_ns)
        return
    silent_probes = 1 + (now_ns - due_ns) // settings.keepalive_interval_ns
    if silent_probes > settings.keepalive_probes:
        send_reset(tcb, now_ns)
        tcb.end(errno.ETIMEDOUT)
        return
    send_probe(tcb, now_ns)
    tcb.timers.start(Timer.KEEPALIVE, now_ns + settings.keepalive_interval_ns)
