"""How an interrupt line of a device comes to a domain, on the hypervisor itself."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.drivers.gsi import RTE_LEVEL, choose_vector, map_gsi, set_up_gsi, write_entry
from actors.kernel.kernel import Kernel
from actors.messages import InterruptVector, MmioWrite
from tests.xen.simulated_xen import SimulatedXen

GSI = 16
SELF = 0x7FF0


async def take_line(kernel: Kernel, taken: list[int], *, level: bool) -> None:
    """All the way, in the order of a driver."""
    await set_up_gsi(kernel.xen, GSI, kernel.log, level=level)
    pirq = await map_gsi(kernel.xen, SELF, GSI)
    vector = await choose_vector(kernel.xen, GSI)
    await kernel.irq.bind_pirq(pirq, "xen-pirq", "sda", lambda: taken.append(pirq))
    await write_entry(kernel.xen, GSI, vector, level=level)


@pytest.mark.parametrize(("release", "level"), [("3.4", True), ("4.17", False), ("4.17", True)])
def test_an_interrupt_comes_to_who_has_taken_its_line(release: str, *, level: bool) -> None:
    xen = SimulatedXen({0: Kernel}, ioapic=True, xen=release).boot()
    taken: list[int] = []
    xen.do(0, take_line(xen.kernels[0], taken, level=level))
    entry = xen.messages("ioapic", MmioWrite)[-1].value
    assert bool(entry & RTE_LEVEL) is level
    # The vector in the chip is the hypervisor's, whatever dom0 has chosen.
    xen.message("ioapic", InterruptVector(entry & 0xFF))
    xen.run()

    assert taken == [GSI]
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
