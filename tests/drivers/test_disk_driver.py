import pytest

from actors.abi.disk_controller import CommandStatus, ControllerStatus, Register
from actors.drivers.disk_driver import DISK_LOST, LAZY_COMPLETIONS, DiskDriver
from actors.messages import MmioRead, MmioReadReply, MmioWrite, UpcallTaken
from actors.runtime.machine import DeadlinePassed, LinkClosed, LinkOpened, Received
from actors.runtime.memory import SparseMemory
from tests.drivers.driver_and_disk import DATA, FLUSH, READ, SECTORS, WRITE, Pair, S


def doorbells(wire: list[object], register: Register) -> int:
    return sum(isinstance(message, MmioWrite) and message.offset == register for message in wire)


def test_starting_teaches_the_driver_the_volumes():
    pair = Pair().start()
    assert pair.ready_calls == [True]
    assert pair.driver.ready
    assert pair.driver.volumes == [(SECTORS, False), (8, True)]
    assert pair.driver.write_cache
    assert pair.driver.error is None


def test_a_disk_without_write_cache_or_volumes_starts_too():
    pair = Pair(write_cache=False, volumes=[]).start()
    assert (pair.driver.ready, pair.driver.volumes, pair.driver.write_cache) == (True, [], False)


def test_a_controller_that_does_not_start_is_an_error():
    pair = Pair()
    pair.memory = SparseMemory(1 << 20)
    pair.driver = pair.new_driver([1000, 1001])
    pair.driver.on_ready = lambda: pair.ready_calls.append(pair.driver.ready)
    pair.start()
    assert pair.logs == ["controller stopped: submission queue at frame 0x3e8, beyond memory"]
    assert pair.ready_calls == [False]
    assert "sda: the controller did not start" in pair.driver.error


def test_every_length_of_segment_list_travels():
    pair = Pair().start()
    for count in range(1, 12):
        for index in range(count):
            pair.memory.frame(DATA + index)[:] = bytes([count * 16 + index]) * 4096
        pair.submit(WRITE, count, [(DATA + index, index % 8 * S, S) for index in range(count)])
        pair.submit(READ, count, [(DATA + 20, index % 8 * S, S) for index in range(count)])
        assert pair.settle() == [(None, 0), (None, 0)]
        last = count - 1
        assert pair.memory.frame(DATA + 20)[last % 8 * S] == (count * 16 + last) & 0xFF


def test_statuses_come_back_to_who_submitted():
    pair = Pair().start()
    pair.submit(READ, tag="fine")
    pair.submit(WRITE, volume=1, tag="read-only")
    pair.submit(READ, SECTORS, tag="beyond")
    pair.submit(FLUSH, segments=(), tag="flush")
    pair.submit(77, tag="opcode")
    assert pair.settle() == [
        ("fine", CommandStatus.okay),
        ("read-only", CommandStatus.read_only),
        ("beyond", CommandStatus.out_of_range),
        ("flush", CommandStatus.okay),
        ("opcode", CommandStatus.bad_opcode),
    ]


@pytest.mark.parametrize("fua", [False, True])
def test_fua_reaches_the_image_before_it_is_done(fua):
    pair = Pair().start()
    pair.memory.frame(DATA)[:] = b"x" * 4096
    pair.submit(WRITE, 3, fua=fua)
    pair.settle()
    assert pair.image.content(3 * S, 1) == (b"x" if fua else b"\0")


def test_many_commands_ring_each_doorbell_once():
    pair = Pair().start()
    pair.driver.flush_doorbell()
    assert pair.wire == []
    for sector in range(20):
        pair.submit(READ, sector)
    assert pair.wire == []
    pair.driver.flush_doorbell()
    pair.driver.flush_doorbell()
    assert doorbells(pair.wire, Register.sq_tail) == len(pair.wire) == 1
    pair.exchange()
    assert pair.interrupts == 1
    pair.driver.interrupt()
    assert doorbells(pair.wire, Register.cq_head) == len(pair.wire) == 1
    assert len(pair.done) == 20


def test_an_interrupt_without_completions_is_silent():
    pair = Pair().start()
    pair.driver.interrupt()
    assert pair.wire == []


def test_commands_beyond_the_queue_wait_their_turn():
    pair = Pair().start()
    for number in range(100):
        pair.submit(READ, number % SECTORS, tag=number)
    assert (pair.driver.in_flight, pair.driver.waiting) == (31, 69)
    assert pair.settle() == [(number, 0) for number in range(100)]
    assert (pair.driver.in_flight, pair.driver.waiting) == (0, 0)


def test_commands_submitted_before_the_start_wait_for_it():
    pair = Pair()
    pair.submit(READ, tag="early")
    assert (pair.driver.in_flight, pair.driver.waiting) == (0, 1)
    pair.start()
    assert pair.settle() == [("early", 0)]


def test_done_may_submit_again():
    pair = Pair().start()
    left = [200]

    def again(status: int) -> None:
        pair.done.append((left[0], status))
        left[0] -= 1
        if left[0]:
            pair.driver.submit(READ, 0, 0, [(DATA, 0, S)], again)

    pair.driver.submit(READ, 0, 0, [(DATA, 0, S)], again)
    assert pair.settle() == [(number, 0) for number in range(200, 0, -1)]


def test_commands_that_wait_go_before_those_that_done_submits():
    pair = Pair().start()
    for number in range(32):
        pair.submit(READ, tag=number)
    pair.driver.flush_doorbell()
    pair.exchange()
    pair.driver.interrupt()
    pair.submit(READ, tag="late")
    assert [tag for tag, _ in pair.settle()] == [*range(32), "late"]


