"""What the recovery of dom0 takes is known to the last request: whoever makes it more says so here."""

import pytest

from cluster.lab.config.loading import load_cluster
from tests.cluster.whole.recovery_count import Toll, count_recovery
from tests.cluster.whole.scenario import Scenario

TOLLS = {
    ("renegotiate", 1): Toll(35, 7, 13, 15, 79, 19, 34, 49, 43, 11),
    ("renegotiate", 4): Toll(140, 28, 52, 56, 307, 37, 62, 146, 101, 23),
    ("renegotiate", 8): Toll(280, 57, 104, 113, 611, 61, 74, 279, 139, 39),
    ("resume", 1): Toll(30, 6, 8, 10, 78, 19, 32, 41, 37, 10),
    ("resume", 4): Toll(120, 24, 32, 44, 303, 37, 60, 132, 92, 19),
    ("resume", 8): Toll(240, 48, 64, 88, 603, 61, 73, 246, 128, 31),
}
"""By (reconnect, guests)."""


@pytest.mark.parametrize(("reconnect", "guests"), TOLLS, ids=str)
def test_a_recovery_takes_no_more_than_it_did(laboratory, reconnect: str, guests: int) -> None:
    scenario = Scenario(
        "recovery",
        host={"reconnect": reconnect, "memory": "128MiB"},
        guest={"count": guests, "vitals": "0s"},
        work={"rate": "10/s", "depth": 1},
        duration="600ms",
    )
    cluster = load_cluster(laboratory.write(scenario))

    assert count_recovery(cluster) == TOLLS[reconnect, guests]


def test_a_guest_more_takes_the_same_as_the_one_before() -> None:
    for reconnect in ("renegotiate", "resume"):
        one, four, eight = (TOLLS[reconnect, guests] for guests in (1, 4, 8))
        assert eight.guest_requests <= 8 * (one.guest_requests + 1), "now and then one looks once more"
        more = (eight.dom0_requests - four.dom0_requests) / 4
        assert more == (four.dom0_requests - one.dom0_requests) / 3
