from collections.abc import Callable

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.reach import kills_store_domain, mortal_domains
from cluster.lab.faults.kinds import FAULT_KINDS

RUNNING = {"dom0": 1, "web-0": 2, "web-1": 3}
Load = Callable[..., ResolvedCluster]


@pytest.mark.parametrize(
    ("kind", "target", "mortal"),
    [
        ("crash", "web-0", {"web-0"}),
        ("crash", "nobody", {"dom0"}),
        ("link-partition", "hypervisor:web-1", {"web-1"}),
        ("slow", "hypervisor", {"dom0"}),
        ("link-drop", "hypervisor:ioapic", set(RUNNING)),
        ("host-power-loss", "", set(RUNNING)),
        ("disk-stall", "sda", {"dom0"}),
        ("block-detach", "web-1/xvda", {"web-1"}),
        ("xenstored-kill", "xenstored", set()),
    ],
)
def test_the_domains_that_may_die_of_a_fault_are_those_that_it_names(
    load: Load, kind: str, target: str, mortal: set[str]
) -> None:
    host = load().hosts[0]

    assert set(mortal_domains(FAULT_KINDS[kind], host, target, RUNNING)) == mortal


@pytest.mark.parametrize(
    ("kind", "domain", "restart", "dies"),
    [
        ("xenstored-kill", "stubdom", "persist", True),
        ("xenstored-kill", "dom0", "lose", False),
        ("xenstored-live-update", "stubdom", "lose", True),
        ("xenstored-live-update", "stubdom", "live-update", False),
        ("xenstored-live-update", "dom0", "lose", False),
        ("crash", "stubdom", "lose", False),
    ],
)
def test_a_store_with_a_domain_dies_of_a_kill_and_where_nothing_is_kept(
    load: Load, kind: str, domain: str, restart: str, *, dies: bool
) -> None:
    home = f"    xenstore: {{domain: {domain}, restart: {restart}}}\n    memory: 1GiB"
    host = load(("    memory: 1GiB", home)).hosts[0]

    assert kills_store_domain(FAULT_KINDS[kind], host) is dies
