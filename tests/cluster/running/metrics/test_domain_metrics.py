"""What is told of a domain: its state of several sources, whose it is, and what it held."""

from types import SimpleNamespace

import pytest

from cluster.running.metrics.catalog import ALL_GUESTS
from cluster.running.metrics.domain_metrics import CRASHED, DYING, SHUT_DOWN, STATES, DomainMetrics, _state

ROWS = {
    "lives": ("running", "-b----"),
    "shut down": ("shutdown", "---s--"),
    "crashed": ("shutdown", "----c-"),
    "dying": ("dying", "-----d"),
}


def row(name: str) -> SimpleNamespace | None:
    return SimpleNamespace(life=ROWS[name][0], state=ROWS[name][1]) if name else None


@pytest.mark.parametrize(
    ("process", "told", "state"),
    [
        ("", "", 0),
        ("", "lives", 0),
        ("running", "", 1),
        *((process, "lives", number) for process, number in STATES.items()),
        ("running", "shut down", SHUT_DOWN),
        ("ended", "shut down", SHUT_DOWN),
        ("", "shut down", SHUT_DOWN),
        ("running", "crashed", CRASHED),
        ("", "crashed", CRASHED),
        ("running", "dying", DYING),
        ("", "dying", DYING),
    ],
)
def test_the_hypervisors_word_that_a_domain_has_ended_stands_above_its_process(
    process: str, told: str, state: int
) -> None:
    found = SimpleNamespace(state=process) if process else None
    assert _state(found, row(told)) == state


def board() -> SimpleNamespace:
    """A host with a driver domain and two guests."""
    domains = [SimpleNamespace(name=name, vcpus=1) for name in ("storage", "web-0", "web-1")]
    host = SimpleNamespace(
        name="host0",
        architecture=SimpleNamespace(store_has_domain=False),
        drivers=["storage"],
        driver_domains=domains[:1],
        guests=domains[1:],
        dom0_vcpus=2,
        hardware=[],
    )
    return SimpleNamespace(host=host, domains=SimpleNamespace(name_of=lambda _domid: None), is_on=False)


@pytest.mark.parametrize(
    ("name", "each", "label"),
    [
        ("dom0", True, "dom0"),
        ("dom0", False, "dom0"),
        ("storage", False, "storage"),
        ("web-0", True, "web-0"),
        ("web-0", False, ALL_GUESTS),
        ("web-1", False, ALL_GUESTS),
        ("gone", False, "gone"),
    ],
)
def test_guests_share_their_series_and_others_do_not(name: str, each: bool, label: str) -> None:
    assert DomainMetrics(board(), SimpleNamespace(), each=each).label(name) == label


def test_without_power_nobody_is_there() -> None:
    readings = SimpleNamespace(hypervisors={})
    assert DomainMetrics(board(), readings, each=True)._present() == set()


def test_who_the_hypervisor_has_not_told_of_yet_is_not_there() -> None:
    on = board()
    on.is_on = True
    on.domains.name_of = {0: "dom0", 5: "web-0"}.get
    readings = SimpleNamespace(hypervisors={})
    metrics = DomainMetrics(on, readings, each=True)
    assert metrics._present() == set()

    readings.hypervisors["host0"] = SimpleNamespace(
        domains=[SimpleNamespace(domid=0), SimpleNamespace(domid=5)]
    )
    assert metrics._present() == {"dom0", "web-0"}
