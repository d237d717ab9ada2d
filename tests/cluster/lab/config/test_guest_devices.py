"""The classes of devices that a guest can get from its configuration, each by its row."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.device_classes import DEVICE_CLASSES
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.guest_device import GuestDeviceSchema
from cluster.lab.config.guest_devices import GUEST_DEVICES, kind_of
from cluster.lab.config.guest_disk import GUEST_DISKS, DiskDescription
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.schema import GuestSchema, WhenSchema
from cluster.running.run.kept_values import CLASSES

Load = Callable[..., ResolvedCluster]
DISK = DiskDescription(Path("test.yaml"), 3, "dom0", "xvda", None, 2048, "sda", "rw")


@pytest.mark.parametrize("name", GUEST_DEVICES)
def test_every_class_has_keys_for_its_devices_and_for_what_waits_for_them(name: str) -> None:
    kind = GUEST_DEVICES[name]

    assert DEVICE_CLASSES[name] is kind.device_class
    assert kind.device_class.plural in GuestSchema.model_fields
    assert name in WhenSchema.model_fields
    assert issubclass(kind.schema, GuestDeviceSchema)
    assert CLASSES[kind.resolved.__name__] is kind.resolved
    assert not kind.hardware or {kind.hardware} <= GuestSchema.model_fields.keys() & HARDWARE_KINDS.keys()


def test_a_description_knows_its_class_what_it_is_called_and_on_what_it_lies() -> None:
    assert kind_of(DISK) is GUEST_DISKS
    assert (DISK.identity, DISK.lies_on) == (("xvda", 51712), "sda")


def test_each_guest_of_a_count_gets_the_next_volume_of_a_disk() -> None:
    taken = Counter[str]()
    first, second = (DISK.resolved(guest, Path("/runs"), taken) for guest in ("web-0", "web-1"))

    assert [(each.guest, each.index, each.path.name) for each in (first, second)] == [
        ("web-0", 0, "web-0-xvda.img"),
        ("web-1", 1, "web-1-xvda.img"),
    ]
    assert taken == {"sda": 2}


def test_a_resolved_device_says_the_same_of_itself_at_both_ends(load: Load) -> None:
    for guest in load().guests:
        for each in guest.devices:
            plan = each.plan(3)
            assert (plan.name, plan.number) == each.identity
            assert (plan.device_class, plan.backend) == (each.device.device_class, 3)


def test_triggers_name_devices_by_their_class(load: Load) -> None:
    inventory = Inventory(load().hosts)

    assert inventory.devices("vbd") == ["host0/web-0/xvda", "host0/web-1/xvda"]
    assert inventory.devices("vif") == []
