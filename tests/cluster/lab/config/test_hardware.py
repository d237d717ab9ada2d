"""What a board has: every device on a line of its own, described by the row of its kind."""

import pytest

from actors.drivers.interrupt_line import InterruptLine
from cluster.lab.config.hardware import DISK, HARDWARE_KINDS, Hardware, hardware_of
from cluster.lab.config.schema import CostsSchema, DiskSchema, DriverDomainSchema, HostSchema
from cluster.lab.experiment.statistics_maps import RECORDS
from cluster.running.drivers.programs import PROGRAMS

HOST = HostSchema(
    name="host0",
    disks=[DiskSchema(name="sda"), DiskSchema(name="sdb", trigger="edge")],
    driver_domains=[DriverDomainSchema(name="storage", disks=["sdb"])],
)


def test_devices_have_lines_in_their_order_and_are_driven_by_whom_they_were_given_to() -> None:
    assert [(each.name, each.program, each.gsi, each.trigger, each.driver) for each in hardware_of(HOST)] == [
        ("sda", DISK, 16, "level", "dom0"),
        ("sdb", DISK, 17, "edge", "storage"),
    ]
    assert hardware_of(HostSchema(name="bare")) == ()


def test_a_domain_is_told_of_a_device_by_its_line_alone() -> None:
    assert hardware_of(HOST)[1].line == InterruptLine("sdb", 17, "edge")


def test_a_disk_is_told_what_it_is_like_what_lies_on_it_and_who_drives_it() -> None:
    disk = Hardware("sda", DISK, 16, "level", {"name": "sda", "write_back_ns": 1})
    told = HARDWARE_KINDS[DISK].argument(disk, [{"name": "web-0-xvda"}], "dom1")

    assert told == {
        "name": "sda",
        "write_back_ns": 1,
        "volumes": [{"name": "web-0-xvda"}],
        "driver": "dom1",
    }


@pytest.mark.parametrize("program", HARDWARE_KINDS)
def test_every_kind_has_a_program_statistics_and_costs(program: str) -> None:
    kind = HARDWARE_KINDS[program]

    assert PROGRAMS[program].boot is None, "a device has no kernel"
    assert kind.statistics in RECORDS
    assert kind.service(CostsSchema())
    assert kind.key in HostSchema.model_fields
