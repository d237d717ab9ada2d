"""The driver of the network controller, with a controller: frames both ways, doorbells, resets."""

import pytest

from actors.abi.network_controller import (
    FILTER_ROWS,
    MAX_CHAIN,
    DescriptorStatus,
    rx_tail,
    tx_tail,
)
from actors.drivers.nic_driver import NIC_LOST, REFILL_AT
from actors.drivers.nic_frames import NicFrames
from actors.messages import EthernetFrame, MmioReadReply, MmioWrite, UpcallTaken
from actors.network.mac_address import BROADCAST
from actors.runtime.machine import LinkClosed, LinkOpened, Received
from tests.drivers.driver_and_nic import MAC, PEER, Pair, ethernet

GIGABIT = 1_000_000_000


def doorbells(pair: Pair, offset: int) -> int:
    return sum(isinstance(each, MmioWrite) and each.offset == offset for each in pair.bus)


def test_starting_teaches_the_driver_what_it_has():
    pair = Pair(mtu=9000).start()
    assert (pair.starts, pair.driver.error) == ([True], None)
    assert (pair.driver.mac, pair.driver.frame_bytes) == (MAC, 9018)
    assert (pair.driver.link_up, pair.links) == (True, [True])
    assert pair.nic.statistics().rx_buffers == 64


@pytest.mark.parametrize("trigger", ["edge", "level"])
@pytest.mark.parametrize("cuts", [1, 2, MAX_CHAIN])
def test_frames_go_out_whole_however_they_lie_in_memory(cuts, trigger):
    pair = Pair(trigger=trigger).start()
    data = ethernet(bytes(range(200)), PEER, MAC)
    assert pair.send(data, cuts=cuts, tag="one")
    assert pair.settle() == [("one", DescriptorStatus.okay)]
    assert (pair.wire, pair.driver.in_flight) == ([data], 0)


@pytest.mark.parametrize("trigger", ["edge", "level"])
def test_frames_come_in_whole_and_in_order(trigger):
    pair = Pair(trigger=trigger, mtu=65535).start()
    frames = [
        ethernet(bytes([number]) * size) for number, size in enumerate((1, 46, 4082, 4083, 65535, 9000))
    ]
    assert pair.hear(*frames) == frames
    assert pair.hear(frames[4]) == [frames[4]]


def test_each_ring_has_one_doorbell_a_turn():
    pair = Pair().start()
    for number in range(20):
        pair.send(ethernet(target=PEER), tag=number)
    assert pair.bus == []
    pair.end_turn()
    pair.end_turn()
    assert (doorbells(pair, tx_tail(0)), len(pair.bus)) == (1, 1)
    before = pair.interrupts
    pair.exchange()
    assert pair.interrupts - before == 1
    assert pair.settle() == [(number, 0) for number in range(20)]


def test_few_free_buffers_wait_for_others_unless_the_ring_is_half_empty():
    pair = Pair(buffers=64).start()
    frames = [ethernet(bytes([number]) * 46) for number in range(REFILL_AT)]
    pair.give(*(Received("wire", EthernetFrame(frame)) for frame in frames[:-1]))
    pair.driver.interrupt()
    pair.end_turn()
    assert (len(pair.frames), doorbells(pair, rx_tail(0))) == (REFILL_AT - 1, 0)
    pair.give(Received("wire", EthernetFrame(frames[-1])))
    pair.driver.interrupt()
    pair.end_turn()
    assert doorbells(pair, rx_tail(0)) == 1
    pair.settle()
    assert pair.nic.statistics().rx_buffers == 64
    small = Pair(buffers=4).start()
    for _ in range(20):
        assert len(small.hear(ethernet(), ethernet())) == 2


def test_buffers_that_the_receiver_keeps_are_not_received_into():
    pair = Pair(buffers=3).start()
    pair.keeps = True
    frames = [ethernet(bytes([number]) * 46) for number in range(5)]
    assert pair.hear(*frames) == frames[:3]
    assert pair.nic.statistics().rx_drops["no_buffer"] == 2
    assert pair.hear(frames[4]) == []
    kept = [bytes(pair.memory.frame(mfn)[:size]) for ((mfn, _, size),) in pair.kept]
    assert kept == frames[:3]
    pair.driver.give_back(pair.kept.pop())
    pair.settle()
    assert pair.hear(frames[4]) == [frames[4]]


def test_a_frame_for_which_there_is_no_room_is_refused_and_room_is_told_of():
    pair = Pair(bits_per_second=GIGABIT).start()
    sent = 0
    while pair.send(ethernet(target=PEER), tag=sent):
        sent += 1
    assert (sent, pair.driver.in_flight) == (255, 255)
    pair.settle()
    assert pair.room == []
    assert pair.at(672) == [(0, 0)]
    assert pair.room == [0]
    assert pair.send(ethernet(target=PEER), tag=255)
    assert not pair.send(ethernet(target=PEER))
    assert pair.at(1_000_000) == [(number, 0) for number in range(1, 256)]
    assert pair.room == [0, 0], "once for each time that there was none"
    assert len(pair.wire) == 256


