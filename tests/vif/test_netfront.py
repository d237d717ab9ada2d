"""The frontend alone: its handshake, its packets both ways, and backends that lie."""

from random import Random

import pytest

from actors.abi.interface import XenbusState as S
from actors.abi.netif import EXTRA, EXTRA_MORE, RX_RESPONSE, ExtraType, GsoType, NetifStatus, RxFlags, TxFlags
from actors.abi.ring import RSP_PROD
from actors.network.packet import Packet
from actors.vif.front_queue import RX_BUFFERS, TX_FRAMES
from actors.vif.netfront import PROBE_NS
from actors.vif.transmit_queue import LINE_PACKETS
from tests.vif.frontend_rig import BACK, FRONT, Rig

MORE, EXTRA_INFO = int(RxFlags.MORE_DATA), int(RxFlags.EXTRA_INFO)
GSO = EXTRA.pack(ExtraType.GSO, 0, 1448, GsoType.TCPV4, 0, 0)


def frame_of(size, seed=0):
    return Random(seed).randbytes(size)


@pytest.fixture
def rig():
    return Rig().bring_to(S.Connected)


# The handshake.


def test_it_goes_straight_to_connected_with_all_keys_and_is_of_use_when_the_backend_is():
    rig = Rig()
    rig.back(S.InitWait, "77")
    assert rig.key("state") == "4"
    keys = {
        "request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
        "feature-ipv6-csum-offload", "multi-queue-num-queues",
    }  # fmt: skip
    assert {key: rig.key(key) for key in keys} == dict.fromkeys(keys, "1")
    assert rig.key("event-channel-tx") != rig.key("event-channel-rx")
    assert rig.key("invitation") == "77"
    assert not rig.connected.done
    assert rig.announced == 0
    rig.back(S.Connected)
    assert (rig.connected.done, rig.announced) == (True, 1)


def says_again_that_it_begins(rig):
    """Whether it writes Initialising once more, 5 s after the last time and not before."""
    rig.world.nodes[f"{FRONT}/state"] = ""
    rig.world.advance(PROBE_NS - 2_000_000)
    rig.world.run()
    before = rig.key("state")
    rig.world.advance(4_000_000)
    rig.world.run()
    assert before == ""
    return rig.key("state") == "1"


@pytest.mark.parametrize(("state", "asks"), [("", True), ("1", False)])
def test_without_a_backend_it_says_that_it_begins_each_five_seconds_for_ever(state, asks):
    rig = Rig()
    rig.world.write(f"{BACK}/state", state)
    rig.world.run()
    assert [says_again_that_it_begins(rig) for _ in range(4)] == [asks] * 4
    rig.back(S.InitWait, "1")
    rig.back(S.Connected)
    assert (rig.connected.done, rig.key("state")) == (True, "4")
    assert not says_again_that_it_begins(rig)


def test_one_that_was_opened_again_asks_a_backend_that_is_closed_and_online():
    rig = Rig().bring_to(S.Connected)
    rig.world.nodes[f"{BACK}/online"] = "1"
    rig.world.spawn(rig.guest, rig.front.disconnect(for_good=False))
    rig.back(S.Closing)
    rig.back(S.Closed)
    assert rig.front.state is S.Closed
    rig.front.reopen()
    rig.world.run()
    assert rig.front.state is S.Initialising
    assert [says_again_that_it_begins(rig) for _ in range(2)] == [True, True]
    rig.back(S.InitWait, "2")
    assert rig.key("state") == "4"


def test_one_port_serves_both_rings_where_the_backend_has_no_more():
    rig = Rig(feature_split_event_channels="0").bring_to(S.Connected)
    assert rig.key("event-channel") is not None
    assert rig.key("event-channel-tx") is None
    rig.send(frame_of(60))
    rig.answer_all()
    rig.fill((frame_of(60), 0))
    assert (rig.front.in_flight, len(rig.packets)) == (0, 1)


