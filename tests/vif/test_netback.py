"""The network backend alone: its handshake, what it publishes, and how frames pass."""

import pytest

from actors.abi.interface import XenbusState as S
from tests.vif.backend_rig import BLANK, VALIDATED, Rig, frame, works


@pytest.fixture
def rig():
    return Rig()


def tcp_frame(source, target, data_bytes, blank=True):
    """A TCP segment without a sound checksum."""
    total = 40 + data_bytes
    ip = bytes(
        [0x45, 0, *total.to_bytes(2, "big"), 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, source, 10, 0, 0, target]
    )
    tcp = bytes([0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0])
    return frame(source, target, 14)[:12] + b"\x08\x00" + ip + tcp + bytes(data_bytes)


def test_a_probe_publishes_what_linux_does_and_waits(rig):
    vif = rig.vif(1)
    assert vif.back.state is S.InitWait
    told = [
        "feature-sg",
        "feature-gso-tcpv4",
        "feature-rx-copy",
        "feature-split-event-channels",
        "feature-ctrl-ring",
    ]
    assert [vif.key(each) for each in told] == ["1"] * 5
    assert (vif.key("multi-queue-max-queues"), vif.key("hotplug-status")) == ("8", "connected")
    assert rig.world.mapped == []


@pytest.mark.parametrize("options", [{}, {"split": False}, {"queues": 3}, {"control": True}])
def test_it_connects_to_a_frontend_that_says_connected_and_gives_all_back(rig, options):
    vif = rig.vif(1, **options).connect()
    rings = 2 * options.get("queues", 1) + ("control" in options)
    assert len(rig.world.mapped) == rings
    assert vif.back.statistics().queues == options.get("queues", 1)
    vif.front(S.Closing)
    assert (rig.world.mapped, rig.dom0.ports, vif.back.state) == ([], {}, S.Closing)
    vif.front(S.Closed)
    assert vif.back.state is S.Closed


def test_a_bridge_that_takes_it_not_is_told_and_nothing_connects(rig):
    rig.bridge.join("vif1.0", lambda _packet: None)
    vif = rig.vif(1)
    vif.front(S.Connected)
    assert (vif.back.state, vif.key("hotplug-status")) == (S.InitWait, "error")
    assert "vif1.0" in vif.key("hotplug-error")
    assert rig.world.mapped == []


def test_a_bridge_that_is_not_there_is_told_as_the_script_tells_it_and_can_be_detached(rig):
    rig.bridge = "nosuch"
    vif = rig.vif(3)
    rig.bridge = rig.make_bridge()
    assert vif.key("feature-sg") == "1"
    vif.front(S.Connected)
    assert (vif.back.state, vif.key("hotplug-status")) == (S.InitWait, "error")
    assert vif.key("hotplug-error") == "Could not find bridge device nosuch"
    assert rig.world.mapped == []
    one, two = rig.pair()
    two.announce()
    assert works(one, two)
    rig.world.write(f"{vif.path}/online", "0")
    rig.world.write(f"{vif.path}/state", "5")
    rig.world.run()
    vif.front(S.Closed)
    assert vif.back.state is S.Closed


def test_a_frontend_that_begins_anew_is_served_anew(rig):
    one, two = rig.pair()
    assert works(one, two)
    one.front(S.Closing)
    one.front(S.Closed)
    one.front(S.Initialising)
    assert one.back.state is S.InitWait
    one.connect()
    assert works(one, two)


def test_an_interface_that_is_removed_leaves_its_bridge(rig):
    one, _ = rig.pair()
    one.back.remove()
    rig.world.run()
    assert rig.world.mapped
    assert all(domid == 2 for domid, _ in rig.world.mapped)
    rig.bridge.join("vif1.0", lambda _packet: None)


@pytest.mark.parametrize(
    "keys",
    [
        {"request_rx_copy": None},
        {"request_rx_copy": "0"},
        {"tx_ring_ref": "77"},
        {"rx_ring_ref": "x"},
        {"rx_ring_ref": None},
        {"event_channel_tx": "99"},
        {"event_channel_rx": None},
        {"multi_queue_num_queues": "9"},
        {"multi_queue_num_queues": "0"},
        {"multi_queue_num_queues": "2"},
        {"ctrl_ring_ref": "77", "event_channel_ctrl": "1"},
        {"ctrl_ring_ref": "8"},
    ],
)
def test_an_offer_that_cannot_be_used_closes_the_device_and_leaves_nothing(rig, keys):
    vif = rig.vif(1, **keys)
    vif.front(S.Connected)
    assert vif.back.state is S.Closing
    assert (rig.world.mapped, rig.dom0.ports) == ([], {})


