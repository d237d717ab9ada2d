"""The network controller as its host sees it: frames out and in, reset, state of the link."""

import pytest

from actors.abi.network_controller import (
    DONE,
    END,
    FILTER_VALID,
    MAX_CHAIN,
    ControlFlags,
    ControllerStatus,
    DescriptorStatus,
    Register,
    mac_words,
    rx_tail,
    tx_tail,
)
from actors.messages import EthernetFrame, Line, MmioRead, MmioWrite, PowerButton, PowerFails
from actors.network.mac_address import BROADCAST
from actors.runtime.machine import CloseLink, Exit, LinkClosed, LinkOpened, Received
from tests.devices.nic_rig import BUFFERS, DATA, FRAMES, MAC, PEER, RINGS, Rig, ethernet

READY, ERROR, UP = ControllerStatus.ready, ControllerStatus.error, ControllerStatus.link_up
GIGABIT = 1_000_000_000


def test_a_frame_of_one_buffer_goes_onto_the_wire():
    rig = Rig()
    index = rig.send(ethernet(PEER, MAC))
    assert rig.wire == []
    rig.ring(1)
    assert rig.wire == [ethernet(PEER, MAC)]
    assert rig.sent(index) == DescriptorStatus.okay
    assert rig.signals == ["ioapic"]


