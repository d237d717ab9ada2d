"""console_io, the hypervisor's own messages, and the interrupts that tell of both."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import Virq
from actors.hypervisor.console_ring import RING_BYTES, SERIAL_RX_BYTES, ConsoleRing
from actors.messages import ConsoleInput, ConsoleOutput


def say(xen, text="hello"):
    xen.machine._outbox.log(text)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"buf": "hello"}, ["hello"]),
        ({"buf": b"h\xc3\xa4", "count": 2}, ["hä"]),
        ({"buf": "hello", "count": 2}, ["he"]),
        ({"buf": "hello", "count": 0}, []),
        ({"buf": "x" * 5000}, ["x" * 4096, "x" * 904]),
    ],
)
def test_what_dom0_writes_is_shown(xen, arguments, shown):
    assert xen.ret(0, "console_io.write", **arguments) == 0
    assert [each.text for each in xen.messages("supervisor", ConsoleOutput)] == shown


@pytest.mark.parametrize("arguments", [{"buf": 1}, {"buf": "x", "count": 2}, {"buf": "x", "count": -1}])
def test_a_write_from_nowhere_shows_nothing(xen, arguments):
    assert xen.ret(0, "console_io.write", **arguments) == -Errno.EFAULT
    assert xen.messages("supervisor", ConsoleOutput) == []


def test_a_guest_has_no_part_in_the_console(xen):
    guest = xen.create()
    for command in (0, 1, 99):
        assert xen.raw(guest, 18, command, {"count": 1, "buf": "x"}).ret == -Errno.EPERM
    assert xen.raw(0, 18, 99, {}).ret == -Errno.ENOSYS


def test_what_is_typed_is_told_and_read_once(xen):
    port = xen.out(0, "event_channel_op.bind_virq", "port", virq=int(Virq.CONSOLE), vcpu=0)
    xen.clear()
    xen.message("supervisor", ConsoleInput("abc"))
    assert xen.upcalls(0) == [[port]]
    assert xen.call(0, "console_io.read", count=2) == (2, {"buf": b"ab"})
    assert xen.call(0, "console_io.read", count=9) == (1, {"buf": b"c"})
    assert xen.call(0, "console_io.read", count=9) == (0, {"buf": b""})


@pytest.mark.parametrize("count", [-1, 1 << 31])
def test_nobody_reads_more_than_can_be_counted(xen, count):
    assert xen.ret(0, "console_io.read", count=count) == -Errno.E2BIG


def test_typing_beyond_the_buffer_is_lost():
    ring = ConsoleRing()
    ring.type("x" * 100)
    ring.type("y" * 100)
    ring.type("z")
    assert ring.take_typed(1000) == b"x" * 100 + b"y" * (SERIAL_RX_BYTES - 100)


def test_a_message_of_the_hypervisor_raises_an_interrupt_and_can_be_read(xen):
    port = xen.out(0, "event_channel_op.bind_virq", "port", virq=int(Virq.CON_RING), vcpu=0)
    guest = xen.create()
    assert xen.ret(guest, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.clear()
    xen.wait(1_000_000_000)
    assert xen.upcalls(0) == [[port]]
    _, out = xen.call(0, "sysctl.readconsole", count=4096)
    assert f"(XEN) Watchdog timer of d{guest} has run out\n".encode() in out["buffer"]


def test_the_console_is_read_on_from_where_one_was(xen):
    say(xen, "one")
    _, first = xen.call(0, "sysctl.readconsole", count=4096, incremental=1, index=0)
    say(xen, "two")
    ret, second = xen.call(0, "sysctl.readconsole", count=4096, incremental=1, index=first["index"])
    assert (ret, second["buffer"], second["count"]) == (0, b"(XEN) two\n", 10)
    _, short = xen.call(0, "sysctl.readconsole", count=3, clear=1)
    assert len(short["buffer"]) == 3
    _, nothing = xen.call(0, "sysctl.readconsole", count=4096)
    assert (nothing["buffer"], nothing["index"]) == (b"", second["index"])


def test_the_ring_keeps_the_newest():
    ring = ConsoleRing()
    for number in range(5000):
        ring.put(f"line {number}")
    data, end = ring.read(0, 1 << 20)
    assert len(data) == RING_BYTES
    assert data.endswith(b"line 4999\n")
    assert end == ring.produced
    assert ring.read(end + 100, 10) == (b"", end)