@pytest.mark.parametrize("options", [{}, {"split": False}])
@pytest.mark.parametrize("size", [14, 60, 1514, 4096, 4097, 65535])
def test_a_frame_of_any_size_comes_as_it_was(rig, options, size):
    one, two = rig.pair(**options)
    views = two.post(17)
    data = frame(1, 2, size, b"abcdefgh"[:1])
    one.put_frame(data, ident=40)
    slots = (size + 4095) // 4096
    assert one.push() == [(40 + number, 0) for number in range(slots)]
    rows = two.received()
    assert [row[0] for row in rows] == list(range(slots))
    assert b"".join(bytes(view[: row[3]]) for view, row in zip(views, rows, strict=False)) == data
    assert [row[2] & 4 for row in rows] == [4] * (slots - 1) + [0]
    assert min(one.events, two.events) > 0


def test_a_turn_of_many_packets_costs_a_copy_each_way(rig):
    one, two = rig.pair()
    two.post(64)
    for number in range(64):
        one.put_frame(frame(1, 2), ident=number)
    calls = rig.dom0.kernel.copies.calls
    assert len(one.push()) == 64
    assert len(two.received()) == 64
    assert rig.dom0.kernel.copies.calls - calls == 2


def test_a_segment_to_be_cut_crosses_as_it_is(rig):
    one, two = rig.pair()
    views = two.post(18)
    data = tcp_frame(1, 2, 60000)
    one.put_frame(data, flags=BLANK | VALIDATED, gso=1448)
    answers = one.push()
    assert [status for _, status in answers] == [0, 1, *[0] * 14]
    rows = two.received()
    assert rows[0][2] & 0x0F == 1 | 2 | 4 | 8
    ident, offset, flags, _ = rows[1]
    assert (ident & 0xFF, ident >> 8, offset, flags & 0xFF) == (1, 0, 1448, 1)
    parts = [(views[0], rows[0])] + [(views[number], rows[number]) for number in range(2, len(rows))]
    assert b"".join(bytes(view[: row[3]]) for view, row in parts) == data


def test_a_frontend_without_offload_gets_frames_that_are_whole(rig):
    one = rig.vif(1).connect()
    two = rig.vif(2, feature_gso_tcpv4=None, feature_no_csum_offload="1").connect()
    two.post(18)
    one.put_frame(tcp_frame(1, 2, 3000), flags=BLANK | VALIDATED, gso=1448)
    one.push()
    assert [(row[2], row[3]) for row in two.received()] == [(0, 54 + 1448), (0, 54 + 1448), (0, 54 + 104)]


def test_an_offload_that_does_not_fit_the_frame_is_dropped(rig):
    one, two = rig.pair()
    two.post(4)
    one.put_frame(frame(1, 2), flags=BLANK)
    assert one.push() == [(0, -1)]
    assert two.received() == []
    assert one.back.statistics().drops["bad-offload"] == 1


def test_what_waits_for_buffers_is_bounded_and_expires(rig):
    one, two = rig.pair()
    ref, _ = one.data_frame(frame(1, 2))
    for _ in range(9):
        for number in range(128):
            one.put(ref, 0, 100, ident=number)
        assert {status for _, status in one.push()} == {0}
    statistics = two.back.statistics()
    assert (statistics.rx_queued, statistics.drops["queue-full"]) == (1000, 152)
    rig.world.advance(10_000_000_000)
    statistics = two.back.statistics()
    assert (statistics.rx_queued, statistics.drops["expired"]) == (0, 1000)


def test_a_guest_that_posts_no_buffers_is_stalled_until_it_does_and_holds_up_nobody(rig):
    one, two = rig.pair()
    three = rig.vif(3).connect()
    for each in (two, three):
        each.announce()
    for second in range(0, 61, 5):
        one.put_frame(frame(1, 2), ident=second)
        one.push()
        assert works(one, three)
        rig.world.advance(5_000_000_000)
    statistics = two.back.statistics()
    assert (statistics.carrier, statistics.stalls, statistics.rx_queued) == (False, 1, 0)
    one.put_frame(frame(1, 2))
    one.push()
    dropped = two.back.statistics().drops["no-carrier"]
    assert dropped > 0
    two.put_frame(frame(2, 1))
    assert two.push() == [(0, 0)]
    assert two.back.statistics().drops["no-carrier"] == dropped + 1
    two.post(1)
    assert two.back.statistics().carrier
    one.put_frame(frame(1, 2))
    one.push()
    assert [row[3] for row in two.received()] == [100]


