"""The switch: where frames go, when they arrive, and which do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.abi.network_controller import MAX_FRAME_BYTES
from actors.devices.switch import Switch
from actors.messages import EthernetFrame, Fault, MmioWrite, PowerButton, PowerFails
from actors.network.mac_address import BROADCAST, NOBODY
from actors.runtime.machine import CloseLink, DeadlinePassed, Exit, LinkClosed, LinkOpened, Log, Received

A, B, C = "host0/eth0", "host1/eth0", "host2/eth0"
MACS = {A: b"\x00\x16\x3e\0\0\x0a", B: b"\x00\x16\x3e\0\0\x0b", C: b"\x00\x16\x3e\0\0\x0c"}
S = 1_000_000_000
GIGABIT = 1_000_000_000


def frame(source: str, target: str | None = None, size: int = 60) -> bytes:
    return ((MACS[target] if target else BROADCAST) + MACS[source] + b"\x88\xb5").ljust(size, b"x")


class Rig:
    """A switch with three ports, all of them plugged in."""

    def __init__(self, *, plugged: tuple[str, ...] = (A, B, C), more: dict | None = None, **port) -> None:
        self.switch = Switch({"ports": [{"name": name, **port} for name in MACS], **(more or {})})
        self.now_ns = 0
        self.out: list[tuple[str, bytes]] = []
        for name in plugged:
            self.give(LinkOpened(name))

    def give(self, *events) -> list:
        effects = []
        for event in events:
            effects += self.switch.handle(event, self.now_ns)
            self.switch.check()
        for effect in self.switch.end_turn(self.now_ns):
            assert isinstance(effect.message, EthernetFrame)
            self.out.append((effect.link, effect.message.data))
        self.switch.check()
        return [effect for effect in effects if not isinstance(effect, Log)]

    def send(self, source: str, target: str | None = None, size: int = 60) -> list[str]:
        """Who gets a frame within this turn."""
        self.out.clear()
        self.give(Received(source, EthernetFrame(frame(source, target, size))))
        return [port for port, _ in self.out]

    def at(self, now_ns: int) -> list[str]:
        """Who got a frame until then."""
        self.out.clear()
        while (due := self.switch.next_deadline_ns()) is not None and due <= now_ns:
            self.now_ns = max(due, self.now_ns)
            self.give(DeadlinePassed())
        self.now_ns = now_ns
        return [port for port, _ in self.out]

    def drops(self) -> dict[str, int]:
        return {reason: count for reason, count in self.switch.statistics().drops.items() if count}

    def break_it(self, kind: str, *, active: bool = True, number: int = 1, **options) -> list:
        return self.give(Received("supervisor", Fault(number, kind, active, options)))


def test_it_learns_who_is_where():
    rig = Rig()
    assert rig.send(A, B) == [B, C]
    assert rig.send(B, A) == [A]
    assert rig.send(A, B) == [B]
    assert rig.out == [(B, frame(A, B))]
    statistics = rig.switch.statistics()
    assert (statistics.frames, statistics.flooded, statistics.stations) == (3, 1, 2)
    assert statistics.port_frames == {A: 1, B: 2, C: 1}
    assert statistics.port_bytes == {A: 60, B: 120, C: 60}


def test_broadcasts_go_to_all_others_that_are_there():
    rig = Rig(plugged=(A, B))
    assert rig.send(A) == [B]
    rig.give(LinkOpened(C))
    assert rig.send(A) == [B, C]


def test_who_is_silent_for_300_seconds_is_looked_for_again():
    rig = Rig()
    rig.send(B)
    rig.now_ns = 300 * S - 1
    assert rig.send(A, B) == [B]
    rig.now_ns = 300 * S
    assert rig.send(A, B) == [B, C]


def test_a_station_that_moves_is_found_where_it_spoke_last():
    rig = Rig()
    rig.send(B)
    rig.give(Received(C, EthernetFrame(frame(B))))
    assert rig.send(A, B) == [C]


@pytest.mark.parametrize(("reason", "data"), [
    ("too_short", b""), ("too_short", frame(A)[:13]), ("too_long", frame(A, size=MAX_FRAME_BYTES + 1)),
    ("bad_source", BROADCAST + BROADCAST + b"\x88\xb5"), ("bad_source", BROADCAST + NOBODY + b"\x88\xb5"),
    ("link_local", bytes.fromhex("0180c2000000") + MACS[A] + b"\x88\xb5"), ("hairpin", frame(A, A)),
])  # fmt: skip
def test_what_goes_nowhere_is_counted_by_reason(reason, data):
    rig = Rig()
    rig.give(Received(A, EthernetFrame(data)))
    assert (rig.out, rig.drops()) == ([], {reason: 1})


def test_a_frame_takes_the_time_of_the_wire_and_then_the_latency():
    rig = Rig(bits_per_second=GIGABIT, latency_ns=5000)
    rig.now_ns = 100
    assert rig.send(A, B, 1514) == []
    arrives_ns = 100 + (1514 + 24) * 8 + 5000
    assert rig.at(arrives_ns - 1) == []
    assert rig.at(arrives_ns) == [B, C]
    assert rig.switch.next_deadline_ns() is None


def test_frames_for_one_port_follow_each_other_and_latency_does_not_add_up():
    rig = Rig(bits_per_second=GIGABIT, latency_ns=5000)
    rig.send(B)
    rig.at(1_000_000)
    for _ in range(3):
        rig.send(A, B)
    times = []
    while (due := rig.switch.next_deadline_ns()) is not None:
        rig.at(due)
        times.append(due - 1_000_000)
    assert times == [5672, 6344, 7016]


def test_what_waits_is_bounded_by_port():
    rig = Rig(bits_per_second=GIGABIT, queue_bytes=200)
    rig.send(B)
    rig.send(C)
    rig.at(1_000_000)
    for _ in range(6):
        rig.send(A, B)
    assert rig.drops() == {"queue_full": 2}, "one on the wire, three in the queue"
    assert rig.switch.statistics().waiting_bytes == {A: 0, B: 180, C: 0}
    rig.send(A, C)
    assert rig.drops() == {"queue_full": 2}, "the queue of one is not that of another"
    assert rig.at(1_000_000 + 672) == [B, C]
    rig.send(A, B)
    assert rig.drops() == {"queue_full": 2}, "the next one is on the wire: there is room again"
    assert rig.at(2_000_000) == [B] * 4


def test_who_is_unplugged_loses_what_was_for_him_and_is_forgotten():
    rig = Rig(latency_ns=100)
    rig.send(B)
    rig.at(1000)
    rig.send(A, B)
    rig.give(LinkClosed(B, "died"))
    assert (rig.at(5000), rig.drops()) == ([], {"link_down": 1})
    rig.send(A, B)
    assert rig.at(9000) == [C]
    rig.give(LinkOpened(B))
    rig.send(A, B)
    assert rig.at(19000) == [B, C]


def test_a_partition_separates_both_ways_until_it_is_taken_away():
    rig = Rig()
    for name in MACS:
        rig.send(name)
    rig.break_it("switch-partition", ports=[A])
    assert (rig.send(A, B), rig.send(B, A), rig.send(B, C)) == ([], [], [C])
    assert rig.drops() == {"partitioned": 2}
    assert rig.send(B) == [C]
    assert rig.drops() == {"partitioned": 3}
    rig.break_it("switch-partition", ports=[B, A], number=2)
    assert (rig.send(B, A), rig.send(B, C), rig.send(A, C)) == ([], [], [])
    rig.break_it("switch-partition", active=False)
    assert (rig.send(B, A), rig.send(B, C)) == ([A], [])
    rig.break_it("switch-partition", active=False, number=2)
    assert rig.send(B) == [A, C]


def test_ports_that_stall_take_nothing_and_give_what_was_on_its_way_later():
    rig = Rig(latency_ns=100)
    rig.send(A)
    rig.break_it("switch-stall", ports=[B, C])
    rig.send(B)
    assert (rig.at(5000), rig.switch.next_deadline_ns()) == ([], None)
    assert rig.drops() == {"not_running": 1}
    rig.out.clear()
    rig.break_it("switch-stall", ports=[B, C], active=False)
    assert [port for port, _ in rig.out] == [B, C]


def test_a_port_that_stalls_holds_up_no_other():
    rig = Rig()
    for name in MACS:
        rig.send(name)
    rig.break_it("switch-stall", ports=[A])
    rig.break_it("switch-stall", ports=[A], number=2)
    assert (rig.send(A, B), rig.send(B, A), rig.send(B, C), rig.send(C)) == ([], [], [C], [B])
    rig.out.clear()
    rig.break_it("switch-stall", active=False, number=2)
    assert rig.out == []
    rig.break_it("switch-stall", active=False)
    assert [port for port, _ in rig.out] == [A, A]
    assert rig.send(A, B) == [B]


def test_a_slow_switch_takes_longer_for_each_frame():
    rig = Rig(bits_per_second=GIGABIT)
    rig.break_it("slow", factor=2.5)
    rig.send(A)
    assert rig.switch.next_deadline_ns() == 1680


@pytest.mark.parametrize(("kind", "options"), [
    ("switch-partition", {}), ("switch-stall", {}), ("switch-partition", {"ports": []}),
    ("switch-partition", {"ports": ["eth9"]}),
    ("switch-partition", {"ports": A}), ("switch-partition", {"ports": [3]}), ("irq-storm", {}),
    ("nic-hang", {}), ("switch-partition", {"ports": [[A]]}),
])  # fmt: skip
def test_an_order_that_makes_no_sense_loses_the_link(kind, options):
    (effect,) = Rig().break_it(kind, **options)
    assert isinstance(effect, CloseLink)


@pytest.mark.parametrize(("link", "message"), [
    (A, MmioWrite(0, 0)), (A, PowerButton()), ("host9/eth0", EthernetFrame(frame(A))),
    ("supervisor", EthernetFrame(frame(A))),
])  # fmt: skip
def test_who_says_what_he_may_not_loses_his_link(link, message):
    (effect,) = Rig().give(Received(link, message))
    assert (type(effect), effect.link) == (CloseLink, link)


@pytest.mark.parametrize(("order", "reason"), [(PowerButton(), "power button"), (PowerFails(), "no power")])
def test_it_goes_when_its_power_does(order, reason):
    assert Rig().give(Received("supervisor", order)) == [Exit(reason)]


@pytest.mark.parametrize("argument", [
    {"ports": 3}, {"ports": ["a"]}, {"ports": [{}]}, {"ports": [{"name": ""}]}, {"ports": [{"name": A}] * 2},
    {"ports": [{"name": A, "latency_ns": -1}]}, {"ports": [{"name": A, "queue_bytes": "much"}]},
    {"ports": [{"name": A, "bits_per_second": True}]}, {"ageing_ns": -1},
])  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(argument):
    with pytest.raises(ValueError, match="switch: "):
        Switch(argument)


STEPS = st.lists(
    st.tuples(
        st.sampled_from((A, B, C)),
        st.sampled_from((A, B, C, None)),
        st.integers(14, 1514),
        st.integers(0, 9000),
    ),
    max_size=50,
)


@given(STEPS, st.sampled_from((0, GIGABIT)), st.sampled_from((0, 700)), st.sampled_from((0, 3000)))
@settings(max_examples=100, deadline=None)
def test_every_copy_arrives_once_in_order_or_is_counted(steps, rate, latency_ns, queue_bytes):
    rig = Rig(bits_per_second=rate, latency_ns=latency_ns, queue_bytes=queue_bytes)
    got, expected, where = [], [], {}
    for number, (source, target, size, passed_ns) in enumerate(steps):
        rig.at(rig.now_ns + passed_ns)
        got += rig.out
        where[source] = source
        data = frame(source, target, size)[:12] + number.to_bytes(2) + bytes(size - 14)
        rig.out.clear()
        rig.give(Received(source, EthernetFrame(data)))
        got += rig.out
        if target not in where:
            expected += [(each, data) for each in MACS if each != source]
        elif target != source:
            expected.append((target, data))
    rig.at(rig.now_ns + S)
    got += rig.out
    lost = rig.drops().get("queue_full", 0)
    assert len(got) + lost == len(expected)
    for port in MACS:
        wanted = iter(data for name, data in expected if name == port)
        assert all(data in wanted for name, data in got if name == port), "in order, none twice"
    assert rate or not lost
