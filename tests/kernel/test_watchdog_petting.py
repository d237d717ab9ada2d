"""A kernel that pets the hypervisor's watchdog, until it hangs."""

from actors.kernel.kernel import Kernel
from actors.kernel.watchdog import pet_watchdog
from actors.runtime.units import NS_PER_S
from tests.xen.simulated_xen import SimulatedXen

TIMEOUT_S = 2


def test_who_pets_lives_and_who_hangs_is_found() -> None:
    xen = SimulatedXen({0: Kernel}).boot()
    kernel = xen.kernels[0]
    xen.start(0, pet_watchdog(kernel.xen, kernel.threads, TIMEOUT_S, kernel.log))
    xen.advance(10 * TIMEOUT_S * NS_PER_S)
    assert xen.kernels[0] is kernel

    xen.sleep(0)
    xen.advance(TIMEOUT_S * NS_PER_S // 2)
    assert xen.kernels[0] is kernel
    xen.advance(TIMEOUT_S * NS_PER_S)
    assert xen.kernels[0] is not kernel, "another dom0 has taken its place"


def test_on_a_xen_without_a_watchdog_that_is_said() -> None:
    xen = SimulatedXen({0: Kernel}, xen="3.4").boot()
    kernel = xen.kernels[0]
    assert xen.start(0, pet_watchdog(kernel.xen, kernel.threads, TIMEOUT_S, kernel.log)) == [None]
    assert xen.consoles[0] == ["watchdog: this Xen has none; a domain that hangs will not be noticed"]
