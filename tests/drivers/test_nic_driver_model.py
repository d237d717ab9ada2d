"""Any order of frames, faults, restarts and turns: the driver of the network controller keeps account."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.messages import EthernetFrame
from actors.runtime.machine import Received
from tests.drivers.driver_and_nic import PEER, Pair, ethernet

GIGABIT = 1_000_000_000
KINDS = ("irq-lost", "nic-dma-stop", "nic-hang", "nic-link-down")

ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 5), st.integers(14, 1518)),
    st.tuples(st.just("hear"), st.integers(0, 20), st.integers(14, 1518)),
    st.tuples(st.just("keep"), st.booleans()),
    st.tuples(st.just("time"), st.integers(1, 30_000)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("watch")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("carry")),
    st.tuples(st.sampled_from(KINDS), st.booleans()),
)


@given(
    st.lists(ACTIONS, max_size=40),
    st.sampled_from((0, GIGABIT)),
    st.sampled_from(("edge", "level")),
    st.sampled_from((0, 20)),
)
@settings(max_examples=200, deadline=None)
def test_every_frame_has_one_end_and_every_buffer_one_owner(actions, rate, trigger, moderation_us):
    pair = Pair(bits_per_second=rate, trigger=trigger, buffers=12, moderation_us=moderation_us).start()
    put_in, ended = 0, []
    for action in actions:
        match action:
            case ("send", cuts, size):
                put_in += pair.send(
                    ethernet(put_in.to_bytes(2).ljust(size - 14, b"s"), PEER), cuts=cuts, tag=put_in
                )
            case ("hear", count, size):
                pair.give(*[Received("wire", EthernetFrame(ethernet(bytes(size - 14))))] * count)
            case ("keep", keeps):
                pair.keeps = keeps
            case ("time", passed_ns):
                ended += pair.at(pair.now_ns + passed_ns)
            case ("restart",):
                pair.driver.start()
            case ("watch",):
                pair.driver.watch()
            case ("settle",):
                ended += pair.settle()
            case ("carry",):
                pair.end_turn()
                pair.give(*(Received("dom0", pair.bus.pop(0)) for _ in pair.bus[:1]))
            case (kind, active):
                pair.break_it(kind, active=active, number=KINDS.index(kind))
    for kind in KINDS:
        pair.break_it(kind, active=False, number=KINDS.index(kind))
    for _ in range(4):
        ended += pair.at(pair.now_ns + 10_000_000)
        pair.driver.watch()
    ended += pair.settle()
    assert [tag for tag, _ in ended] == list(range(put_in))
    pair.keeps = False
    for segments in pair.kept:
        pair.driver.give_back(segments)
    pair.driver.start()
    pair.settle()
    assert pair.nic.statistics().rx_buffers == 12
    pair.hear(ethernet())
    pair.at(pair.now_ns + 1_000_000)
    assert pair.frames == [ethernet()]
