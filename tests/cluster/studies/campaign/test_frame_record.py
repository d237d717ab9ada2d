"""How many frames for others a guest may be shown: those that were flooded, twice each, and a few."""

from types import SimpleNamespace

import pytest

from actors.inet.drops import Drop
from cluster.studies.campaign.frame_record import DAMAGED_MAX, FrameRecord


def seen(count: int) -> dict:
    drops = dict.fromkeys(Drop, 0) | {Drop.FRAME_NOT_OURS: count, Drop.IP_NOT_OURS: 10_000}
    return {"vif0": SimpleNamespace(stack=SimpleNamespace(network=SimpleNamespace(drops=drops)))}


def forwarder(*flooded: int) -> SimpleNamespace:
    bridges = {f"xenbr{index}": SimpleNamespace(flooded=each) for index, each in enumerate(flooded)}
    return SimpleNamespace(statistics=lambda: SimpleNamespace(bridges=bridges))


@pytest.mark.parametrize(("shown", "held"), [(0, True), (DAMAGED_MAX + 14, True), (DAMAGED_MAX + 15, False)])
def test_what_is_more_than_every_life_of_every_bridge_has_flooded_is_a_leak(shown: int, held: bool) -> None:
    record = FrameRecord()
    record.guest("host0/dom1", seen(0))
    record.guest("host0/dom2", seen(shown))
    record.forwarder(forwarder(3, 1))  # type: ignore[arg-type]
    record.forwarder(forwarder(3))  # type: ignore[arg-type]

    found = record.violations()

    assert (found == []) is held
    assert all(each.startswith("host0/dom2 was shown") for each in found)
