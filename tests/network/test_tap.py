"""Taps: what an interface shows while somebody looks, and what it costs those who do not."""

from actors.capture_messages import (
    CAPTURE_WINDOW_BYTES,
    Captured,
    CaptureTaken,
    StartCapture,
    StopCapture,
)
from actors.messages import CODEC
from actors.network.packet import Packet
from actors.network.tap import Direction, Taps, size_of
from actors.runtime.codec import MAX_FRAME_BYTES

PACKET = Packet(bytes(range(100)))


def test_a_tap_is_off_until_somebody_looks_and_then_shows_packets_in_their_order():
    taps = Taps()
    tap = taps.tap("vif0")
    assert not tap.on
    taps.take(StartCapture("vif0", 60))
    assert tap.on
    assert taps.tap("vif0") is tap
    tap.saw(Direction.outbound, PACKET, 5)
    tap.saw(Direction.inbound, Packet(b"x" * 70, 1448, blank=True), 6, "no-carrier")
    assert taps.captured() == [
        Captured("vif0", [[5, 1, 100, 0, "", PACKET.frame[:60]], [6, 0, 70, 1, "no-carrier", b"x" * 60]], 0)
    ]
    assert taps.captured() == []


def test_one_that_is_asked_again_goes_on_and_one_that_is_stopped_shows_nothing():
    taps = Taps()
    tap = taps.tap("vif0")
    taps.take(StartCapture("vif0", 60))
    tap.saw(Direction.outbound, PACKET, 5)
    taps.take(StartCapture("vif0", 10))
    assert [len(each.packets) for each in taps.captured()] == [1]
    tap.saw(Direction.outbound, PACKET, 6)
    taps.take(StopCapture("vif0"))
    assert not tap.on
    assert taps.captured() == []
    taps.take(StartCapture("vif0", 10))
    assert taps.captured() == [], "nothing is left of before"


def test_only_the_interface_that_was_asked_for_shows_anything():
    taps = Taps()
    other = taps.tap("vif1")
    taps.take(StartCapture("vif0", 60))
    assert not other.on


def test_what_nobody_takes_is_bounded_and_what_is_missed_is_counted():
    taps = Taps()
    tap = taps.tap("vif0")
    taps.take(StartCapture("vif0", 1 << 20))
    for at_ns in range(200):
        tap.saw(Direction.outbound, Packet(bytes(65_550)), at_ns)
    shown = taps.captured()
    rows = [row for each in shown for row in each.packets]
    size = sum(map(size_of, rows))
    assert CAPTURE_WINDOW_BYTES - 65_614 < size <= CAPTURE_WINDOW_BYTES
    assert sum(each.missed for each in shown) == 200 - len(rows)
    tap.saw(Direction.outbound, Packet(bytes(65_550)), 202)
    taps.take(CaptureTaken("vif0", size_of(rows[0])))
    tap.saw(Direction.outbound, Packet(bytes(65_550)), 203)
    (last,) = taps.captured()
    assert ([row[0] for row in last.packets], last.missed) == ([203], 1)


def test_every_message_fits_into_a_frame():
    taps = Taps()
    tap = taps.tap("vif0")
    taps.take(StartCapture("vif0", 1 << 20))
    for _ in range(63):
        tap.saw(Direction.outbound, Packet(bytes(65_550)), 1)
        tap.saw(Direction.outbound, Packet(bytes(60)), 1)
    messages = taps.captured()
    assert all(len(CODEC.encode(each)) < MAX_FRAME_BYTES for each in messages)
    assert [each for data in map(CODEC.encode, messages) for each in CODEC.decode_frame(data)] == messages