def test_before_it_is_ready_there_is_no_room():
    pair = Pair()
    assert not pair.send(ethernet(target=PEER))
    pair.start()
    assert pair.room == [0]
    assert pair.send(ethernet(target=PEER))


def test_what_makes_no_sense_is_answered_so_and_hurts_nothing_else():
    pair = Pair().start()
    pair.driver.transmit([(1 << 20, 0, 60)], lambda status: pair.done.append(("bad", status)))
    pair.send(ethernet(target=PEER), tag="good")
    assert pair.settle() == [("bad", DescriptorStatus.bad_buffer), ("good", 0)]


def test_a_restart_loses_what_was_put_in_and_only_once_nothing_reads_it():
    pair = Pair(bits_per_second=GIGABIT).start()
    for number in range(3):
        pair.send(ethernet(target=PEER), tag=number)
    assert pair.settle() == []
    pair.driver.start()
    assert pair.done == [], "the controller still has them"
    assert pair.settle() == [(number, NIC_LOST) for number in range(3)]
    assert pair.at(1_000_000) == []
    assert (pair.wire, pair.links) == ([], [True, False, True])
    pair.send(ethernet(target=PEER), tag="new")
    assert pair.at(2_000_000) == [("new", 0)]
    assert pair.nic.statistics().rx_buffers == 64, "no buffer is lost with it"


def test_buffers_that_are_held_over_a_restart_come_back_later():
    pair = Pair(buffers=4).start()
    pair.keeps = True
    pair.hear(ethernet())
    pair.driver.start()
    pair.settle()
    assert pair.nic.statistics().rx_buffers == 3
    pair.driver.give_back(pair.kept.pop())
    pair.driver.start()
    pair.settle()
    assert pair.nic.statistics().rx_buffers == 4


def test_a_controller_that_is_gone_loses_all_at_once_and_may_come_back():
    pair = Pair(bits_per_second=GIGABIT).start()
    pair.send(ethernet(target=PEER), tag="old")
    pair.settle()
    pair.driver.lost()
    assert pair.settle() == [("old", NIC_LOST)]
    assert not pair.driver.link_up
    assert not pair.send(ethernet(target=PEER))
    pair.plug()
    pair.start()
    assert pair.hear(ethernet()) == [ethernet()]


def test_the_link_is_told_of_when_it_changes():
    pair = Pair().start()
    pair.give(LinkClosed("wire", "unplugged"))
    pair.settle()
    assert pair.links == [True, False]
    pair.send(ethernet(target=PEER), tag="dark")
    assert pair.settle() == [("dark", DescriptorStatus.link_down)]
    pair.give(LinkOpened("wire"))
    pair.settle()
    assert pair.links == [True, False, True]


def test_a_controller_that_has_stopped_is_started_again():
    pair = Pair().start()
    pair.bus.append(MmioWrite(rx_tail(0), 9999))
    pair.settle()
    assert (pair.starts, pair.driver.restarts) == ([True, True], 1)
    assert pair.logs == ["controller stopped: rx tail 9999 of 256 entries"]
    assert pair.hear(ethernet()) == [ethernet()]


def test_the_watch_finds_what_a_lost_interrupt_hid():
    pair = Pair().start()
    pair.break_it("irq-lost")
    pair.send(ethernet(target=PEER), tag="sent")
    assert pair.settle() == []
    assert pair.hear(ethernet()) == []
    assert not pair.driver.watch()
    assert (pair.done, pair.frames) == ([("sent", 0)], [ethernet()])
    assert pair.driver.restarts == 0


def test_the_watch_starts_again_what_does_not_move():
    pair = Pair().start()
    pair.break_it("nic-dma-stop")
    pair.send(ethernet(target=PEER), tag="stuck")
    pair.settle()
    assert not pair.driver.watch(), "it may have been put in just now"
    assert pair.driver.watch()
    assert pair.settle() == [("stuck", NIC_LOST)]
    pair.break_it("nic-dma-stop", active=False)
    pair.send(ethernet(target=PEER), tag="moves")
    assert pair.settle() == [("moves", 0)]
    assert not pair.driver.watch()
    assert not pair.driver.watch()


