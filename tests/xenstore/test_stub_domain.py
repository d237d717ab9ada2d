"""The store in a domain of its own, and the domain 0 that finds it, dies, and finds it again."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import (
    CREATEDOMAIN_XS_DOMAIN,
    GNTTAB_RESERVED_XENSTORE,
    EvtchnStatus,
    ShutdownReason,
    Virq,
)
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.start_info import STORE_GFN
from actors.xenstore.stub_domain import XenstoreDomain
from tests.xen.guest import Guest

STUB = 2


class Stub:
    """A stub domain that is built, and does not run yet."""

    def __init__(self, xen):
        self.xen = xen
        self.port = xen.build(STUB, XenstoreDomain, store_domid=STUB, flags=CREATEDOMAIN_XS_DOMAIN)
        assert xen.ret(0, "domctl.set_virq_handler", domain=STUB, virq=int(Virq.DOM_EXC)) == 0

    def run(self):
        self.xen.unpause(STUB)
        return self

    @property
    def statistics(self):
        return self.xen.kernels[STUB].statistics()

    @property
    def served(self):
        """Whose rings it has mapped."""
        return [domid for domid, _ in self.xen.mapped(STUB)]

    def guest(self, domid):
        return Guest.create(self.xen, domid, store_domid=STUB)


class ControlDomain:
    """A domain 0 that binds the stub's port, and grants its page unless told otherwise."""

    def __init__(self, stub, *, granted=True):
        self.xen, self.kernel = stub.xen, stub.xen.kernels[0]
        self.do(self.kernel.grants.setup())
        if granted:
            self.grant()
        ring = XsRing(self.kernel.pages.frame(STORE_GFN), self.kernel.pages.words(STORE_GFN))
        transport = RingTransport(ring, lambda: self.kernel.irq.notify(self.port))
        self.xenbus = Xenbus(self.kernel.threads, transport, reconnect=True, log=self.kernel.log)
        self.port = self.do(self.kernel.irq.bind_interdomain(STUB, stub.port, "xenbus", self.xenbus.on_event))

    def grant(self):
        self.kernel.grants.write(GNTTAB_RESERVED_XENSTORE, STUB, STORE_GFN)

    def do(self, coroutine):
        return self.xen.do(0, coroutine)

    def introduce(self, guest):
        self.do(self.xenbus.introduce(guest.domid, STORE_GFN, guest.port))


@pytest.fixture
def stub(xen):
    return Stub(xen)


def test_a_stub_serves_the_domain_0_that_was_there_before_it(stub):
    dom0 = ControlDomain(stub)
    stub.run()
    dom0.do(dom0.xenbus.write("/tool", "x"))
    assert dom0.do(dom0.xenbus.read("/tool")) == "x"


def test_a_stub_serves_a_domain_0_that_knocks(stub):
    stub.run()
    dom0 = ControlDomain(stub)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    guest = stub.guest(5)
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "guest"))
    dom0.do(dom0.xenbus.set_perms("/local/domain/5/name", ["n5"]))
    dom0.introduce(guest)
    assert guest.do(guest.xenbus.read("name")) == "guest"


@pytest.mark.parametrize("notice", ["after its death", "when the next has bound", "never told"])
def test_a_stub_outlives_domain_0(stub, notice):
    xen = stub.xen
    if notice == "never told":
        xen.sleep(STUB)
    stub.run()
    if notice == "never told":
        # Its VIRQ_DOM_EXC is bound before it comes to bind it: it is refused, and has to do without.
        assert xen.ret(STUB, "event_channel_op.bind_virq", virq=int(Virq.DOM_EXC), vcpu=0) == 0
        xen.wake(STUB)
    dom0 = ControlDomain(stub)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    dom0.do(dom0.xenbus.watch("/tool", lambda _: None))
    if notice == "when the next has bound":
        xen.sleep(STUB)
    xen.crash(0)
    if notice == "after its death":
        assert stub.served == []
        assert stub.statistics.connections == 0
    dom0 = ControlDomain(stub)
    if notice == "when the next has bound":
        xen.wake(STUB)
    assert dom0.do(dom0.xenbus.read("/tool")) == "x"
    assert xen.mapped(STUB) == [(0, xen.mfn(0, STORE_GFN))]
    assert xen.status(STUB, stub.port)["status"] == EvtchnStatus.interdomain
    assert stub.statistics.watches == 0


def test_a_stub_hears_of_the_deaths_of_others(stub):
    stub.run()
    dom0 = ControlDomain(stub)
    seen = []
    for domid in (5, 6, 7):
        dom0.introduce(stub.guest(domid))
    dom0.do(dom0.xenbus.watch("@releaseDomain", seen.append))
    stub.xen.destroy(5)
    stub.xen.destroy(6)
    assert seen == ["@releaseDomain"] * 3
    assert stub.served == [0, 7]
    stub.xen.shut_down(7, ShutdownReason.poweroff)
    assert len(seen) == 4
    assert dom0.do(dom0.xenbus.is_introduced(7))


def test_a_domain_0_that_has_bound_but_granted_nothing_yet_is_found_when_it_knocks(stub):
    stub.run()
    dom0 = ControlDomain(stub, granted=False)
    stub.xen.kick(0, dom0.port)
    assert stub.statistics.connections == 0
    dom0.grant()
    dom0.do(dom0.xenbus.write("/tool", "x"))


def test_another_domain_cannot_pass_for_domain_0(stub):
    stub.run()
    dom0 = ControlDomain(stub)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    guest = stub.guest(5)
    dom0.introduce(guest)
    for refused in (
        guest.xenbus.introduce(6, STORE_GFN, 3),
        guest.xenbus.release(5),
        guest.xenbus.read("/tool"),
    ):
        with pytest.raises(XenError) as refusal:
            guest.do(refused)
        assert refusal.value.errno is Errno.EACCES
