"""How an interrupt line of a device comes to a domain, on the hypervisor itself."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.drivers.interrupt_line import RTE_LEVEL, InterruptLine, bind_line, map_gsi
from actors.kernel.kernel import Kernel
from actors.messages import EndOfInterrupt, InterruptVector, MmioWrite
from tests.xen.simulated_xen import SimulatedXen

GSI = 16


@pytest.mark.parametrize("level", [False, True], ids=["edge", "level"])
@pytest.mark.parametrize("release", ["3.4", "4.17"])
def test_an_interrupt_comes_to_who_has_taken_its_line(release: str, *, level: bool) -> None:
    xen = SimulatedXen({0: Kernel}, ioapic=True, xen=release).boot()
    taken: list[int] = []
    kernel = xen.kernels[0]
    line = InterruptLine("sda", GSI, "level" if level else "edge")
    xen.do(0, bind_line(kernel, line, lambda: taken.append(GSI), programs_ioapic=True))
    entry = xen.messages("ioapic", MmioWrite)[-1].value
    assert bool(entry & RTE_LEVEL) is level
    # The vector in the chip is the hypervisor's, whatever dom0 has chosen.
    for _ in range(2):
        xen.message("ioapic", InterruptVector(entry & 0xFF))
        xen.run()

    assert taken == [GSI, GSI]
    # An end of interrupt is owed for a level line alone; of an edge nothing stays in flight.
    assert len(xen.messages("ioapic", EndOfInterrupt)) == (2 if level else 0)
    assert xen.machine.next_deadline_ns() is None
    assert any("will do" in line for line in xen.consoles[0]) == (release == "3.4")


def test_a_line_is_given_to_one_domain() -> None:
    xen = SimulatedXen({0: Kernel}, ioapic=True).boot()
    first, second = xen.create(), xen.create()
    kernel = xen.kernels[0]
    xen.do(0, map_gsi(kernel.xen, first, GSI))

    assert xen.do(0, map_gsi(kernel.xen, second, GSI)) == GSI
    with pytest.raises(XenError) as refusal:
        xen.do(0, map_gsi(kernel.xen, 77, GSI))
    assert refusal.value.errno is Errno.ESRCH