def test_frames_are_not_given_back_while_a_controller_that_hangs_may_still_send_them():
    pair = Pair(bits_per_second=GIGABIT).start()
    pair.send(ethernet(target=PEER), tag="old")
    pair.settle()
    pair.break_it("nic-hang")
    pair.driver.watch()
    assert pair.driver.watch()
    assert pair.settle() == []
    assert (pair.driver.ready, pair.driver.error) == (False, "eth0: the controller is gone from the bus")
    assert pair.driver.watch()
    pair.break_it("nic-hang", active=False)
    assert pair.settle() == [("old", NIC_LOST)]
    assert pair.driver.ready


def test_a_reset_that_got_lost_is_not_taken_for_one():
    pair = Pair(bits_per_second=GIGABIT).start()
    pair.send(ethernet(target=PEER), tag="old")
    pair.settle()
    pair.driver.start()
    reset, question = pair.bus
    pair.bus.clear()
    pair.break_it("nic-hang")
    pair.give(Received("dom0", reset))
    pair.break_it("nic-hang", active=False)
    pair.give(Received("dom0", question))
    assert (pair.settle(), pair.driver.error) == ([], "eth0: the controller was not reset, status 0x5")
    assert pair.driver.watch()
    assert pair.settle() == [("old", NIC_LOST)]
    assert pair.driver.ready


def test_what_it_listens_to_holds_over_restarts():
    pair = Pair().start()
    group, others = (
        bytes.fromhex("01005e000001"),
        [bytes.fromhex(f"00163e0000{n:02x}") for n in range(16, 48)],
    )
    frames = [ethernet(target=target) for target in (MAC, BROADCAST, group, others[0], others[31])]
    assert pair.hear(*frames) == frames[:2]
    for options, wanted in (
        ({"all_multicast": True}, frames[:3]),
        ({"macs": others[:FILTER_ROWS]}, [*frames[:2], frames[3]]),
        ({"macs": others}, frames),
        ({"promiscuous": True}, frames),
        ({"macs": [others[31]]}, [*frames[:2], frames[4]]),
        ({}, frames[:2]),
    ):
        pair.driver.listen(**options)
        pair.settle()
        assert pair.hear(*frames) == wanted
        pair.driver.start()
        pair.settle()
        assert pair.hear(*frames) == wanted


def test_queues_are_apart():
    pair = Pair(queues=4, buffers=64).start()
    for queue in (3, 1, 0):
        pair.send(ethernet(bytes([queue]) * 46, PEER), queue=queue, tag=queue, mfn=100 + queue)
    assert sorted(pair.settle()) == [(0, 0), (1, 0), (3, 0)]

    def packet(port: int) -> bytes:
        return MAC + PEER + b"\x08\x00" + bytes(12) + b"\x0a\0\0\1\x0a\0\0\2" + port.to_bytes(2) + bytes(30)

    frames = [packet(port) for port in range(32)]
    assert sorted(pair.hear(*frames)) == frames
    assert pair.nic.statistics().rx_buffers >= 32


def test_a_driver_may_use_fewer_queues_than_there_are_and_not_more():
    few = Pair(queues=2)
    few.argument["queues"] = 5
    few.plug()
    assert few.start().starts == [True]
    assert few.hear(ethernet()) == [ethernet()]
    few.bus.append(MmioWrite(rx_tail(2), 1))
    few.settle()
    assert few.driver.restarts == 0, "the doorbell of a queue that is not used is none"
    many = Pair(queues=3)
    many.argument["queues"] = 2
    many.plug()
    assert many.start().starts == [False]
    assert many.driver.error == "eth0: the controller has 2 queues, not 3"


def test_the_throttle_is_given_to_the_controller():
    pair = Pair(moderation_us=50).start()
    pair.at(1_000_000)
    before = pair.interrupts
    for number in range(5):
        pair.now_ns = 1_000_000 + number
        pair.hear(ethernet())
    assert pair.interrupts - before == 1
    pair.at(1_000_000 + 50_000)
    assert pair.interrupts - before == 2
    assert pair.nic.statistics().rx_frames == 5


def test_answers_to_an_earlier_start_are_none():
    pair = Pair()
    pair.driver.start()
    first = pair.bus[:]
    pair.bus.clear()
    pair.driver.start()
    pair.give(*(Received("dom0", message) for message in first))
    assert pair.bus, "the first answer came to nothing"
    pair.settle()
    assert pair.starts == [True]
    pair.driver.receive(MmioReadReply(99, 1))
    with pytest.raises(AssertionError, match="sent UpcallTaken"):
        pair.driver.receive(UpcallTaken(1))


def test_frames_are_dealt_in_a_row():
    frames = NicFrames.in_a_row(range(10, 18), 2)
    assert (frames.status, frames.rings, frames.buffers) == (10, [([11], [12]), ([13], [14])], [15, 16, 17])
    with pytest.raises(AssertionError):
        NicFrames.in_a_row(range(6), 2)
