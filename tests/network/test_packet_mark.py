"""What a packet is known by: the same on every way that it goes, and another for every other packet."""

from collections import Counter

import pytest

from actors.network.packet import Packet
from actors.network.packet_mark import ARP, OTHER, kind_of, mark_of
from actors.network.wire_frames import wire_frames
from tests.cluster.lab.capture.packets import exchanged

WIRE_BYTES = 1514
ICMP, TCP, UDP = 1, 6, 17


@pytest.mark.parametrize("offload", [False, True])
def test_what_goes_to_a_wire_has_the_mark_of_what_was_sent(offload: bool) -> None:
    packets = [packet for _, packet in exchanged(offload=offload)]
    assert any(each.segment_bytes for each in packets) == offload

    for each in packets:
        first, *others = wire_frames(each, WIRE_BYTES)
        assert mark_of(first) == mark_of(each.frame)
        assert mark_of(each.frame) not in map(mark_of, others)


@pytest.mark.parametrize("offload", [False, True])
def test_no_two_packets_of_a_conversation_have_one_mark(offload: bool) -> None:
    frames = [frame for _, each in exchanged(offload=offload) for frame in wire_frames(each, WIRE_BYTES)]
    assert len(frames) > 150
    assert Counter(map(mark_of, frames)).most_common(1)[0][1] == 1


def test_the_segments_of_one_packet_are_not_taken_for_the_next_packet() -> None:
    """The identifications of segments go on from that of their packet, and so do those of packets."""
    big = next(each for _, each in exchanged(offload=True) if each.segment_bytes)
    identification = int.from_bytes(big.frame[18:20], "big")
    behind = Packet(big.frame[:18] + (identification + 1).to_bytes(2, "big") + big.frame[20:])

    assert mark_of(behind.frame) not in map(mark_of, wire_frames(big, WIRE_BYTES))


def test_a_packet_is_called_by_its_protocol() -> None:
    kinds = {kind_of(each.frame) for _, each in exchanged(offload=False)}

    assert kinds == {ARP, ICMP, TCP, UDP}
    assert kind_of(bytes(12) + b"\x86\xdd" + bytes(46)) == OTHER
    assert kind_of(bytes(12) + b"\x08\x00" + bytes(19)) == OTHER, "too short for a header"


@pytest.mark.parametrize("size", range(60))
def test_what_is_short_or_nonsense_has_a_mark_too(size: int) -> None:
    frame = bytes(12) + b"\x08\x00" + bytes([255]) * 46
    assert 0 <= mark_of(frame[:size]) < 1 << 32
