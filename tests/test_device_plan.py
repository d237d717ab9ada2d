"""A device that was planned, as dom0 and as its guest are told of it."""

import pytest

from actors.device_plan import DevicePlan

ROW = {"vdev": "xvdb", "virtual_device": 51728}
TOLD = DevicePlan("vbd", ROW)
SERVED = DevicePlan("vbd", ROW | {"disk": "sda", "volume": 3, "mode": "w"}, backend=2)


@pytest.mark.parametrize("plan", [TOLD, SERVED], ids=["guest", "dom0"])
def test_a_plan_comes_back_as_it_was_sent(plan: DevicePlan) -> None:
    assert DevicePlan.parse(plan.pack()) == plan
    assert (plan.name, plan.number) == plan.identity == ("xvdb", 51728)


def test_it_always_names_its_class_and_of_who_serves_it_only_whoever_is_not_dom0() -> None:
    assert TOLD.pack() == {"class": "vbd", **ROW}
    assert SERVED.pack()["backend"] == 2


def test_two_devices_with_other_rows_are_told_apart() -> None:
    assert len({TOLD, DevicePlan("vbd", ROW | {"vdev": "xvdc"})}) == 2