def test_both_queues_wrap_many_times():
    pair = Pair(nr_queue_frames=3, trigger="level").start()
    for lap in range(60):
        for number in range(37):
            pair.submit(READ, number, tag=number)
        assert pair.settle() == [(number, 0) for number in range(37)], f"lap {lap}"


def test_completions_out_of_order_find_their_submitters():
    pair = Pair(read_ns=30, write_ns=10, flush_ns=20).start()
    for tag, opcode in enumerate([READ, FLUSH, WRITE]):
        pair.submit(opcode, tag=tag)
    order = pair.settle()
    for pair.now_ns in (10, 20, 30):
        pair.give(DeadlinePassed())
        order += pair.settle()
    assert order == [(2, 0), (1, 0), (0, 0)]


def test_a_lost_disk_ends_commands_in_flight_and_keeps_those_that_wait():
    pair = Pair(read_ns=50).start()
    for number in range(33):
        pair.submit(READ, tag=number)
    assert pair.settle() == []
    pair.driver.disk_lost()
    assert not pair.driver.ready
    assert pair.settle() == [(number, DISK_LOST) for number in range(31)]
    pair.driver.disk_lost()
    assert pair.done == []
    pair.plug()
    pair.start()
    pair.settle()
    pair.now_ns = 50
    pair.give(DeadlinePassed())
    assert pair.settle() == [(31, 0), (32, 0)]


def test_a_restart_hears_nothing_of_what_was_in_flight():
    pair = Pair(read_ns=50, write_ns=10).start()
    pair.memory.frame(DATA)[:] = b"x" * 4096
    pair.submit(WRITE, 3, tag="old")
    pair.settle()
    pair.driver.start()
    assert pair.done == [("old", DISK_LOST)]
    pair.now_ns = 10
    pair.give(DeadlinePassed())
    pair.driver.interrupt()
    pair.exchange()
    pair.interrupts = 0
    pair.submit(READ, 3, tag="new")
    pair.settle()
    pair.now_ns = 100
    pair.give(DeadlinePassed())
    assert pair.settle() == [("new", 0)]
    assert pair.disk.statistics().resets == 2


def test_a_second_start_ignores_answers_to_the_first():
    pair = Pair()
    pair.driver.start()
    pair.give(Received("dom0", pair.wire.pop(0)))
    pair.driver.start()
    pair.exchange()
    assert pair.ready_calls == [True]


def test_a_disk_that_is_lost_in_its_start_does_not_become_ready_later():
    pair = Pair()
    pair.driver.start()
    pair.driver.disk_lost()
    pair.exchange()
    assert (pair.driver.ready, pair.ready_calls) == (False, [])


def test_with_an_edge_completions_are_acknowledged_with_the_next_submission():
    pair = Pair(edge=True).start()
    pair.submit(READ)
    pair.end_turn()
    pair.exchange()
    pair.driver.interrupt()
    assert (pair.done, pair.wire) == ([(None, 0)], [])
    pair.submit(READ)
    pair.end_turn()
    assert pair.wire == [MmioWrite(Register.cq_head, 1), MmioWrite(Register.sq_tail, 2)]


def test_with_an_edge_many_completions_are_acknowledged_at_once():
    pair = Pair(nr_queue_frames=6, edge=True).start()
    for _ in range(LAZY_COMPLETIONS + 1):
        pair.submit(READ)
    pair.end_turn()
    pair.exchange()
    pair.driver.interrupt()
    assert pair.wire == [MmioWrite(Register.cq_head, LAZY_COMPLETIONS + 1)]


def test_a_new_driver_finds_the_cache_of_the_dead_one():
    pair = Pair().start()
    pair.memory.frame(DATA)[:] = b"x" * 4096
    pair.submit(WRITE, 3)
    pair.settle()
    pair.give(LinkClosed("dom0", "killed"))
    pair.give(LinkOpened("dom0"))
    pair.driver = pair.new_driver([50, 51])
    pair.start()
    pair.submit(READ, 3, [(DATA + 1, 0, S)])
    assert pair.settle() == [(None, 0)]
    assert pair.memory.frame(DATA + 1)[0] == ord("x")


def test_what_a_disk_does_not_send_is_a_bug():
    pair = Pair()
    with pytest.raises(AssertionError, match="sda: a disk sent UpcallTaken"):
        pair.driver.receive(UpcallTaken())
    pair.driver.receive(MmioReadReply(99, 0))


@pytest.mark.parametrize("frames", [[7], [7, 9], list(range(7, 25))])
def test_queue_frames_must_be_2_to_17_in_a_row(frames):
    with pytest.raises((AssertionError, ValueError)):
        DiskDriver("sda", SparseMemory(64), frames, print, at_turn_end=print)


def test_a_start_speaks_to_the_controller_in_order():
    pair = Pair()
    pair.driver.start()
    assert pair.wire == [MmioWrite(Register.control, 0), MmioRead(1, Register.status)]
    pair.driver.receive(MmioReadReply(1, 0))
    assert [message.offset for message in pair.wire[2:]] == [0x10, 0x14, 0x18, 0x1C, 0x0C, 0x04]
    pair.driver.receive(MmioReadReply(2, int(ControllerStatus.error)))
    assert (pair.driver.ready, pair.ready_calls) == (False, [False])
