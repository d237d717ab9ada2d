"""The interrupt layer's table, as /proc/interrupts shows it."""

from collections.abc import Callable, Coroutine

import pytest

from actors.abi.interface import Virq
from actors.kernel.irq import Irq
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from tests.xen.simulated_xen import SimulatedXen

SELF = 0x7FF0
GSI = 16
NIC, NIC_PIRQ = (0, 1, 0), 415
PEER, PEER_PORT = 1, 1


@pytest.fixture
def xen() -> SimulatedXen:
    """A dom0 with the name of a GSI and of a network card's message, beside a domain that waits for it."""
    xen = SimulatedXen({0: Kernel}, iommu=True, pci_devices=((0, 0, 0), NIC), pci_msi=((*NIC, 1, 0, 0),))
    xen.boot()
    message = {"domid": SELF, "type": 0, "index": -1, "pirq": -1, "entry_nr": 1, "table_base": 0}
    message |= {"bus": NIC[0] << 16 | NIC[1], "devfn": NIC[2]}
    assert xen.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=GSI, pirq=GSI) == 0
    assert xen.out(0, "physdev_op.map_pirq", "pirq", **message) == NIC_PIRQ
    assert xen.build(PEER) == PEER_PORT
    return xen


@pytest.fixture
def irq(xen: SimulatedXen) -> Irq:
    return xen.kernels[0].irq


def nothing() -> None:
    pass


def rows(irq: Irq) -> list[list[str]]:
    return [line.split(None, 4) for line in irq.table().splitlines()[1:]]


@pytest.mark.parametrize(
    ("bind", "row"),
    [
        (
            lambda irq: irq.bind_pirq(GSI, "xen-pirq -ioapic-level", "sda", nothing),
            ["16:", "0", "xen-pirq", "-ioapic-level", "sda"],
        ),
        (
            lambda irq: irq.bind_pirq(NIC_PIRQ, "xen-pirq -msi", "nvme", nothing),
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
            lambda irq: irq.bind_interdomain(PEER, PEER_PORT, "xenbus", nothing),
            ["24:", "1", "xen-dyn", "-event", "xenbus"],
        ),
        (
            lambda irq: irq.bind_interdomain(PEER, PEER_PORT, "blkif-backend", nothing),
            ["24:", "1", "xen-dyn-lateeoi", "-event", "blkif-backend"],
        ),
        (
            lambda irq: irq.bind_interdomain(PEER, PEER_PORT, "vif1.0-q0-tx", nothing),
            ["24:", "1", "xen-dyn-lateeoi", "-event", "vif1.0-q0-tx"],
        ),
        (
            lambda irq: irq.bind_interdomain(PEER, PEER_PORT, "vif0-q0-tx", nothing),
            ["24:", "1", "xen-dyn", "-event", "vif0-q0-tx"],
        ),
        (
            lambda irq: irq.bind_interdomain(PEER, PEER_PORT, "evtchn:xenstored", nothing),
            ["24:", "1", "xen-dyn-lateeoi", "-event", "evtchn:xenstored"],
        ),
    ],
)
def test_every_kind_has_its_name(
    xen: SimulatedXen,
    irq: Irq,
    bind: Callable[[Irq], Coroutine[Future[object], None, object]],
    row: list[str],
) -> None:
    xen.do(0, bind(irq))  # which sends the first event on a port between domains
    assert rows(irq)[0] == row


def test_events_are_counted_by_irq_and_upcalls_as_a_whole(irq: Irq) -> None:
    irq.bind(5, "xen-dyn -event", "blkif", nothing)
    irq.bind(3, "xen-dyn -event", "xenbus", nothing)
    irq.deliver([3, 5])
    irq.deliver([3, 9])
    assert irq.table() == (
        "           CPU0\n"
        " 24:          1   xen-dyn -event          blkif\n"
        " 25:          2   xen-dyn -event          xenbus\n"
        "HYP:          2   Hypervisor callback interrupts\n"
        "ERR:          1\n"
    )


def test_an_irq_that_is_free_again_is_the_next_one_given(irq: Irq) -> None:
    for port in (3, 5):
        irq.bind(port, "xen-dyn -event", f"port{port}", nothing)
    irq.unbind(3)
    irq.bind(8, "xen-dyn -event", "port8", nothing)
    assert [row[0] + row[-1] for row in rows(irq)[:2]] == ["24:port8", "25:port5"]


def test_an_irq_that_was_let_go_of_is_the_next_and_the_lowest_comes_first(irq: Irq) -> None:
    for port in (101, 102, 103):
        irq.bind(port, "xen-dyn -event", str(port), nothing)
    for port in (102, 101):
        irq.unbind(port)
    for port in (104, 105, 106):
        irq.bind(port, "xen-dyn -event", str(port), nothing)

    assert [row[0] for row in rows(irq) if row[-1] in {"104", "105", "106"}] == ["24:", "25:", "27:"]
    assert {row[-1]: row[0] for row in rows(irq)}["103"] == "26:"
