"""Which release a dom0 speaks with the hypervisor that it finds, and whether that takes its toolstack."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.dom0.version_handshake import VersionHandshake
from actors.kernel.kernel import Kernel
from tests.xen.simulated_xen import SimulatedXen


@pytest.mark.parametrize(
    ("xen", "built_for", "agreed", "spoken"),
    [
        ("4.17", ("4.17",), True, "4.17"),
        ("3.4", ("3.4",), True, "3.4"),
        ("4.17", ("3.4", "4.17"), True, "4.17"),
        ("4.17", ("4.17", "3.4"), True, "4.17"),
        ("3.4", ("4.17", "3.4"), True, "3.4"),
        ("3.4", ("3.4", "4.17"), True, "3.4"),
        ("4.17", ("3.4",), False, "3.4"),
        ("3.4", ("4.17",), False, "4.17"),
    ],
)
def test_a_toolstack_speaks_the_release_of_its_hypervisor_if_it_was_built_for_that(
    xen: str, built_for: tuple[str, ...], agreed: bool, spoken: str
) -> None:
    host = SimulatedXen({0: Kernel}, xen=xen).boot()
    kernel, said = host.kernels[0], []

    found = host.do(0, VersionHandshake(kernel.xen, said.append).agree(built_for))

    assert (found, kernel.xen.release.name) == (agreed, spoken)
    assert said[0] == f"Xen version: {xen}, toolstack for {', '.join(built_for)}"
    refusals = [each for each in said if f"Xen {xen} refuses the toolstack interface of {spoken}" in each]
    assert len(refusals) == (not agreed) == len(said) - 1


def test_another_refusal_is_not_one_of_the_interface() -> None:
    host = SimulatedXen({0: Kernel}).boot()
    host.build(1, Kernel)
    host.unpause(1)

    with pytest.raises(XenError) as refusal:
        host.do(1, VersionHandshake(host.kernels[1].xen, lambda _: None).agree(("4.17",)))
    assert refusal.value.errno is Errno.EPERM
