"""A driver domain: what it says of itself from its boot on, and how it leaves when it is asked to."""

import pytest

from actors.abi.interface import ShutdownReason
from actors.drivers.driver_configuration import DriverConfiguration
from actors.drivers.driver_domain import DriverDomain
from actors.kernel.kernel import Kernel
from actors.policies import Reconnect
from actors.start_info import STORE_GFN, StartInfo, write_start_info
from actors.xenstore.daemon import Xenstored
from tests.xen.simulated_xen import SimulatedXen
from tests.xenstore.local_client import local_client

DOMID, PAGES = 1, 128
HOME = f"/local/domain/{DOMID}"
VBD = f"{HOME}/backend/vbd/2/51712"


class Storage:
    """A dom0 with a store, and a driver domain without a disk, which the store serves."""

    def __init__(self, watchdog_s: int = 0) -> None:
        told = DriverConfiguration("storage", {"disks": ()}, Reconnect.renegotiate, watchdog_s)
        self.xen = SimulatedXen({0: Kernel}).boot()
        kernel = self.xen.kernels[0]
        daemon = Xenstored(kernel)
        self.xen.do(0, daemon.start())
        self.xenbus = local_client(kernel, daemon)
        port = self.xen.build(DOMID, DriverDomain, pages=PAGES)
        info = StartInfo(nr_pages=PAGES, store_gfn=STORE_GFN, store_port=port, cmd_line=told.cmd_line())
        write_start_info(self.xen.memory, [self.xen.mfn(DOMID, gfn) for gfn in range(2)], info)
        self.xen.unpause(DOMID)
        self.logs = self.xen.consoles[DOMID]
        self.give(f"{HOME}/control/shutdown", "")
        self.xen.do(0, self.xenbus.set_perms(HOME, [f"n{DOMID}"]))
        self.xen.do(0, self.xenbus.introduce(DOMID, STORE_GFN, port))
        self.xen.run()

    @property
    def domain(self) -> DriverDomain:
        kernel = self.xen.kernels[DOMID]
        assert isinstance(kernel, DriverDomain)
        return kernel

    def give(self, path: str, value: str) -> None:
        """Write a node that is the domain's."""
        self.write(path, value)
        self.xen.do(0, self.xenbus.set_perms(path, [f"n{DOMID}"]))

    def write(self, path: str, value: str) -> None:
        self.xen.do(0, self.xenbus.write(path, value))
        self.xen.run()


def test_it_serves_once_it_has_its_hardware_and_the_store() -> None:
    storage = Storage()

    assert any(line.startswith(f"storage: {PAGES} pages, store port") for line in storage.logs)
    assert any(line.startswith("storage: serves") for line in storage.logs)
    assert storage.domain.device_states() == []
    statistics = storage.domain.statistics()
    assert (statistics.backends, statistics.in_flight, statistics.vbds) == (0, 0, [])


def test_before_its_boot_it_serves_nothing_and_says_so() -> None:
    storage = Storage()
    extents = storage.domain.pages
    fresh = DriverDomain(storage.xen.memory, [[0, extents.mfn(0), PAGES]])

    assert (fresh.name, fresh.device_states()) == ("storage", [])
    assert fresh.statistics().backends == fresh.statistics().store_reconnects == 0
    fresh.check()


def test_a_device_that_names_no_volume_is_said_to_have_none() -> None:
    storage = Storage()
    for key, value in (("frontend", "/f"), ("params", "sda:0"), ("state", "1")):
        storage.give(f"{VBD}/{key}", value)
    storage.write(f"{VBD}/state", "1")

    assert storage.domain.device_states() == []
    assert any("blkback: backend/vbd/2/51712: no volume 'sda'" in line for line in storage.logs)


@pytest.mark.parametrize(
    ("request_", "reason", "words"),
    [
        ("poweroff", ShutdownReason.poweroff, "System halted."),
        ("halt", ShutdownReason.poweroff, "System halted."),
        ("reboot", ShutdownReason.reboot, "Restarting system."),
        ("suspend", None, "ignoring shutdown request: suspend"),
    ],
)
def test_it_leaves_for_the_reason_that_it_is_asked_for(
    request_: str, reason: ShutdownReason | None, words: str
) -> None:
    storage = Storage()
    storage.write(f"{HOME}/control/shutdown", request_)

    assert words in storage.logs
    ended = [row for row in storage.xen.events() if row[:2] == (DOMID, "shutdown")]
    assert [row[2] for row in ended] == ([] if reason is None else [reason])


@pytest.mark.parametrize(("watchdog_s", "armed"), [(0, False), (2, True)])
def test_it_pets_a_watchdog_if_it_is_to(watchdog_s: int, armed: bool) -> None:
    storage = Storage(watchdog_s)
    storage.xen.sleep(DOMID)
    storage.xen.advance(4_000_000_000)

    ended = [row for row in storage.xen.events() if row[:2] == (DOMID, "shutdown")]
    assert [row[2] for row in ended] == ([ShutdownReason.watchdog] if armed else [])