@pytest.mark.parametrize(
    ("wanted", "offered", "told", "prefixes"),
    [
        (1, "2", "1", [""]),
        (4, "2", "2", ["queue-0/", "queue-1/"]),
        (2, "8", "2", ["queue-0/", "queue-1/"]),
        (3, None, None, [""]),
        (9, "64", "8", [f"queue-{each}/" for each in range(8)]),
    ],
)
def test_there_are_as_many_queues_as_both_want(wanted, offered, told, prefixes, monkeypatch):
    monkeypatch.setattr("actors.vif.front_queue.RX_BUFFERS", 20)
    monkeypatch.setattr("actors.vif.front_queue.TX_FRAMES", 20)
    rig = Rig(queues=wanted, multi_queue_max_queues=offered)
    rig.back(S.InitWait, "1")
    assert rig.key("multi-queue-num-queues") == told
    assert len({rig.key(f"{each}tx-ring-ref") for each in prefixes} - {None}) == len(prefixes)
    assert len({rig.key(f"{each}rx-ring-ref") for each in prefixes} - {None}) == len(prefixes)


def test_packets_of_one_flow_take_one_queue(rig):
    rig = Rig(queues=2).bring_to(S.Connected)
    flows = [frame_of(26, 1) + bytes([each]) * 12 + frame_of(40, 2) for each in range(8)]
    for _ in range(3):
        for flow in flows:
            rig.send(flow)
    sent = [rig.sent(f"queue-{each}/") for each in range(2)]
    assert all(sent)
    assert [frame for frame in sent[0] if frame in sent[1]] == []
    assert all((sent[0] + sent[1]).count(flow) == 3 for flow in flows)


def test_a_backend_that_cannot_copy_is_offered_nothing():
    rig = Rig(feature_rx_copy=None)
    rig.back(S.InitWait, "1")
    assert (rig.front.state, rig.key("tx-ring-ref")) == (S.Initialising, None)
    assert any("copying receive path" in line for line in rig.guest.logs)
    rig.tell()
    rig.back(S.InitWait, "1")
    assert rig.key("state") == "4"


@pytest.mark.parametrize("wrong", ["many", "", "-1", "9" * 30])
def test_a_backend_that_says_nonsense_is_offered_nothing(wrong):
    rig = Rig(multi_queue_max_queues=wrong)
    rig.back(S.InitWait, "1")
    assert rig.front.state is S.Initialising


def test_it_announces_itself_on_every_connected(rig):
    rig.back(S.Connected)
    rig.back(S.Connected)
    assert (rig.announced, rig.front.statistics().announcements) == (3, 3)


def test_a_backend_that_is_gone_without_a_word_changes_nothing(rig):
    keys = dict(rig.world.nodes)
    rig.back(0)
    assert rig.front.state is S.Connected
    assert rig.key("tx-ring-ref") == keys["/local/domain/1/device/vif/0/tx-ring-ref"]
    assert rig.send(frame_of(60))


# Packets to the backend.


@pytest.mark.parametrize("size", [14, 60, 1514, 4096, 4097, 8192, 20000, 65535])
def test_a_frame_lies_in_slots_as_netback_reads_them(rig, size):
    frame = frame_of(size, size)
    assert rig.send(frame)
    assert rig.sent() == [frame]
    slots = rig.slots()
    assert slots[0][4] == size
    assert all(offset + length <= 4096 for _, offset, _, _, length in slots[1:])
    assert len(slots) == (size + 4095) // 4096
    statistics = rig.front.statistics()
    assert (statistics.sent, statistics.sent_bytes, statistics.in_flight) == (1, size, len(slots))


@pytest.mark.parametrize("size", [0, 13, 65536])
def test_what_is_no_frame_is_refused(rig, size):
    with pytest.raises(ValueError, match="a frame of"):
        rig.front.send(Packet(bytes(size)))


def test_a_segment_to_be_cut_has_an_extra_slot_after_the_first(rig):
    rig.send(frame_of(9000), 1448, blank=True)
    first, extra, second, third = rig.slots()
    assert first[2] == TxFlags.CSUM_BLANK | TxFlags.DATA_VALIDATED | TxFlags.EXTRA_INFO | TxFlags.MORE_DATA
    assert extra == (ExtraType.GSO, 1448, GsoType.TCPV4)
    assert (second[2], third[2]) == (TxFlags.MORE_DATA, 0)
    rig.answer_all()
    assert rig.front.in_flight == 0


@pytest.mark.parametrize(
    ("marks", "flags"),
    [
        ({}, 0),
        ({"validated": True}, TxFlags.DATA_VALIDATED),
        ({"blank": True}, TxFlags.DATA_VALIDATED | TxFlags.CSUM_BLANK),
    ],
)
def test_what_is_known_of_a_checksum_is_said(rig, marks, flags):
    rig.send(frame_of(60), **marks)
    assert rig.slots()[0][2] == flags


