"""What the recovery of dom0 takes is known to the last request: whoever makes it more says so here."""

import pytest

from cluster.lab.config.loading import load_cluster
from tests.cluster.whole.recovery_count import Toll, count_recovery
from tests.cluster.whole.scenario import CRASH, Scenario

TOLLS = {
    ("renegotiate", 1): Toll(35, 7, 13, 15, 79, 19, 34, 49, 43, 11),
    ("renegotiate", 4): Toll(140, 28, 52, 56, 307, 37, 62, 146, 101, 23),
    ("renegotiate", 8): Toll(280, 57, 104, 113, 611, 61, 74, 279, 139, 39),
    ("resume", 1): Toll(30, 6, 8, 10, 78, 19, 32, 41, 37, 10),
    ("resume", 4): Toll(120, 24, 32, 44, 303, 37, 60, 132, 92, 19),
    ("resume", 8): Toll(240, 48, 64, 88, 603, 61, 73, 246, 128, 31),
    ("spare", 1): Toll(0, 0, 1, 3, 14, 35, 58, 61, 49, 6),
    ("spare", 4): Toll(0, 0, 4, 13, 32, 49, 66, 96, 63, 6),
    ("spare", 8): Toll(0, 0, 8, 24, 56, 69, 79, 138, 83, 6),
}
"""By (way, guests)."""
WAYS = {
    "renegotiate": ({"reconnect": "renegotiate"}, "150ms"),
    "resume": ({"reconnect": "resume"}, "150ms"),
    "spare": ({"architecture": "warm-spare"}, "700ms"),
}
"""What a host is like, and when dom0 dies: a spare is there half a second after dom0."""


@pytest.mark.parametrize(("way", "guests"), TOLLS, ids=str)
def test_a_recovery_takes_no_more_than_it_did(laboratory, way: str, guests: int) -> None:
    host, at = WAYS[way]
    scenario = Scenario(
        "recovery",
        host={**host, "memory": "128MiB"},
        guest={"count": guests, "vitals": "0s"},
        work={"rate": "10/s", "depth": 1},
        faults=({**CRASH, "at": at},),
        duration="600ms" if at == CRASH["at"] else "1100ms",
    )
    cluster = load_cluster(laboratory.write(scenario))

    assert count_recovery(cluster) == TOLLS[way, guests]


def test_a_guest_more_takes_the_same_as_the_one_before() -> None:
    for way in WAYS:
        one, four, eight = (TOLLS[way, guests] for guests in (1, 4, 8))
        assert eight.guest_requests <= 8 * (one.guest_requests + 1), "now and then one looks once more"
        more = (eight.dom0_requests - four.dom0_requests) / 4
        assert more == (four.dom0_requests - one.dom0_requests) / 3
