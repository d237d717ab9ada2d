"""Every class of paravirtual devices has its row wherever devices are told apart by their class."""

from dataclasses import fields

import pytest

from actors.device_classes import DEVICE_CLASSES
from actors.kernel.device_statistics import BackendStatistics, FrontendStatistics
from cluster.lab.config.guest_devices import GUEST_DEVICES
from cluster.lab.trace.followers import FOLLOWERS
from cluster.running.control.device_counts import DEVICE_COUNTS
from cluster.running.metrics.device_metrics import DEVICE_METRICS
from cluster.studies.campaign.summary import COUNTED


@pytest.mark.parametrize("name", DEVICE_CLASSES)
def test_a_class_has_its_row_in_every_table(name: str) -> None:
    for table in (GUEST_DEVICES, DEVICE_METRICS, DEVICE_COUNTS, FOLLOWERS):
        assert name in table
    assert f"{name} state at a fault" in COUNTED


@pytest.mark.parametrize("name", DEVICE_CLASSES)
def test_the_metrics_of_a_class_are_those_of_a_device_of_a_guest(name: str) -> None:
    row = DEVICE_METRICS[name]

    assert row.info.labels == ("guest", name, "backend")
    assert row.state.labels == ("guest", name, "end")
    assert all(family.labels == ("guest", name) for family, _ in row.fixed)


@pytest.mark.parametrize("name", DEVICE_CLASSES)
def test_the_ends_of_a_class_tell_what_every_end_does(name: str) -> None:
    ends = DEVICE_CLASSES[name]

    for told, every in (
        (ends.frontend_statistics, FrontendStatistics),
        (ends.backend_statistics, BackendStatistics),
    ):
        assert [each.name for each in fields(told)][: len(fields(every))] == [
            each.name for each in fields(every)
        ]


def test_no_table_has_a_class_that_there_is_not() -> None:
    for table in (GUEST_DEVICES, DEVICE_METRICS, DEVICE_COUNTS, FOLLOWERS):
        assert not table.keys() - DEVICE_CLASSES.keys()