@pytest.mark.parametrize(
    ("lacks", "size", "segment", "blank"),
    [
        ({"feature_sg": "0"}, 5000, 0, False),
        ({"feature_gso_tcpv4": None}, 3000, 1448, True),
        ({"feature_no_csum_offload": "1"}, 60, 0, True),
    ],
)
def test_what_a_backend_cannot_take_is_dropped_and_counted(lacks, size, segment, blank):
    rig = Rig(**lacks).bring_to(S.Connected)
    rig.send(frame_of(size), segment, blank=blank)
    rig.send(frame_of(60))
    assert rig.sent() == [frame_of(60)]
    assert rig.front.statistics().dropped == 1


def test_frames_are_granted_once_and_only_to_be_read(rig):
    granted = rig.guest.kernel.grants.granted
    for seed in range(3 * TX_FRAMES):
        rig.send(frame_of(60, seed))
        rig.answer_all()
    assert rig.guest.kernel.grants.granted == granted
    rig.send(frame_of(60))
    gref = rig.slots()[0][0]
    assert rig.world.xen.table(1)[2 * gref] & 4, "readonly"


def test_what_finds_no_room_waits_in_order_and_goes_when_there_is_some(rig):
    frames = [frame_of(60, each) for each in range(TX_FRAMES + 10)]
    assert all(rig.send(each) for each in frames)
    assert rig.front.statistics().waiting == 10
    first = rig.sent()
    rig.answer_all()
    assert first + rig.sent() == frames
    rig.answer_all()
    assert (rig.front.in_flight, rig.front.statistics().waiting) == (0, 0)


def test_a_full_line_refuses_and_tells_when_there_is_room_again(rig):
    taken = [rig.front.send(Packet(frame_of(60))) for _ in range(TX_FRAMES + LINE_PACKETS + 3)]
    assert taken.count(False) == 3
    assert rig.front.statistics().dropped == 3
    rig.world.run()
    for _ in range(40):
        rig.answer_all()
    assert (rig.rooms, rig.front.statistics().waiting) == ([True], 0)


def test_long_frames_fill_the_line_by_their_bytes(rig):
    taken = [rig.front.send(Packet(frame_of(65535))) for _ in range(80)]
    assert 60 < taken.count(True) < 70


def test_errors_of_a_backend_are_counted(rig):
    rig.send(frame_of(60))
    rig.answer((rig.slots()[0][3], int(NetifStatus.ERROR)))
    assert (rig.front.in_flight, rig.front.statistics().refused) == (0, 1)


# Packets from the backend.


def test_a_packet_is_handed_on_as_bytes_of_our_own_and_its_buffer_is_posted_again(rig):
    posted = rig.posted()
    assert len(posted) == RX_BUFFERS
    rig.fill((frame_of(60, 1), int(RxFlags.DATA_VALIDATED)))
    assert rig.packets == [Packet(frame_of(60, 1), 0, False, True)]
    assert type(rig.packets[0].frame) is bytes
    assert rig.posted() == [*posted[1:], posted[0]]
    statistics = rig.front.statistics()
    assert (statistics.received, statistics.received_bytes) == (1, 60)


def test_a_packet_of_several_slots_with_an_extra_is_put_together(rig):
    frame = frame_of(9000, 5)
    blank = int(RxFlags.CSUM_BLANK | RxFlags.DATA_VALIDATED)
    rig.fill((frame[:4000], blank | MORE | EXTRA_INFO), GSO, (frame[4000:8000], MORE), (frame[8000:], 0))
    rig.fill((frame_of(60), 0))
    assert rig.packets == [Packet(frame, 1448, True, True), Packet(frame_of(60))]


def test_a_packet_may_come_in_two_events(rig):
    frame, gref = frame_of(5000, 5), rig.posted()[0][1]
    rig.fill((frame[:4000], MORE))
    assert rig.packets == []
    rig.guest.frame(gref)[:] = bytes(4096)
    rig.fill((frame[4000:], 0))
    assert rig.packets == [Packet(frame)]


def test_a_whole_ring_of_packets_comes_through_more_than_once(rig):
    for turn in range(5):
        rig.fill(*((frame_of(60, each + 1000 * turn), 0) for each in range(RX_BUFFERS)))
    assert [each.frame for each in rig.packets] == [
        frame_of(60, each + 1000 * turn) for turn in range(5) for each in range(RX_BUFFERS)
    ]


