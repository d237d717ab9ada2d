"""The class of disks: what a toolstack writes of one, and who makes its ends."""

import pytest

from actors.abi.interface import XenbusState
from actors.block.blkback import Blkback
from actors.block.blkfront import Blkfront
from actors.block.vbd import VBD
from actors.device_classes import DEVICE_CLASSES
from actors.kernel.xenbus_backend import Served
from actors.policies import Frontend, Reconnect

ROW = {"vdev": "xvda", "virtual_device": 51712, "disk": "sda", "volume": 3, "mode": "r"}


def test_a_disk_is_known_by_its_vdev_and_its_number():
    assert VBD.identity(ROW) == ("xvda", 51712)


def test_the_keys_of_a_disk_are_libxls_in_their_order():
    keys = VBD.keys(ROW)
    assert keys.frontend == (("virtual-device", "51712"), ("device-type", "disk"))
    assert keys.backend == (
        ("dev", "xvda"),
        ("params", "sda:3"),
        ("mode", "r"),
        ("type", "phy"),
        ("device-type", "disk"),
    )


def test_both_ends_stand_under_the_name_of_the_class():
    assert VBD.frontend_path(51712) == "device/vbd/51712"
    assert VBD.backend_path(5, 51712) == "backend/vbd/5/51712"


def test_the_class_makes_the_ends_of_the_block_driver(world, make_volume):
    kernel, store = world.boot(0).kernel, world.domains[0].store
    assert isinstance(VBD.frontend(kernel, store, "device/vbd/51712", Frontend.reconnect), Blkfront)
    served = Served("backend/vbd/1/51712", "/front", 1, Reconnect.resume, XenbusState.Closing)
    back = VBD.backend(kernel, store, served, make_volume())
    assert isinstance(back, Blkback)
    assert (back.state, back.number) == (XenbusState.Closing, 51712)


@pytest.mark.parametrize("name", list(DEVICE_CLASSES))
def test_a_class_is_found_under_its_name(name):
    assert DEVICE_CLASSES[name].name == name
    assert sum(each.plural == DEVICE_CLASSES[name].plural for each in DEVICE_CLASSES.values()) == 1