def test_a_frame_of_many_buffers_is_one_and_only_its_last_descriptor_is_answered():
    rig = Rig(tx=32, mtu=9000)
    data = ethernet(PEER, MAC, bytes(range(250)) * 4)
    size = 60
    cuts = [data[at : at + size] for at in range(0, len(data), size)]
    assert len(cuts) <= MAX_CHAIN
    for place, piece in enumerate(cuts):
        mfn, first = DATA + place % 4, 256 * (place // 4)
        rig.memory.frame(mfn)[first : first + len(piece)] = piece
        rig.put(1, mfn, first, len(piece), END if place == len(cuts) - 1 else 0)
    rig.ring(1)
    assert rig.wire == [data]
    assert [rig.sent(place) for place in range(len(cuts))] == [None] * (len(cuts) - 1) + [0]


def test_a_frame_whose_end_has_not_come_waits_for_it():
    rig = Rig()
    data = ethernet(PEER, MAC)
    rig.memory.frame(DATA)[: len(data)] = data
    rig.put(1, DATA, 0, 20)
    rig.ring(1)
    assert (rig.wire, rig.signals) == ([], [])
    rig.put(1, DATA, 20, len(data) - 20, END)
    rig.ring(1)
    assert rig.wire == [data]


@pytest.mark.parametrize(("status", "descriptors"), [
    (DescriptorStatus.bad_buffer, [(FRAMES, 0, 60)]),
    (DescriptorStatus.bad_buffer, [(0xFFFFFFFF, 0, 60)]),
    (DescriptorStatus.bad_buffer, [(DATA, 4090, 60)]),
    (DescriptorStatus.bad_buffer, [(DATA, 65535, 65535)]),
    (DescriptorStatus.bad_buffer, [(DATA, 0, 0)]),
    (DescriptorStatus.bad_buffer, [(DATA, 0, 60), (FRAMES, 0, 1), (DATA, 0, 60)]),
    (DescriptorStatus.too_short, [(DATA, 0, 13)]),
    (DescriptorStatus.too_long, [(DATA, 0, 1519)]),
    (DescriptorStatus.too_long, [(DATA, 0, 1000), (DATA, 0, 519)]),
    (DescriptorStatus.too_many_buffers, [(DATA, 0, 1)] * (MAX_CHAIN + 1)),
    (DescriptorStatus.okay, [(DATA, 0, 14)]),
    (DescriptorStatus.okay, [(DATA, 0, 1518)]),
    (DescriptorStatus.okay, [(DATA, 0, 1)] * MAX_CHAIN),
])  # fmt: skip
def test_nonsense_in_a_ring_is_answered_counted_and_does_not_stop_the_queue(status, descriptors):
    rig = Rig(tx=64)
    for place, each in enumerate(descriptors):
        last = rig.put(1, *each, END if place == len(descriptors) - 1 else 0)
    good = rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    assert rig.sent(last) == status
    assert rig.sent(good) == 0
    assert rig.wire[-1] == ethernet(PEER, MAC)
    assert len(rig.wire) == (2 if status == DescriptorStatus.okay else 1)
    drops = rig.nic.statistics().tx_drops
    assert sum(drops.values()) == (status != DescriptorStatus.okay)
    assert not status or drops[status.name] == 1


def test_received_frames_lie_in_the_buffers_in_their_order():
    rig = Rig()
    rig.post(3)
    rig.receive(ethernet(payload=b"one"), ethernet(payload=b"two"))
    assert rig.received(0) == (ethernet(payload=b"one"), True)
    assert rig.received(1) == (ethernet(payload=b"two"), True)
    assert rig.received(2) is None
    assert rig.signals == ["ioapic"], "one turn, one interrupt"
    assert rig.nic.statistics().rx_buffers == 1


def test_a_long_frame_takes_several_buffers_and_leaves_the_rest_of_the_last_one_alone():
    rig = Rig()
    rig.post(3, length=512)
    rig.memory.frame(BUFFERS + 2)[:] = b"." * 4096
    data = ethernet(payload=bytes(1100 - 14))
    rig.receive(data)
    pieces = [rig.received(index) for index in range(3)]
    assert b"".join(piece for piece, _ in pieces) == data
    assert [end for _, end in pieces] == [False, False, True]
    assert rig.memory.frame(BUFFERS + 2)[1100 - 1024] == ord(".")


def test_a_frame_that_does_not_fit_into_the_buffers_is_dropped_whole():
    rig = Rig()
    rig.post(2, length=512)
    rig.receive(ethernet(payload=bytes(1100)))
    assert rig.received(0) is None
    assert rig.signals == []
    assert rig.nic.statistics().rx_drops["no_buffer"] == 1
    rig.receive(ethernet())
    assert rig.received(0) == (ethernet(), True)


def test_both_rings_wrap_many_times():
    rig = Rig(rx=3, tx=3)
    for number in range(20):
        data = ethernet(payload=bytes([number]) * 50)
        rig.post(1)
        rig.receive(data)
        assert rig.received(number % 3) == (data, True)
        index = rig.send(ethernet(PEER, MAC, data))
        rig.ring(1)
        assert (rig.sent(index), rig.wire[-1]) == (0, ethernet(PEER, MAC, data))


def test_only_what_is_for_it_is_received():
    rig = Rig()
    rig.post(7)
    group, other = bytes.fromhex("01005e000001"), bytes.fromhex("00163e0000ff")
    for wanted, target in ((1, MAC), (1, BROADCAST), (0, group), (0, other), (0, PEER)):
        before = rig.nic.statistics()
        rig.receive(ethernet(target))
        after = rig.nic.statistics()
        assert (after.rx_frames - before.rx_frames, after.filtered - before.filtered) == (wanted, 1 - wanted)


@pytest.mark.parametrize(("flags", "more"), [
    (ControlFlags.promiscuous, {"01005e000001", "00163e0000ff"}),
    (ControlFlags.all_multicast, {"01005e000001"}),
    (ControlFlags(0), set()),
])  # fmt: skip
def test_modes_widen_the_filter_and_may_change_while_it_runs(flags, more):
    rig = Rig()
    rig.post(7)
    rig.write(Register.control, ControlFlags.enable | ControlFlags.promiscuous)
    rig.write(Register.control, ControlFlags.enable | flags)
    assert rig.read(Register.control) == ControlFlags.enable | flags
    for target in ("01005e000001", "00163e0000ff"):
        before = rig.nic.statistics().rx_frames
        rig.receive(ethernet(bytes.fromhex(target)))
        assert rig.nic.statistics().rx_frames - before == (target in more)


def test_rows_of_the_filter_add_addresses_and_a_reset_clears_them():
    rig = Rig()
    rig.post(7)
    low, high = mac_words(PEER)
    rig.write(Register.filter_select, 15)
    rig.write(Register.filter_low, low)
    rig.write(Register.filter_high, high)
    rig.receive(ethernet(PEER))
    assert rig.nic.statistics().filtered == 1, "a row counts once it is valid"
    rig.write(Register.filter_high, high | FILTER_VALID)
    assert (rig.read(Register.filter_low), rig.read(Register.filter_high)) == (low, high | FILTER_VALID)
    rig.receive(ethernet(PEER))
    assert rig.nic.statistics().rx_frames == 1
    rig.write(Register.control, 0)
    rig.enable()
    rig.post(1)
    rig.receive(ethernet(PEER))
    assert rig.nic.statistics().rx_frames == 1


@pytest.mark.parametrize(("reason", "data"), [
    ("too_short", b""), ("too_short", b"x" * 13), ("too_long", ethernet(payload=bytes(1505))),
])  # fmt: skip
def test_absurd_frames_from_the_wire_are_dropped_by_reason(reason, data):
    rig = Rig()
    rig.post(7)
    rig.receive(data)
    assert rig.nic.statistics().rx_drops[reason] == 1
    assert rig.received(0) is None


def test_the_longest_frame_is_that_of_the_mtu_with_a_tag():
    rig = Rig(mtu=65535, rx=64, tx=64)
    rig.post(20, length=4096)
    data = ethernet(payload=bytes(65535 + 4))
    assert rig.read(Register.frame_bytes) == len(data)
    rig.receive(data)
    assert rig.nic.statistics().rx_bytes == len(data)
    rig.receive(data + b"x")
    assert rig.nic.statistics().rx_drops["too_long"] == 1


def test_a_reset_stops_all_that_was_put_in():
    rig = Rig(bits_per_second=GIGABIT)
    rig.post(4)
    for _ in range(3):
        rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    assert rig.nic.next_deadline_ns() is not None
    rig.write(Register.control, 0)
    before = [bytes(rig.memory.frame(mfn)) for mfn in range(FRAMES)]
    rig.at(1_000_000_000)
    rig.receive(ethernet())
    rig.ring(0)
    rig.ring(1)
    assert rig.wire == [], "not even the one that was on the wire"
    assert [bytes(rig.memory.frame(mfn)) for mfn in range(FRAMES)] == before
    assert rig.nic.statistics().rx_drops["not_enabled"] == 1
    assert (rig.read(Register.status) & READY, rig.nic.next_deadline_ns()) == (0, None)


def test_a_driver_that_dies_resets_it_too():
    rig = Rig(bits_per_second=GIGABIT)
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    rig.give(LinkClosed("dom0", "died"))
    rig.at(1_000_000_000)
    assert (rig.wire, rig.read(Register.status)) == ([], UP)


def test_after_a_reset_it_serves_new_rings():
    rig = Rig()
    rig.send(ethernet(PEER, MAC))
    rig.write(Register.control, 0)
    rig.enable()
    index = rig.send(ethernet(PEER, MAC, b"new"))
    rig.ring(1)
    assert (rig.sent(index), rig.wire) == (0, [ethernet(PEER, MAC, b"new")])


@pytest.mark.parametrize(("register", "value"), [
    (Register.rx_mfn, FRAMES), (Register.tx_mfn, FRAMES), (Register.rx_mfn, 0xFFFFFFFF),
    (Register.rx_entries, 0), (Register.rx_entries, 1), (Register.tx_entries, 1025),
    (Register.tx_entries, 0xFFFFFFFF), (Register.status_mfn, FRAMES),
])  # fmt: skip
def test_rings_that_cannot_be_stop_it_until_a_reset(register, value):
    rig = Rig()
    rig.write(Register.control, 0)
    for each, good in (
        (Register.queue_select, 0), (Register.rx_mfn, RINGS), (Register.rx_entries, 8),
        (Register.tx_mfn, RINGS + 1), (Register.tx_entries, 8), (register, value),
    ):  # fmt: skip
        rig.write(each, good)
    rig.write(Register.control, ControlFlags.enable)
    assert rig.read(Register.status) == ERROR | UP
    rig.write(Register.control, ControlFlags.enable)
    assert rig.read(Register.status) == ERROR | UP
    rig.write(Register.control, 0)
    rig.enable()
    assert rig.read(Register.status) == READY | UP


@pytest.mark.parametrize("doorbell", [rx_tail(0), tx_tail(0)])
def test_a_doorbell_beyond_the_ring_stops_it_and_the_status_word_says_so(doorbell):
    rig = Rig()
    rig.write(doorbell, 8)
    assert rig.status_word() == ERROR | UP
    assert rig.signals == ["ioapic"]
    assert rig.nic.statistics().failures == 1
    assert "tail 8 of 8 entries" in rig.logs[0]


@pytest.mark.parametrize("buffer", [(FRAMES, 0, 100), (DATA, 0, 0), (DATA, 4000, 100)])
def test_a_buffer_to_receive_into_that_is_none_stops_it(buffer):
    rig = Rig()
    rig.put(0, *buffer)
    rig.ring(0)
    rig.receive(ethernet())
    assert rig.status_word() == ERROR | UP
    assert rig.logs[0].startswith("controller stopped: a buffer of")


def test_the_status_word_follows_the_link():
    rig = Rig(wired=False)
    assert rig.status_word() == READY
    rig.give(LinkOpened("wire"))
    assert (rig.status_word(), rig.signals) == (READY | UP, ["ioapic"])
    assert rig.read(Register.interrupt_cause) == 0, "an edge acknowledges itself"
    rig.give(LinkClosed("wire", "unplugged"))
    assert rig.status_word() == READY
    assert rig.nic.statistics().link_changes == 2


def test_without_a_carrier_frames_are_taken_and_dropped():
    rig = Rig(wired=False)
    index = rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    assert (rig.sent(index), rig.wire) == (DescriptorStatus.link_down, [])
    assert rig.nic.statistics().tx_drops["link_down"] == 1


def test_frames_leave_as_fast_as_the_line_is():
    rig = Rig(bits_per_second=GIGABIT)
    for size in (46, 1000):
        rig.send(ethernet(PEER, MAC, bytes(size)), mfn=DATA + size // 1000)
    rig.now_ns = 5
    rig.ring(1)
    first = (60 + 24) * 8
    second = (1014 + 24) * 8
    assert rig.nic.next_deadline_ns() == 5 + first
    rig.at(5 + first - 1)
    assert (len(rig.wire), rig.sent(0)) == (0, None)
    rig.at(5 + first)
    assert (len(rig.wire), rig.sent(0), rig.sent(1)) == (1, 0, None)
    assert rig.nic.next_deadline_ns() == 5 + first + second
    rig.at(1_000_000)
    assert len(rig.wire) == 2
    assert rig.nic.next_deadline_ns() is None


def test_who_wakes_late_does_not_make_the_line_slower():
    rig = Rig(bits_per_second=GIGABIT, tx=16)
    for _ in range(10):
        rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    rig.now_ns = 5 * 672 + 10
    rig.give()
    assert len(rig.wire) == 5
    assert rig.nic.next_deadline_ns() == 6 * 672


def test_queues_take_turns_on_the_line():
    rig = Rig(queues=2, bits_per_second=GIGABIT)
    for number in range(3):
        for queue in (0, 1):
            rig.send(ethernet(PEER, MAC, bytes([queue]) * 46), queue=queue, mfn=DATA + queue + 2 * number)
    rig.ring(1)
    rig.ring(3)
    rig.at(1_000_000)
    assert [frame[14] for frame in rig.wire] == [0, 1, 0, 1, 0, 1]


def test_a_flow_stays_in_its_queue_and_flows_spread():
    rig = Rig(queues=4, rx=64)
    for queue in range(4):
        rig.post(4, queue=queue)

    def packet(port: int) -> bytes:
        return MAC + PEER + b"\x08\x00" + bytes(12) + b"\x0a\0\0\1\x0a\0\0\2" + port.to_bytes(2) + b"\0\x50"

    engine = rig.nic._engine
    queues = {port: engine.receiver.queue_of(packet(port)) for port in range(64)}
    assert set(queues.values()) == {0, 1, 2, 3}
    rig.receive(packet(7) + b"first", packet(7) + b"second")
    ring = 2 * queues[7]
    assert [rig.received(index, ring=ring)[0][-5:] for index in (0, 1)] == [b"first", b"econd"]
    assert rig.signals == [f"ioapic{queues[7] or ''}"]
    assert engine.receiver.queue_of(ethernet()) == 0


@pytest.mark.parametrize(("order", "reason"), [(PowerButton(), "power button"), (PowerFails(), "no power")])
def test_without_power_it_touches_nothing_any_more(order, reason):
    rig = Rig(bits_per_second=GIGABIT)
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    assert rig.give(Received("supervisor", order)) == [Exit(reason)]
    rig.at(1_000_000)
    assert rig.wire == []


@pytest.mark.parametrize(("link", "message"), [
    ("dom0", Line(True)), ("dom0", PowerButton()), ("wire", MmioWrite(0, 0)), ("dom3", MmioRead(1, 0)),
    ("supervisor", EthernetFrame(b"")), ("xen", EthernetFrame(b"")), ("dom0", EthernetFrame(ethernet())),
])  # fmt: skip
def test_who_says_what_he_may_not_loses_his_link(link, message):
    (effect,) = Rig().give(Received(link, message))
    assert isinstance(effect, CloseLink)
    assert effect.link == link


def test_a_descriptor_that_was_done_is_not_sent_again():
    rig = Rig()
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    rig.ring(1)
    assert len(rig.wire) == 1
    assert rig.descriptor(1, 0)[1] & DONE