def raw(rig, *, ident=None, offset=0, flags=0, status=60):
    """A response as it is written, whatever it says."""
    found = rig.posted()[0][0]
    return RX_RESPONSE.pack(found if ident is None else ident, offset, flags, status)


@pytest.mark.parametrize(
    "changes",
    [
        {"offset": 4040}, {"offset": 65535}, {"status": -1}, {"status": -32768}, {"status": 4097},
        {"status": 0}, {"status": 13}, {"offset": 4096, "status": 1},
    ],
)  # fmt: skip
def test_a_response_that_makes_no_sense_costs_its_packet_and_nothing_else(rig, changes):
    rig.fill(raw(rig, **changes), (frame_of(60), 0))
    assert rig.packets == [Packet(frame_of(60))]
    assert rig.front.statistics().malformed == 1
    assert len(rig.posted()) == RX_BUFFERS


@pytest.mark.parametrize(
    "extra",
    [
        EXTRA.pack(ExtraType.GSO, 0, 0, GsoType.TCPV4, 0, 0),
        EXTRA.pack(ExtraType.GSO, 0, 1448, GsoType.NONE, 0, 0),
        EXTRA.pack(ExtraType.GSO, 0, 1448, 3, 0, 0),
        EXTRA.pack(ExtraType.NONE, 0, 1448, GsoType.TCPV4, 0, 0),
        EXTRA.pack(200, 0, 1448, GsoType.TCPV4, 0, 0),
    ],
)
def test_an_extra_that_makes_no_sense_costs_its_packet(rig, extra):
    rig.fill((frame_of(60), EXTRA_INFO), extra, (frame_of(60, 2), 0))
    assert rig.packets == [Packet(frame_of(60, 2))]
    assert rig.front.statistics().malformed == 1


def test_a_packet_without_end_costs_no_memory_and_its_end_is_found(rig):
    for _ in range(4):
        rig.fill(*((bytes(4000), MORE) for _ in range(100)))
    assert sum(map(len, rig.front._queues[0].receive._arriving._parts)) <= 18 * 4096
    rig.fill((bytes(60), 0), (frame_of(60), 0))
    assert rig.packets == [Packet(frame_of(60))]
    endless = EXTRA.pack(ExtraType.GSO, EXTRA_MORE, 1448, GsoType.TCPV4, 0, 0)
    rig.fill((frame_of(60), EXTRA_INFO), *(endless for _ in range(100)))
    assert rig.front.state is S.Connected


@pytest.mark.parametrize("flags", [0, MORE])
def test_an_answer_to_another_buffer_than_the_next_breaks_the_ring(rig, flags):
    rig.fill(raw(rig, ident=5, flags=flags))
    assert (rig.front.state, rig.packets) == (S.Closing, [])


@pytest.mark.parametrize("ring", ["tx", "rx"])
def test_more_responses_than_requests_break_the_ring(rig, ring):
    rig.page(ring).cast("I")[RSP_PROD] = 5000
    rig.event(ring)
    assert rig.front.state is S.Closing
    rig.back(S.Closing)
    rig.back(S.Closed)
    assert (rig.guest.ports, rig.guest.kernel.grants.granted) == ({}, 0)


@pytest.mark.parametrize("answer", [(9, 0), (65535, 0), (0, int(NetifStatus.NULL))])
def test_answers_to_what_was_not_asked_break_the_ring(rig, answer):
    rig.send(frame_of(60))
    rig.answer(answer)
    assert rig.front.state is S.Closing
    assert any("broke the ring" in line for line in rig.guest.logs)


def test_an_answer_that_comes_twice_breaks_the_ring(rig):
    for _ in range(2):
        rig.send(frame_of(60))
    rig.answer((rig.slots()[0][3], 0), (rig.slots()[0][3], 0))
    assert rig.front.state is S.Closing


def test_every_buffer_and_frame_has_one_place(rig):
    random = Random(4)
    for each in range(200):
        if random.random() < 0.6:
            rig.send(frame_of(random.choice([60, 1500, 30000]), each), random.choice([0, 1448]))
        elif random.random() < 0.5:
            rig.answer_all()
        else:
            rig.fill(*((frame_of(100, each), 0) for _ in range(random.randrange(1, 9))))
        rig.front.check()
    assert rig.front.state is S.Connected
