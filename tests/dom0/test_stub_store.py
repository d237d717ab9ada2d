"""xenstored in a domain of its own, as dom0 makes it, finds it again, and makes it again."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import CREATEDOMAIN_XS_DOMAIN
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.stub_store import LOOK_NS, XENSTORE_PAGES, StubStore
from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import Transport, Xenbus
from actors.xenstore.stub_domain import XenstoreDomain
from tests.xen.simulated_xen import SimulatedXen

STUB = 1


class Dom0:
    """A dom0 that starts the store's home."""

    def __init__(self, xen: SimulatedXen, *, keeps: bool = False) -> None:
        self.xen, self.kernel = xen, xen.kernels[0]
        self.lost = 0
        self.do(self.kernel.grants.setup())
        builder = DomainBuilder(self.kernel, None, store_domid=0)
        self.home = StubStore(self.kernel, builder, self._client, keeps=keeps, lost=self._lose)
        self.xenbus = self.do(self.home.start())

    def _client(self, transport: Transport) -> Xenbus:
        return Xenbus(self.kernel.threads, transport, reconnect=True, log=self.kernel.log)

    def _lose(self) -> None:
        self.lost += 1

    def do(self, coroutine):
        return self.xen.do(0, coroutine)


@pytest.fixture
def xen() -> SimulatedXen:
    return SimulatedXen({0: Kernel, STUB: XenstoreDomain}, frames=4 * XENSTORE_PAGES).boot()


def test_the_first_dom0_makes_the_domain(xen: SimulatedXen) -> None:
    dom0 = Dom0(xen)
    dom0.do(dom0.xenbus.write("/tool", "x"))

    assert dom0.do(dom0.xenbus.read("/tool")) == "x"
    assert xen.mapped(STUB) != []
    assert not dom0.home.began_empty, "there was nothing that it could have lost"


def test_the_next_dom0_finds_the_domain_with_all_that_it_has(xen: SimulatedXen) -> None:
    dom0 = Dom0(xen)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    xen.crash(0)
    dom0 = Dom0(xen)

    assert dom0.do(dom0.xenbus.read("/tool")) == "x"
    assert not dom0.home.began_empty
    assert any("lives on in domain 1" in line for line in xen.consoles[0])


@pytest.mark.parametrize(("keeps", "lost"), [(False, 1), (True, 0)])
def test_a_domain_that_has_died_is_made_again_under_its_number(
    xen: SimulatedXen, *, keeps: bool, lost: int
) -> None:
    dom0 = Dom0(xen, keeps=keeps)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    xen.crash(STUB)
    xen.advance(2 * LOOK_NS)

    assert dom0.lost == lost
    assert dom0.xenbus.reconnects == 1
    assert xen.mapped(STUB) != []
    with pytest.raises(XenError) as refusal:
        dom0.do(dom0.xenbus.read("/tool"))
    assert refusal.value.errno is Errno.ENOENT, "this daemon has no archive"


@pytest.mark.parametrize(("keeps", "empty"), [(False, True), (True, False)])
def test_a_dom0_that_finds_the_domain_dead_makes_it_again(
    xen: SimulatedXen, *, keeps: bool, empty: bool
) -> None:
    Dom0(xen)
    xen.crash(STUB)
    xen.crash(0)
    dom0 = Dom0(xen, keeps=keeps)

    assert dom0.home.began_empty is empty
    dom0.do(dom0.xenbus.write("/tool", "x"))


def test_a_domain_that_an_earlier_dom0_has_built_by_half_is_built_anew(xen: SimulatedXen) -> None:
    xen.build(STUB, flags=CREATEDOMAIN_XS_DOMAIN)
    xen.crash(0)
    dom0 = Dom0(xen)

    dom0.do(dom0.xenbus.write("/tool", "x"))
    assert dom0.do(dom0.xenbus.read("/tool")) == "x"
