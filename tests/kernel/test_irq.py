"""The interrupt layer's table, as /proc/interrupts shows it."""

from collections.abc import Callable, Coroutine

import pytest

from actors.abi.interface import Virq
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.irq import Irq
from actors.kernel.threads import Future, Threads
from actors.messages import Hypercall, HypercallReply


class Xen:
    """Gives every call that binds something the next port."""

    def __init__(self) -> None:
        self.threads = Threads()
        self.calls = Hypercalls(self._take)
        self.irq = Irq(self.calls)
        self._port = 0

    def _take(self, message: object) -> None:
        assert isinstance(message, Hypercall)
        if message.sequence:
            self._port += 1
            out: dict[str, object] = {"port": self._port, "local_port": self._port}
            self.threads.at(0).when_done(lambda: self.calls.receive(HypercallReply(message.sequence, 0, out)))

    def run(self, coroutine: Coroutine[Future[object], None, object]) -> None:
        async def thread() -> None:
            await coroutine

        self.threads.spawn("test", thread())
        while self.threads.ready or self.threads.next_deadline_ns() is not None:
            self.threads.run(1)


@pytest.fixture
def xen() -> Xen:
    return Xen()


def nothing() -> None:
    pass


def rows(irq: Irq) -> list[list[str]]:
    return [line.split(None, 4) for line in irq.table().splitlines()[1:]]


@pytest.mark.parametrize(
    ("bind", "row"),
    [
        (
            lambda irq: irq.bind_pirq(16, "xen-pirq -ioapic-level", "sda", nothing),
            ["16:", "0", "xen-pirq", "-ioapic-level", "sda"],
        ),
        (
            lambda irq: irq.bind_pirq(255, "xen-pirq -msi", "nvme", nothing),
            ["24:", "0", "xen-pirq", "-msi", "nvme"],
        ),
        (
            lambda irq: irq.bind_virq(Virq.TIMER, "timer", nothing),
            ["24:", "0", "xen-percpu", "-virq", "timer0"],
        ),
        (
            lambda irq: irq.bind_virq(Virq.CON_RING, "hvc_console", nothing),
            ["24:", "0", "xen-dyn", "-virq", "hvc_console"],
        ),
        (
            lambda irq: irq.bind_interdomain(1, 7, "xenbus", nothing),
            ["24:", "0", "xen-dyn", "-event", "xenbus"],
        ),
        (
            lambda irq: irq.bind_interdomain(1, 7, "blkif-backend", nothing),
            ["24:", "0", "xen-dyn-lateeoi", "-event", "blkif-backend"],
        ),
        (
            lambda irq: irq.bind_interdomain(1, 7, "evtchn:xenstored", nothing),
            ["24:", "0", "xen-dyn-lateeoi", "-event", "evtchn:xenstored"],
        ),
    ],
)
def test_every_kind_has_its_name(
    xen: Xen, bind: Callable[[Irq], Coroutine[Future[object], None, object]], row: list[str]
) -> None:
    xen.run(bind(xen.irq))
    assert rows(xen.irq)[0] == row


def test_events_are_counted_by_irq_and_upcalls_as_a_whole(xen: Xen) -> None:
    xen.irq.bind(5, "xen-dyn -event", "blkif", nothing)
    xen.irq.bind(3, "xen-dyn -event", "xenbus", nothing)
    xen.irq.deliver([3, 5])
    xen.irq.deliver([3, 9])
    assert xen.irq.table() == (
        "           CPU0\n"
        " 24:          1   xen-dyn -event          blkif\n"
        " 25:          2   xen-dyn -event          xenbus\n"
        "HYP:          2   Hypervisor callback interrupts\n"
        "ERR:          1\n"
    )


def test_an_irq_that_is_free_again_is_the_next_one_given(xen: Xen) -> None:
    for port in (3, 5):
        xen.irq.bind(port, "xen-dyn -event", f"port{port}", nothing)
    xen.irq.unbind(3)
    xen.irq.bind(8, "xen-dyn -event", "port8", nothing)
    assert [row[0] + row[-1] for row in rows(xen.irq)[:2]] == ["24:port8", "25:port5"]
