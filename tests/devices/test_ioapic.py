import itertools

import pytest

from actors.devices.ioapic import (
    DATA_OFFSET,
    EOI_OFFSET,
    INDEX_OFFSET,
    MASKED,
    REMOTE_IRR,
    TRIGGER_LEVEL,
    IoApic,
)
from actors.messages import (
    EndOfInterrupt,
    InterruptVector,
    Line,
    MmioRead,
    MmioReadReply,
    MmioWrite,
    PowerButton,
    Pulse,
    UpcallTaken,
)
from actors.runtime.machine import CloseLink, DeadlinePassed, Effect, LinkClosed, LinkOpened, Received, Send

PIN = 16
VECTOR = 0x31
LEVEL = TRIGGER_LEVEL | VECTOR
EDGE = VECTOR


class Board:
    """An IO-APIC with two disks on it, checked after each step."""

    def __init__(self, version: int = 0x170020, **pins: int) -> None:
        self.chip = IoApic({"version": version, "pins": pins or {"sda": PIN, "sdb": 17}})

    def give(self, event) -> list[Effect]:
        effects = self.chip.handle(event, 0)
        self.chip.check()
        assert self.chip.next_deadline_ns() is None
        return effects

    def say(self, link: str, message: object) -> list[Effect]:
        return self.give(Received(link, message))

    def vectors(self, link: str, message: object) -> list[int]:
        return [effect.message.vector for effect in self.say(link, message)]

    def line(self, *, asserted: bool, link: str = "sda") -> list[int]:
        return self.vectors(link, Line(asserted))

    def write(self, register: int, value: int) -> list[int]:
        assert self.say("xen", MmioWrite(INDEX_OFFSET, register)) == []
        return self.vectors("xen", MmioWrite(DATA_OFFSET, value))

    def read(self, register: int) -> int:
        self.say("xen", MmioWrite(INDEX_OFFSET, register))
        (effect,) = self.say("xen", MmioRead(7, DATA_OFFSET))
        assert isinstance(effect.message, MmioReadReply)
        assert (effect.link, effect.message.sequence) == ("xen", 7)
        return effect.message.value

    def program(self, low: int, pin: int = PIN) -> list[int]:
        return self.write(0x10 + 2 * pin, low)

    def low(self, pin: int = PIN) -> int:
        return self.read(0x10 + 2 * pin)

    def end(self, vector: int = VECTOR) -> list[int]:
        return self.vectors("xen", EndOfInterrupt(vector))


def test_all_entries_are_masked_at_power_on():
    board = Board()
    assert [board.low(pin) for pin in range(24)] == [MASKED] * 24
    assert [board.read(0x11 + 2 * pin) for pin in range(24)] == [0] * 24


@pytest.mark.parametrize(
    ("register", "written", "read_back"),
    [
        (0, 0x0F000000, 0x0F000000),
        (0, 0xFFFFFFFF, 0xFF000000),
        (1, 0xFFFFFFFF, 0x170020),
        (2, 0xFFFFFFFF, 0),
        (0x10, 0xFFFFFFFF, 0x1AFFF),
        (0x10, MASKED | 0x2031, MASKED | 0x2031),
        (0x11, 0xFFFFFFFF, 0xFF000000),
        (0x3E, MASKED | 0x55, MASKED | 0x55),
        (0x40, 0xFFFFFFFF, 0),
        (0xFF, 0xFFFFFFFF, 0),
        (5, 0xFFFFFFFF, 0),
    ],
)
def test_a_register_keeps_its_writable_bits(register, written, read_back):
    board = Board()
    assert board.write(register, written) == []
    assert board.read(register) == read_back


def test_the_index_register_reads_back_and_other_offsets_read_zero():
    board = Board()
    board.say("xen", MmioWrite(INDEX_OFFSET, 0x1FE))
    assert board.say("xen", MmioRead(1, INDEX_OFFSET)) == [Send("xen", MmioReadReply(1, 0xFE))]
    assert board.say("xen", MmioRead(2, 0x24)) == [Send("xen", MmioReadReply(2, 0))]
    assert board.say("xen", MmioWrite(0x24, 1)) == []


def test_the_arbitration_register_shows_the_id():
    board = Board()
    board.write(0, 0x03000000)
    assert board.read(2) == 0x03000000


EDGE_ROWS = [
    # (lines given in turn, masked, vectors, lost edges)
    ([True], False, [VECTOR], 0),
    ([True, True], False, [VECTOR], 0),
    ([True, False], False, [VECTOR], 0),
    ([True, False, True], False, [VECTOR, VECTOR], 0),
    ([False], False, [], 0),
    ([True, False], True, [], 1),
    ([True, False, True, False], True, [], 2),
]


@pytest.mark.parametrize(("lines", "masked", "vectors", "lost"), EDGE_ROWS)
def test_edges(lines, masked, vectors, lost):
    board = Board()
    board.program(EDGE | (MASKED if masked else 0))
    assert [vector for line in lines for vector in board.line(asserted=line)] == vectors
    assert board.chip.statistics().lost_edges == {"16": lost, "17": 0}
    assert board.chip.statistics().interrupts == {"16": len(vectors), "17": 0}
    assert not board.low() & REMOTE_IRR
    assert board.program(EDGE) == [], "an edge that was masked stays lost"


