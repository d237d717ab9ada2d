"""Devices that are attached and detached while their guest runs: order, nodes, and a backend that is slow."""

from dataclasses import replace

import pytest

from actors.abi.interface import XenbusState
from actors.block.vbd import VBD
from actors.device_plan import DevicePlan
from actors.dom0.device_orders import DESTROY_NS, DeviceOrders
from actors.dom0.plan import DomainPlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.kernel.store import read_or
from actors.messages import Fault
from actors.vif.vif import VIF
from tests.dom0.toolstack_host import Host

NUMBER = 51712
DISK = DevicePlan(
    VBD.name, {"vdev": "xvda", "virtual_device": NUMBER, "disk": "sda", "volume": 3, "mode": "w"}
)
PLAN = DomainPlan("web", bytes(range(16)), 64, 64, 1, ShutdownActions(), (DISK,), "{}")
FRONT, BACK = "/local/domain/1/device/vbd/51712", "/local/domain/0/backend/vbd/1/51712"
CLOSED = str(int(XenbusState.Closed))


class Attached(Host):
    """A guest with devices whose backends are the test."""

    def __init__(self, devices: tuple[DevicePlan, ...] = (DISK,)) -> None:
        super().__init__(replace(PLAN, devices=devices))
        self.devices = DeviceOrders(self.xen.kernels[0])
        self.devices.serve(self.toolstack)

    def order(self, *, attach: bool, domid: int = 1, number: int = NUMBER) -> None:
        self.devices.order((domid, VBD.name, number), attach=attach)
        self.xen.run()

    def read(self, path: str) -> str | None:
        text = self.xen.do(0, read_or(self.xenbus, path, "absent"))
        return None if text == "absent" else text

    def write(self, path: str, value: str) -> None:
        self.xen.do(0, self.xenbus.write(path, value))
        self.xen.run()

    def said(self, text: str) -> int:
        return sum(text in each for each in self.logs)

    @property
    def ends(self) -> tuple[bool, bool]:
        """Whether the nodes of the frontend and of the backend are there."""
        return self.read(f"{FRONT}/backend") is not None, self.read(f"{BACK}/frontend") is not None


@pytest.fixture
def host() -> Attached:
    return Attached()


def test_a_disk_is_asked_to_close_and_taken_away_when_it_has(host: Attached) -> None:
    host.order(attach=False)
    assert (host.read(f"{BACK}/online"), host.read(f"{BACK}/state")) == ("0", "5")
    assert host.ends == (True, True)

    host.write(f"{BACK}/state", CLOSED)

    assert host.ends == (False, False)
    assert host.toolstack.knows.detached == {(1, DISK)}
    assert host.said("xvda detached from web (domain 1)") == 1


def test_one_that_has_closed_is_not_asked_again(host: Attached) -> None:
    host.write(f"{BACK}/state", CLOSED)
    host.order(attach=False)
    assert host.ends == (False, False)


def test_a_disk_that_does_not_close_loses_its_frontend_first_and_then_everything(host: Attached) -> None:
    host.order(attach=False)
    host.xen.advance(DESTROY_NS + 1_000_000)
    assert host.ends == (False, True)
    host.xen.advance(DESTROY_NS + 1_000_000)

    assert host.ends == (False, False)
    assert host.said("does not close within 10 s") == 2
    assert host.toolstack.knows.detached == {(1, DISK)}


def test_orders_of_a_disk_are_done_one_after_the_other(host: Attached) -> None:
    for attach in (False, True, False):
        host.order(attach=attach)
    assert host.said("attached to web") == 0, "the first one is not done yet"

    host.write(f"{BACK}/state", CLOSED)
    assert (host.said("detached from"), host.said("attached to web")) == (1, 1)
    assert host.read(f"{BACK}/state") == "5"
    host.write(f"{BACK}/state", CLOSED)

    assert host.ends == (False, False)
    assert (host.said("detached from"), host.said("attached to web")) == (2, 1)


