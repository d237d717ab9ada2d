from collections.abc import Callable

import pytest

from actors.dom0.stub_store import XENSTORE_HANDLE
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.domain_kinds import Residents
from cluster.running.drivers.programs import PROGRAMS

DRIVERS = "- {name: sda}\n      - {name: sdb}\n    driver_domains: [{name: storage, disks: [sdb]}]"


@pytest.mark.parametrize(
    ("domid", "name", "program", "told"),
    [
        (0, "dom0", "dom0", ["store_restart", "boot", "plan"]),
        (1, "storage", "driver", []),
        (2, "xenstore", "xenstore", ["store_restart", "boot"]),
        (3, "web-0", "guest", []),
        (9, "dom9", "guest", []),
    ],
)
def test_a_domain_runs_what_its_kind_does(
    load: Callable[..., ResolvedCluster], domid: int, name: str, program: str, told: list[str]
) -> None:
    host = load(("- {name: sda}", DRIVERS)).hosts[0]
    handles = {
        0: bytes(16),
        1: host.driver_domains[0].handle,
        2: XENSTORE_HANDLE,
        3: host.guests[0].handle,
        9: b"nobody's handle!",
    }
    resident = Residents(host).find(domid, handles[domid])

    assert (resident.name, resident.kind.program) == (name, program)
    assert list(resident.kind.told(host, 3)) == told
    assert resident.kind.told(host, 3).get("boot", 3) == 3
    assert resident.kind.program in PROGRAMS
    assert (resident.guest is None) == (name != "web-0")
