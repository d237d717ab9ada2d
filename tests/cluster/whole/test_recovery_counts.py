"""What the recovery of dom0 takes is known to the last request: whoever makes it more says so here."""

import pytest

from cluster.lab.config.loading import load_cluster
from tests.cluster.whole.recovery_count import Toll, count_recovery
from tests.cluster.whole.scenario import Scenario

TOLLS = {
    ("renegotiate", 1): Toll(36, 32, 37, 38, 99, 19, 167, 12),
    ("renegotiate", 4): Toll(144, 128, 148, 152, 387, 37, 593, 27),
    ("renegotiate", 8): Toll(288, 256, 296, 304, 771, 61, 1087, 47),
    ("resume", 1): Toll(23, 19, 21, 24, 96, 19, 117, 10),
    ("resume", 4): Toll(92, 76, 84, 96, 375, 37, 394, 19),
    ("resume", 8): Toll(184, 152, 168, 191, 747, 61, 732, 31),
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
        assert (four.guest_requests, eight.guest_requests) == (4 * one.guest_requests, 8 * one.guest_requests)
        more = (eight.dom0_requests - four.dom0_requests) / 4
        assert more == (four.dom0_requests - one.dom0_requests) / 3
