"""Any program of a host, run by the network controller: it stays whole, and out of memory of others."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.abi.network_controller import END, ControlFlags, Register, rx_tail, tx_tail
from actors.runtime.machine import CloseLink
from tests.devices.nic_rig import BUFFERS, DATA, FRAMES, RINGS, STATUS, Rig, ethernet

WORDS = st.sampled_from((0, 1, END, END | 1, 1 << 63, (1 << 64) - 1))
MFNS = st.sampled_from((DATA, DATA + 1, BUFFERS, BUFFERS + 1, FRAMES - 1, FRAMES, 0xFFFFFFFF))
SIZES = st.sampled_from((0, 1, 13, 14, 60, 1500, 1519, 4096, 65535))
FIRSTS = st.sampled_from((0, 1, 4000, 4095, 4096, 65535))
KINDS = ("nic-hang", "nic-dma-stop", "nic-link-down", "irq-lost", "irq-storm", "slow")
VALUES = st.sampled_from((0, 1, 2, 8, 9, 1024, 0x80000000, 0xFFFFFFFF, 1 << 40))

ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 3), MFNS, FIRSTS, SIZES, WORDS),
    st.tuples(st.just("tail"), st.sampled_from((rx_tail(0), tx_tail(0), rx_tail(1), tx_tail(1))), VALUES),
    st.tuples(st.just("ring"), st.integers(0, 3)),
    st.tuples(st.just("register"), st.sampled_from((*Register, 0x10C, 0x1FF, 0x400)), VALUES),
    st.tuples(st.just("receive"), st.sampled_from((0, 13, 46, 1504, 1505, 70000))),
    st.tuples(st.just("fault"), st.sampled_from(KINDS), st.booleans()),
    st.tuples(st.just("time"), st.integers(1, 5000)),
    st.tuples(st.just("enable")),
)


def perform(rig: Rig, action: tuple) -> list:
    match action:
        case ("put", ring, mfn, first, size, word):
            rig.put(ring, mfn, first, size, word)
        case ("tail", doorbell, value):
            return rig.write(doorbell, value)
        case ("ring", ring):
            return rig.ring(ring)
        case ("register", register, value):
            return rig.write(register, value)
        case ("receive", size):
            return rig.receive(ethernet(payload=bytes(size)) if size > 13 else bytes(size))
        case ("fault", kind, active):
            return rig.break_it(kind, active=active, number=KINDS.index(kind), interval_ns=1000)
        case ("time", passed):
            return rig.at(rig.now_ns + passed)
        case ("enable",):
            rig.write(Register.control, 0)
            rig.enable(ControlFlags.enable | ControlFlags.promiscuous)
    return []


@given(
    st.lists(ACTIONS, max_size=40), st.sampled_from((0, 10_000_000_000)), st.sampled_from(("edge", "level"))
)
@settings(max_examples=300, deadline=None)
def test_it_lives_through_any_program(actions, bits_per_second, trigger):
    rig = Rig(queues=2, bits_per_second=bits_per_second, trigger=trigger)
    ours = {STATUS, *range(RINGS, RINGS + 4), DATA, DATA + 1, BUFFERS, BUFFERS + 1, FRAMES - 1, 0, 1, 2, 8, 9}
    others = [mfn for mfn in range(FRAMES) if mfn not in ours]
    for mfn in others:
        rig.memory.frame(mfn)[:] = b"o" * 4096
    for action in actions:
        rest = perform(rig, action)
        assert not any(isinstance(effect, CloseLink) for effect in rest)
        assert all(14 <= len(frame) <= 1518 for frame in rig.wire)
    assert all(rig.memory.frame(mfn) == b"o" * 4096 for mfn in others)
    for number in range(len(KINDS)):
        rig.break_it(KINDS[number], active=False, number=number)
    rig.write(Register.control, 0)
    rig.enable()
    index = rig.send(ethernet(), mfn=DATA)
    before = len(rig.wire)
    rig.ring(1)
    rig.at(rig.now_ns + 1_000_000)
    assert (rig.sent(index), len(rig.wire) - before) == (0, 1), "a reset makes it whole"


@given(st.lists(st.tuples(st.booleans(), st.integers(14, 1518)), max_size=60), st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_what_an_honest_host_puts_in_comes_out_once_and_in_order(steps, entries):
    rig = Rig(rx=entries, tx=entries)
    sent, received, expected = [], [], []
    for number, (to_send, size) in enumerate(steps):
        data = ethernet(payload=number.to_bytes(2))[:14].ljust(size, bytes([number]))
        if to_send:
            assert rig.sent(rig.send(data)) is None or number >= entries
            rig.ring(1)
            sent.append(data)
        else:
            at = rig.tails.get(0, 0)
            rig.post(1)
            rig.receive(data)
            received.append(rig.received(at)[0])
            expected.append(data)
    assert (rig.wire, received) == (sent, expected)
