"""The toolstack of one dom0, one life after another."""

import pytest

from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.plan import DomainPlan, HostPlan
from actors.dom0.xl import Xl
from actors.kernel.kernel import Kernel
from actors.messages import Fault
from actors.policies import Reconnect, StorePlace
from actors.xenstore.daemon import Xenstored
from tests.xen.simulated_xen import SimulatedXen
from tests.xenstore.local_client import local_client


class Dom0:
    """A dom0 with a store, on a simulated Xen, whose plan has these domains."""

    def __init__(self, *plans: DomainPlan) -> None:
        self.xen = SimulatedXen({0: Kernel}).boot()
        kernel = self.kernel = self.xen.kernels[0]
        daemon = Xenstored(kernel)
        self.xen.do(0, daemon.start())
        xenbus = local_client(kernel, daemon)
        plan = HostPlan(plans, StorePlace.dom0, Reconnect.resume, 2, {}, ("4.17",))
        builder = DomainBuilder(kernel, xenbus, store_domid=0)
        self.xl = Xl(kernel, plan, builder, lived_on=lambda _served: None, forgotten=lambda _domid: None)

    def start(self) -> None:
        self.xen.do(0, self.xl.start(store_lost=False))

    def fault(self, *, active: bool) -> None:
        assert self.kernel.faults["toolstack-kill"](Fault(1, "toolstack-kill", active, {}))
        self.rest()

    def type(self, text: str) -> None:
        self.xl.type(text)
        self.rest()

    def rest(self) -> None:
        """Have a turn, and what follows from it."""

        async def nothing() -> None:
            """The turn is what counts."""

        self.xen.do(0, nothing())

    def said(self) -> list[str]:
        return [each for each in self.xen.consoles[0] if each.startswith("xl: ")]


def test_what_is_typed_before_there_is_a_toolstack_is_done_by_it() -> None:
    dom0 = Dom0()
    dom0.type("xl shutdown -a")
    assert not dom0.xl.all_shut_down
    dom0.start()
    dom0.rest()
    assert dom0.xl.all_shut_down


def test_a_toolstack_that_was_killed_is_followed_by_another() -> None:
    dom0 = Dom0()
    dom0.start()
    first = dom0.xl.toolstack
    dom0.fault(active=True)
    assert dom0.xl.toolstack is first
    dom0.fault(active=False)
    assert dom0.xl.toolstack is not first
    assert dom0.said() == ["xl: Killed", "xl: started again"]


def test_what_is_typed_for_all_starts_one_that_was_killed() -> None:
    dom0 = Dom0()
    dom0.start()
    dom0.fault(active=True)
    dom0.type("xl destroy -a")
    dom0.rest()
    assert dom0.xl.all_shut_down


def test_one_that_lives_is_not_started_again() -> None:
    dom0 = Dom0()
    dom0.start()
    first = dom0.xl.toolstack
    dom0.fault(active=False)
    assert dom0.xl.toolstack is first
    assert dom0.said() == []


def test_another_store_is_rebuilt_by_another_toolstack() -> None:
    dom0 = Dom0()
    dom0.start()
    first = dom0.xl.toolstack
    dom0.xl.rebuild_store()
    dom0.rest()
    assert dom0.xl.toolstack is not first


@pytest.mark.parametrize("text", ["xl shutdown web", "xl reboot web", "xl list", "hello"])
def test_what_nobody_can_do_is_said(text: str) -> None:
    dom0 = Dom0()
    dom0.start()
    dom0.type(text)
    assert dom0.xen.consoles[0][-1] == f"{text}: not possible"