@pytest.mark.parametrize(
    ("asserted", "masked", "irr"), list(itertools.product([False, True], [False, True], [False, True]))
)
def test_level_fires_when_asserted_unmasked_and_without_remote_irr(asserted, masked, irr):
    board = Board()
    if irr:
        board.program(LEVEL)
        board.line(asserted=True)
        board.line(asserted=False)
        assert board.low() == LEVEL | REMOTE_IRR
    board.program(LEVEL | (MASKED if masked else 0))
    fires = asserted and not masked and not irr
    assert board.line(asserted=asserted) == ([VECTOR] if fires else [])
    assert bool(board.low() & REMOTE_IRR) == (irr or fires)
    fires_at_unmask = asserted and masked and not irr
    assert board.program(LEVEL) == ([VECTOR] if fires_at_unmask else [])
    fires_at_end = asserted
    assert board.end() == ([VECTOR] if fires_at_end else [])
    board.line(asserted=False)
    assert board.end() == []
    assert board.low() == LEVEL


def test_the_end_of_an_interrupt_fires_again_only_while_unmasked():
    board = Board()
    board.program(LEVEL)
    assert board.line(asserted=True) == [VECTOR]
    assert board.program(LEVEL | MASKED) == []
    assert board.end() == []
    assert board.low() == LEVEL | MASKED
    assert board.program(LEVEL) == [VECTOR]


def test_an_end_of_another_vector_changes_nothing():
    board = Board()
    board.program(LEVEL)
    board.line(asserted=True)
    assert board.end(VECTOR + 1) == []
    assert board.low() & REMOTE_IRR
    assert board.chip.statistics().unmatched_ends == 1


def test_one_end_serves_all_entries_with_its_vector():
    board = Board()
    for pin in (16, 17):
        board.program(LEVEL, pin)
    for link in ("sda", "sdb"):
        assert board.line(asserted=True, link=link) == [VECTOR]
    assert board.end() == [VECTOR, VECTOR]


@pytest.mark.parametrize(("version", "again"), [(0x170020, [VECTOR]), (0x170011, [])])
def test_the_eoi_register_exists_from_version_0x20_on(version, again):
    board = Board(version)
    board.program(LEVEL)
    board.line(asserted=True)
    assert board.vectors("xen", MmioWrite(EOI_OFFSET, VECTOR)) == again


def test_writing_the_entry_keeps_remote_irr_unless_it_becomes_edge():
    board = Board()
    board.program(LEVEL)
    board.line(asserted=True)
    assert board.program(LEVEL | 0x2000) == []
    assert board.low() == LEVEL | 0x2000 | REMOTE_IRR
    assert board.program(EDGE) == []
    assert board.low() == EDGE
    assert board.program(LEVEL) == [VECTOR]


def test_a_device_that_closes_its_link_releases_its_line():
    board = Board()
    board.program(LEVEL)
    board.line(asserted=True)
    assert board.give(LinkClosed("sda", "gone")) == []
    assert board.end() == []
    assert board.give(LinkOpened("sda")) == []
    assert board.line(asserted=True) == [VECTOR]


def test_devices_on_one_pin_are_a_wired_or():
    board = Board(sda=16, sdb=16)
    board.program(LEVEL)
    assert board.line(asserted=True) == [VECTOR]
    assert board.line(asserted=True, link="sdb") == []
    board.line(asserted=False)
    assert board.end() == [VECTOR]
    board.line(asserted=False, link="sdb")
    assert board.end() == []


@pytest.mark.parametrize("low", [EDGE | 0x700, EDGE | 0x400, LEVEL | 0x200, 0x0F, TRIGGER_LEVEL | 0x05])
def test_what_the_processor_does_not_accept_is_counted_and_not_sent(low):
    board = Board()
    board.program(low)
    assert board.line(asserted=True) == []
    assert board.low() == low
    assert board.chip.statistics().undeliverable == 1


@pytest.mark.parametrize("low", [EDGE, LEVEL, EDGE | MASKED, LEVEL | MASKED])
@pytest.mark.parametrize("held", [(), ("sda",), ("sdb",), ("sda", "sdb")])
def test_a_pulse_is_a_line_that_goes_up_and_down(low, held):
    pulsed, lined = Board(sda=PIN, sdb=PIN), Board(sda=PIN, sdb=PIN)
    for board in (pulsed, lined):
        board.program(low)
        for link in held:
            board.line(asserted=True, link=link)
    once = pulsed.vectors("sda", Pulse())
    assert once == [*lined.line(asserted=True), *lined.line(asserted=False)]
    assert pulsed.chip.statistics() == lined.chip.statistics()
    assert pulsed.end() == lined.end()
    assert pulsed.line(asserted=True) == lined.line(asserted=True), "the device itself does not hold it"


def test_a_dead_processor_leaves_all_entries_masked():
    board = Board()
    board.program(LEVEL)
    board.line(asserted=True)
    board.give(LinkClosed("xen", "restart"))
    assert board.low() == MASKED
    assert board.program(LEVEL) == [VECTOR], "the device still holds its line"


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("sda", MmioWrite(0, 0)),
        ("sda", InterruptVector(VECTOR)),
        ("xen", Line(True)),
        ("xen", UpcallTaken()),
        ("sdz", Line(True)),
        ("xen", Pulse()),
        ("supervisor", PowerButton()),
    ],
)
def test_a_link_that_says_something_else_is_closed(link, message):
    (effect,) = Board().say(link, message)
    assert isinstance(effect, CloseLink)
    assert effect.link == link


def test_other_events_mean_nothing():
    assert Board().give(DeadlinePassed()) == []
    assert Board().give(LinkClosed("supervisor", "gone")) == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"version": "new"}, "version"),
        ({"version": -1}, "version"),
        ({"pins": ["sda"]}, "not a map"),
        ({"pins": {"sda": 24}}, "not a pin from 0 to 23"),
        ({"pins": {"sda": "16"}}, "not a pin"),
        ({"pins": {"xen": 3}}, "not the name of a device link"),
    ],
)
def test_a_wrong_argument_is_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        IoApic(argument)
