"""The TCP machine is held to captures of Linux's: it plays one end of each, and has to send what Linux sent.

The same segments in the same order: sequence numbers, flags, options in their bytes, data. Left out of the
comparison are PSH, which Linux sets at the end of each of its bursts (where this stack sets it, Linux does),
windows but for whether they are closed (Linux's buffers grow), and identifications. Times are held to
`assert_when`.
"""

import errno

import dpkt
import pytest

from actors.inet.drops import Drop
from actors.inet.durations import MILLISECOND
from actors.inet.ethernet import parse_frame
from actors.inet.ipv4 import parse_ipv4
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_options import TIMESTAMPS
from actors.inet.tcp_segment import HEADER_BYTES, PSH, Segment
from tests.inet.captured import Captured, load, names
from tests.inet.replay import Replay, is_incoming, segment_of

SLACK_NS = 10 * MILLISECOND
"""Of Linux: two ticks of 250 Hz, and how long it takes to do anything."""
ENDS = {
    "keepalive": errno.ETIMEDOUT,
    "refused_by_peer": errno.ECONNREFUSED,
    "reset_by_peer": errno.ECONNRESET,
    "reset_by_us": errno.ECONNABORTED,
    "unread": errno.ECONNABORTED,
}
NO_SOCKET = {"refused_by_us", "reset_by_us"}


def options_of(frame: bytes) -> bytes:
    """As they are, but for the numbers of timestamps."""
    payload = bytes(parse_ipv4(parse_frame(frame).payload).payload)
    options = bytearray(payload[HEADER_BYTES : (payload[12] >> 4) * 4])
    at = bytes(options).find(bytes((TIMESTAMPS, 10)))
    if at >= 0:
        options[at + 2 : at + 10] = bytes(8)
    return bytes(options)


def said(frame: bytes) -> tuple[object, ...]:
    segment = segment_of(frame)
    return (
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.acknowledgement,
        segment.flags & ~PSH,
        segment.window == 0,
        options_of(frame),
        bytes(segment.payload),
    )


def assert_stamps(ours: Segment, theirs: Segment, later_ns: int) -> None:
    """TSval is the time; TSecr is that of the same segment of the peer or, in a burst, of one before."""
    value, echo = ours.options.timestamps or (0, 0)
    their_value, their_echo = theirs.options.timestamps or (0, 0)
    later = (their_value - value + (1 << 31)) % (1 << 32) - (1 << 31)
    assert abs(later - later_ns / MILLISECOND) <= 2
    assert (their_echo - echo) % (1 << 32) <= 1


def assert_when(captured: Captured, replay: Replay) -> None:
    """Each as long after what was before it as in Linux, whose timers are never early.

    They are late by a tick, and by up to an eighth of what they wait for: `kernel/time/timer.c`.
    """
    heard = [at_ns for at_ns, frame in captured.frames if is_incoming(frame)]
    heard += [at_ns for at_ns, _, _ in captured.calls]
    linux = [at_ns for at_ns, frame in captured.frames if not is_incoming(frame)]
    before = [0, 0]
    for theirs_ns, (ours_ns, _) in zip(linux, replay.sent, strict=True):
        cause_ns = max((at_ns for at_ns in heard if at_ns <= theirs_ns), default=0)
        theirs, ours = theirs_ns - max(cause_ns, before[0]), ours_ns - max(cause_ns, before[1])
        assert ours <= theirs + MILLISECOND, (ours_ns, theirs_ns)
        assert theirs <= ours + ours // 8 + SLACK_NS, (ours_ns, theirs_ns)
        before = [theirs_ns, ours_ns]


@pytest.mark.parametrize("name", names())
def test_this_stack_sends_what_linux_sent(name: str) -> None:
    captured = load(name)
    replay = Replay(captured)
    linux = [(at_ns, frame) for at_ns, frame in captured.frames if not is_incoming(frame)]
    assert [said(frame) for _, frame in replay.sent] == [said(frame) for _, frame in linux]
    assert_when(captured, replay)
    for (ours_ns, ours), (theirs_ns, theirs) in zip(replay.sent, linux, strict=True):
        we, they = segment_of(ours), segment_of(theirs)
        assert they.flags & PSH or not we.flags & PSH
        assert_stamps(we, they, theirs_ns - ours_ns)
    assert set(replay.stack.network.drops) == ({Drop.TCP_NO_SOCKET} if name in NO_SOCKET else set())
    assert replay.error == ENDS.get(name)
    assert replay.heard.count(TcpEvent.CLOSED) <= 1


@pytest.mark.parametrize("name", names())
def test_this_parser_and_dpkt_read_the_same(name: str) -> None:
    for _, frame in load(name).frames:
        ethernet = dpkt.ethernet.Ethernet(frame)
        packet, segment = ethernet.data, ethernet.data.data
        ours = segment_of(frame)
        assert (ours.source_port, ours.destination_port) == (segment.sport, segment.dport)
        assert (ours.sequence, ours.acknowledgement) == (segment.seq, segment.ack)
        assert (ours.flags, ours.window) == (segment.flags, segment.win)
        assert bytes(ours.payload) == segment.data
        options = dict(dpkt.tcp.parse_opts(segment.opts))
        assert (ours.options.mss is not None) == (dpkt.tcp.TCP_OPT_MSS in options)
        assert (ours.options.scale is not None) == (dpkt.tcp.TCP_OPT_WSCALE in options)
        assert ours.options.sack_permitted == (dpkt.tcp.TCP_OPT_SACKOK in options)
        assert len(ours.options.sack) * 8 == len(options.get(dpkt.tcp.TCP_OPT_SACK, b""))
        ours_ip = parse_ipv4(parse_frame(frame).payload)
        assert ours_ip.source.to_bytes(4, "big") == packet.src
        assert ours_ip.destination.to_bytes(4, "big") == packet.dst
        assert (ours_ip.ttl, ours_ip.identification) == (packet.ttl, packet.id)
        kept = packet.sum, segment.sum
        packet.sum = segment.sum = 0
        bytes(packet)
        assert (packet.sum, segment.sum) == kept