def test_a_packet_takes_no_buffers_before_there_are_enough(rig):
    one, two = rig.pair()
    two.post(2)
    one.put_frame(frame(1, 2, 9000))
    one.push()
    assert two.received() == []
    two.post(1, first=2)
    assert [row[3] for row in two.received()] == [4096, 4096, 808]


def test_a_rate_lets_a_burst_pass_and_then_so_much_in_each_window(rig):
    one = rig.vif(1, back=[("rate", "10000,50000")]).connect()
    two = rig.vif(2).connect()
    two.post(64)
    for number in range(10):
        one.put_frame(frame(1, 2, 4000), ident=number)
    assert len(one.push()) == 2
    rig.world.advance(50_000_000)
    assert len(one.answers()) == 3
    rig.world.advance(1_000_000_000)
    assert len(one.answers()) == 5
    assert one.back.statistics().throttled > 0


def test_a_rate_that_makes_no_sense_is_none(rig):
    one = rig.vif(1, back=[("rate", "fast")]).connect()
    assert any("makes no sense" in line for line in rig.dom0.logs)
    assert works(one, rig.vif(2).connect())


def test_with_antispoof_only_its_own_frames_pass(rig):
    one = rig.vif(1, back=[("antispoof", "yes"), ("ip", "10.0.0.1")]).connect()
    two = rig.vif(2).connect()
    two.post(4)
    one.put_frame(frame(3, 2))
    one.put_frame(frame(1, 2))
    one.push()
    assert [row[3] for row in two.received()] == [100]
    assert rig.bridge.statistics().ports["vif1.0"].in_drops["source-mac"] == 1


def test_the_hash_of_the_guest_says_which_queue(rig):
    one = rig.vif(1).connect()
    two = rig.vif(2, queues=2, control=True).connect()
    assert two.ask(7, 1) == (0, 0)
    assert two.ask(2, 15) == (0, 0)
    assert two.ask(5, 128) == (0, 0)
    ref, _ = two.data_frame(b"\x01\x00\x00\x00" * 128)
    assert two.ask(6, ref, 128, 0) == (0, 0)
    assert rig.world.mapped
    two.post(1, queue=0)
    two.post(1, queue=1)
    one.put_frame(tcp_frame(1, 2, 10))
    one.push()
    assert (len(two.received(queue=0)), len(two.received(queue=1))) == (0, 1)


@pytest.mark.parametrize("policy", ["renegotiate", "resume"])
def test_a_new_dom0_serves_frontends_again(policy):
    rig = Rig(policy)
    one, two = rig.pair()
    assert works(one, two)
    two.post(3)
    rig.dom0_again()
    if policy == "renegotiate":
        assert one.back.state is S.InitWait
        return
    assert (one.back.state, one.back.recoveries.resumes) == (S.Connected, 1)
    one.put_frame(frame(1, 2, 300))
    one.push()
    assert [row[3] for row in two.received()] == [300]


@pytest.mark.parametrize("turns", range(12))
def test_whenever_dom0_dies_nothing_comes_twice_nor_broken(turns):
    rig = Rig("resume")
    one, two = rig.pair()
    views = two.post(64)
    sent = []
    for number in range(8):
        data = frame(1, 2, 200 + number, bytes([65 + number]))
        sent.append(data)
        one.put_frame(data, ident=number)
    one.tx.ring.push()
    rig.world.xen.kick(1, one.queues[0][2])
    for _ in range(turns):
        rig.world.turn()
    rig.dom0_again()
    rig.world.run()
    answers = one.answers()
    assert [ident for ident, _ in answers] == list(range(8))
    found = [bytes(views[row[0]][: row[3]]) for row in two.received() if row[3] > 0]
    assert found == sorted(set(found), key=sent.index)
    one.put_frame(frame(1, 2, 500))
    one.push()
    assert [row[3] for row in two.received()] == [500]


class Deaf:
    """The doorbell of somebody who dies before it can be rung."""

    due = True

    def silence(self):
        pass


def test_what_was_sent_and_not_answered_is_not_sent_again():
    rig = Rig("resume")
    two, one = rig.pair()
    two.post(8)
    one.back._connection.queues[0].tx._doorbell = Deaf()
    one.put_frame(frame(2, 1, 200), ident=3)
    assert one.push() == []
    assert [row[3] for row in two.received()] == [200]
    one.put_frame(frame(2, 1, 300), ident=4)
    one.tx.ring.push()  # nobody hears of this one any more
    rig.dom0_again()
    assert one.answers() == [(3, -1), (4, 0)]
    assert [row[3] for row in two.received()] == [300]
    assert one.back.statistics().drops["taken-up"] == 1