def test_a_disk_that_is_attached_has_both_ends_and_is_away_no_more(host: Attached) -> None:
    host.order(attach=False)
    host.write(f"{BACK}/state", CLOSED)
    host.write(f"{FRONT}/left-by-the-guest", "1")
    host.order(attach=True)

    assert host.ends == (True, True)
    assert (host.read(f"{BACK}/state"), host.read(f"{FRONT}/state")) == ("1", "1")
    assert host.read(f"{FRONT}/left-by-the-guest") is None
    assert host.toolstack.knows.detached == set()


def test_what_is_attached_is_not_attached_again(host: Attached) -> None:
    host.write(f"{BACK}/state", "4")
    host.order(attach=True)

    assert host.said("xvda of web is attached") == 1
    assert host.read(f"{BACK}/state") == "4"


@pytest.mark.parametrize(("domid", "number"), [(7, NUMBER), (1, 51728)])
def test_a_disk_that_is_not_there_is_said_to_be_none(host: Attached, domid: int, number: int) -> None:
    host.order(attach=False, domid=domid, number=number)

    assert host.said(f"xl: no vbd {number} of domain {domid}") == 1
    assert host.ends == (True, True)


def test_what_is_ordered_waits_for_a_toolstack(host: Attached) -> None:
    host.devices.lose_toolstack()
    host.order(attach=False)
    assert host.read(f"{BACK}/online") == "1"

    host.devices.serve(host.toolstack)
    host.xen.run()
    assert host.read(f"{BACK}/online") == "0"


def test_what_a_killed_toolstack_has_half_detached_is_detached_before_it_is_attached(host: Attached) -> None:
    host.devices.lose_toolstack()
    host.toolstack.knows.half_detached.append((1, DISK))
    host.order(attach=True)
    host.devices.serve(host.toolstack)
    host.xen.run()
    host.write(f"{BACK}/state", CLOSED)

    assert host.toolstack.knows.half_detached == []
    assert (host.said("detached from"), host.said("attached to web")) == (1, 1)
    assert host.ends == (True, True)


def test_an_interface_comes_and_goes_as_a_disk_does() -> None:
    interface = DevicePlan(
        VIF.name, {"name": "vif0", "number": 0, "mac": "00:16:3e:00:00:01", "bridge": "xenbr0"}
    )
    host = Attached((DISK, interface))
    back = "/local/domain/0/backend/vif/1/0"
    fault = Fault(1, "network-detach", True, {"domid": 1, "virtual_device": 0})
    kernel = host.xen.kernels[0]

    assert kernel.faults["network-detach"](fault)
    host.xen.run()
    assert (host.read(f"{back}/online"), host.read(f"{back}/state"), host.read(f"{BACK}/online")) == (
        "0",
        "5",
        "1",
    )
    host.write(f"{back}/state", CLOSED)
    assert host.read(f"{back}/state") is None
    assert host.toolstack.knows.detached == {(1, interface)}

    assert kernel.faults["network-attach"](fault)
    host.xen.run()
    assert (host.read(f"{back}/state"), host.read("/local/domain/1/device/vif/0/state")) == ("1", "1")
    assert host.toolstack.knows.detached == set()


@pytest.mark.parametrize(
    ("kind", "active", "online"),
    [("block-detach", True, "0"), ("block-detach", False, "1"), ("block-attach", True, "1")],
)
def test_a_fault_is_an_order(host: Attached, kind: str, active: bool, online: str) -> None:
    fault = Fault(1, kind, active, {"domid": 1, "virtual_device": NUMBER})

    assert host.xen.kernels[0].faults[kind](fault)
    host.xen.run()
    assert host.read(f"{BACK}/online") == online


def test_nothing_takes_away_that_a_disk_was_attached(host: Attached) -> None:
    fault = Fault(1, "block-attach", False, {"domid": 1, "virtual_device": NUMBER})
    assert host.xen.kernels[0].faults["block-attach"](fault)
    host.xen.run()
    assert not any("xl: xvda" in each for each in host.logs)
