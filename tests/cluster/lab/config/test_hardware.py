"""What a board has: every device on a line of its own, described by the row of its kind."""

from collections.abc import Callable

import pytest

from actors.drivers.interrupt_line import InterruptLine
from cluster.lab.config.disk_hardware import DiskSchema
from cluster.lab.config.hardware import DISK, HARDWARE_KINDS
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.schema import CostsSchema, DriverDomainSchema, HostSchema
from cluster.lab.experiment.statistics_maps import RECORDS
from cluster.running.drivers.programs import PROGRAMS

Load = Callable[..., ResolvedCluster]
TWO_DISKS = """\
name: test
hosts:
  - name: host0
    memory: 1GiB
    disks: [{name: sda, write_back: 1ms}, {name: sdb}]
    driver_domains: [{name: storage, disks: [sdb]}]
    guests:
      - name: web
        memory: 64MiB
        disks: [{vdev: xvda, size: 1MiB}, {vdev: xvdb, size: 2MiB, backend: storage}]
        workload: {kind: random}
"""
HOST = HostSchema(
    name="host0",
    disks=[DiskSchema(name="sda"), DiskSchema(name="sdb", trigger="edge")],
    driver_domains=[DriverDomainSchema(name="storage", disks=["sdb"])],
)


def test_devices_have_lines_in_their_order_and_are_driven_by_whom_they_were_given_to() -> None:
    assert [(each.name, each.program, each.gsi, each.trigger, each.driver) for each in HOST.hardware] == [
        ("sda", DISK, 16, "level", "dom0"),
        ("sdb", DISK, 17, "edge", "storage"),
    ]
    assert HostSchema(name="bare").hardware == ()


def test_a_domain_is_told_of_a_device_by_its_line_alone() -> None:
    assert HOST.hardware[1].line == InterruptLine("sdb", 17, "edge")


def test_a_disk_is_told_what_it_is_like_what_lies_on_it_and_who_drives_it(load: Load) -> None:
    host = load(text=TWO_DISKS).hosts[0]
    sda, sdb = (host.argument_of(each) for each in host.hardware)

    assert [each["name"] for each in sda["volumes"]] == ["web-xvda"]
    assert [each["name"] for each in sdb["volumes"]] == ["web-xvdb"]
    assert (sda["driver"], sdb["driver"], sda["write_back_ns"]) == ("dom0", "dom1", 1_000_000)
    assert list(sda)[-2:] == ["volumes", "driver"]


@pytest.mark.parametrize("program", HARDWARE_KINDS)
def test_every_kind_has_a_program_statistics_and_costs(program: str) -> None:
    kind = HARDWARE_KINDS[program]

    assert PROGRAMS[program].boot is None, "a device has no kernel"
    assert kind.statistics in RECORDS
    assert CostsSchema().of_device(program) == kind.service
    assert {kind.key} <= HostSchema.model_fields.keys() & DriverDomainSchema.model_fields.keys()
    assert kind.schema(name=kind.example).argument()["name"] == kind.example


def test_a_driver_domain_that_drives_nothing_is_refused_where_it_stands(refuse) -> None:
    keys = " or ".join(each.key for each in HARDWARE_KINDS.values())

    assert refuse(text=TWO_DISKS.replace(", disks: [sdb]", "")).splitlines() == [
        f"test.yaml:6: {keys!r} is missing; write {keys}: ..",
        "test.yaml:10: storage has no disk to serve xvdb from; backend: dom0",
    ]
