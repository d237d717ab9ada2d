"""Whatever a wire does to frames, TCP delivers exactly the bytes that were sent, or says that it cannot."""

import errno
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.inet.connection import Connection
from actors.inet.ethernet import IPV4, parse_frame
from actors.inet.interface import Outgoing
from actors.inet.ipv4 import parse_ipv4
from actors.inet.states import State
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_segment import SYN, parse_tcp
from actors.inet.tcp_settings import TcpSettings
from tests.inet.wire import MILLISECOND, SECOND, Fate, Peer, Wire, joined

HOURS_NS = 20 * 3600 * SECOND


def bad_wire(seed: int, loss: float, duplication: float, delay_ms: int) -> Fate:
    random = Random(seed)

    def fate(_side: int, _outgoing: Outgoing) -> list[int]:
        if random.random() < loss:
            return []
        copies = 2 if random.random() < duplication else 1
        return [round(random.uniform(0, delay_ms) * MILLISECOND) for _ in range(copies)]

    return fate


def pattern(size: int, seed: int) -> bytes:
    return Random(seed).randbytes(size)


tcp_settings = st.builds(
    TcpSettings,
    send_buffer=st.sampled_from((3000, 20_000, 1 << 20)),
    receive_buffer=st.sampled_from((2000, 9000, 100_000, 1 << 20)),
    sack=st.booleans(),
    timestamps=st.booleans(),
    scaling=st.booleans(),
    nodelay=st.booleans(),
    quick_acknowledgements=st.booleans(),
    user_timeout_ns=st.none(),
    keepalive=st.just(False),
    keepalive_idle_ns=st.just(7200 * SECOND),
    keepalive_interval_ns=st.just(75 * SECOND),
    keepalive_probes=st.just(9),
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    chosen=tcp_settings,
    loss=st.sampled_from((0.0, 0.02, 0.2)),
    duplication=st.sampled_from((0.0, 0.1)),
    delay_ms=st.sampled_from((0, 1, 50)),
    sizes=st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)),
    offload=st.booleans(),
    piece=st.sampled_from((100, 1400, 1 << 20)),
)
def test_two_stacks_deliver_all_bytes_both_ways(
    seed: int,
    chosen: TcpSettings,
    loss: float,
    duplication: float,
    delay_ms: int,
    sizes: tuple[int, int],
    offload: bool,
    piece: int,
) -> None:
    wire = Wire(seed, chosen, bad_wire(seed, loss, duplication, delay_ms), offload=offload)
    client, server = (Peer(pattern(size, seed + size), piece=piece) for size in sizes)
    sent = [bytes(client.data), bytes(server.data)]
    joined(wire, client, server)
    while wire.step(HOURS_NS):
        wire.check()
    assert client.connection is not None
    if client.connection.error is not None or server.connection is None:
        assert loss, f"{client.connection.error} on a wire that loses nothing"
        return
    assert bytes(server.got) == sent[0]
    assert bytes(client.got) == sent[1]
    assert client.heard[-1] is TcpEvent.CLOSED
    assert not wire.stacks[0].tcp.connections
    assert not wire.stacks[1].tcp.connections
    assert wire.next_ns() is None


@pytest.mark.parametrize("sack", [True, False])
@pytest.mark.parametrize("timestamps", [True, False])
def test_sequence_numbers_wrap(sack: bool, timestamps: bool) -> None:
    for before in (0, 1, 1000, 1460, 30_000):
        wire = Wire(1, TcpSettings(sack=sack, timestamps=timestamps), bad_wire(before, 0.05, 0.05, 2))
        for stack in wire.stacks:
            stack.tcp._random = StubRandom(2**32 - 1 - before)
        data = pattern(80_000, before)
        client, server = Peer(data), Peer(data[::-1])
        joined(wire, client, server)
        wire.run(HOURS_NS)
        assert bytes(server.got) == data
        assert bytes(client.got) == data[::-1]


class StubRandom(Random):
    def __init__(self, value: int) -> None:
        super().__init__(0)
        self.value = value

    def getrandbits(self, k: int) -> int:
        return self.value & ((1 << k) - 1)


def test_a_wire_that_is_cut_ends_the_connection_after_the_limits() -> None:
    cut_ns = 10 * MILLISECOND
    wire = Wire()
    wire.fate = lambda _side, _outgoing: [] if wire.now_ns >= cut_ns else [MILLISECOND]
    client, server = Peer(closes=False), Peer(closes=False)
    joined(wire, client, server)
    wire.run(cut_ns)
    assert client.connection is not None
    client.connection.send(b"x" * 5000, wire.now_ns)
    wire.run(HOURS_NS)
    assert client.connection.state is State.CLOSED
    assert client.heard[-1] is TcpEvent.CLOSED
    assert client.connection.error == errno.EHOSTUNREACH, "as in Linux, where ARP says it meanwhile"


def test_a_seed_says_all() -> None:
    def frames(seed: int) -> list[tuple[int, int, bytes]]:
        wire = Wire(seed, fate=bad_wire(seed, 0.1, 0.1, 5))
        wire.keep = True
        joined(wire, Peer(pattern(50_000, 1)), Peer())
        wire.run(HOURS_NS)
        return [(now_ns, side, outgoing.frame) for now_ns, side, outgoing in wire.frames]

    assert frames(3) == frames(3)
    assert frames(3) != frames(4)


class Sloth(Peer):
    """It takes nothing of what has come."""

    def take(self, connection: Connection, now_ns: int) -> None:
        pass


@pytest.mark.parametrize("piece", [701, 1400])
def test_a_window_that_was_offered_is_never_taken_back(piece: int) -> None:
    wire = Wire(1, TcpSettings(receive_buffer=200_001, nodelay=True))
    wire.keep = True
    server = Sloth(closes=False)
    joined(wire, Peer(pattern(300_000, 1), piece=piece), server)
    wire.run(SECOND)
    offers = []
    for _, side, outgoing in wire.frames:
        frame = parse_frame(outgoing.frame)
        if side == 1 and frame.ethertype == IPV4:
            packet = parse_ipv4(frame.payload)
            segment = parse_tcp(packet.payload, packet.source, packet.destination)
            scale = 0 if segment.flags & SYN else 2
            offers.append((segment.acknowledgement, segment.window << scale))
    edges = [(acknowledged - offers[0][0] + window) % 2**32 for acknowledged, window in offers]
    assert len(edges) > 50
    assert edges == sorted(edges)
    assert edges[-1] >= 200_000
