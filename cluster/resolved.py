"""A configuration with everything decided: what the supervisor, dom0 and the guests are given.

Rules: frozen; dicts in here are msgpack data (numbers, text, bytes, lists and dicts of them) and are
copied by whoever hands them on. Sizes in pages or sectors, times in nanoseconds.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.config_errors import Finding
from cluster.config_schema import ExpectSchema

Data = dict[str, object]


@dataclass(frozen=True, slots=True)
class Volume:
    """A guest's disk as a volume of a physical one. `made`: the run makes the image, of zeros."""

    guest: str
    vdev: str
    virtual_device: int
    disk: str
    index: int
    path: Path
    sectors: int
    read_only: bool
    made: bool

    @property
    def name(self) -> str:
        """`web-0-xvda`: names the image and the journal, too."""
        return f"{self.guest}-{self.vdev}"

    def argument(self) -> Data:
        """The volume as the disk actor is told of it."""
        return {
            "name": self.name,
            "path": str(self.path),
            "sectors": self.sectors,
            "read_only": self.read_only,
        }


@dataclass(frozen=True, slots=True)
class ResolvedFault:
    """A fault: `count` times, the first at `at_ns` after the workload began."""

    kind: str
    host: str
    target: str
    at_ns: int
    every_ns: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class ResolvedHost:
    """One host. `guests`: what each domain is made of; `interrupts`: (disk, GSI, trigger)."""

    name: str
    seed: int
    xen: str
    built_for: tuple[str, ...]
    memory_pages: int
    hwdom: str
    xenstore: str
    reconnect: str
    watchdog_s: int
    metrics_port: int
    dom0_pages: int
    dom0_vcpus: int
    pack: tuple[tuple[str, ...], ...]
    transport: str
    interrupts: tuple[tuple[str, int, str], ...]
    volumes: tuple[Volume, ...]
    disk_settings: tuple[Data, ...]
    guests: tuple[Data, ...]

    @property
    def nr_frames(self) -> int:
        """Frames of machine memory."""
        return self.memory_pages

    @property
    def disks(self) -> tuple[Data, ...]:
        """The arguments of the disk actors (`actors/devices/disk_settings.py`)."""
        return tuple(
            {**settings, "volumes": [each.argument() for each in self.volumes_of(str(settings["name"]))]}
            for settings in self.disk_settings
        )

    def volumes_of(self, disk: str) -> list[Volume]:
        """The volumes of one disk, by index."""
        return [each for each in self.volumes if each.disk == disk]

    def hypervisor_argument(self) -> Data:
        """What the hypervisor is booted with."""
        return {
            "xen": self.xen,
            "hwdom": self.hwdom,
            "dom0_memory_pages": self.dom0_pages,
            "dom0_vcpus": self.dom0_vcpus,
        }

    def dom0_argument(self) -> Data:
        """What dom0 finds on its own disk (`actors/dom0/plan.py`)."""
        keys = ("name", "handle", "memory_pages", "max_pages", "vcpus", "on_crash")
        disk_keys = ("vdev", "virtual_device", "disk", "volume", "mode")
        domains = [
            {
                **{key: guest[key] for key in keys},
                "disks": [{key: disk[key] for key in disk_keys} for disk in rows(guest["disks"])],
                "cmd_line": self._cmd_line(guest),
            }
            for guest in self.guests
        ]
        return {
            "domains": domains,
            "xenstore": self.xenstore,
            "reconnect": self.reconnect,
            "watchdog_s": self.watchdog_s,
            "built_for": list(self.built_for),
            "disks": [
                {"name": name, "gsi": gsi, "trigger": trigger} for name, gsi, trigger in self.interrupts
            ],
        }

    def _cmd_line(self, guest: Data) -> str:
        devices = [
            {"vdev": disk["vdev"], "virtual_device": disk["virtual_device"]} for disk in rows(guest["disks"])
        ]
        told = {key: guest[key] for key in ("name", "guest_id", "frontend", "workload")}
        return json.dumps({**told, "seed": self.seed, "devices": devices}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ResolvedCluster:
    """A whole configuration. `remarks` are no errors: what was ignored, and where."""

    name: str
    path: Path
    sha256: str
    seed: int
    duration_ns: int
    settle_ns: int
    hosts: tuple[ResolvedHost, ...]
    faults: list[ResolvedFault]
    expect: ExpectSchema
    remarks: tuple[Finding, ...]

    def host(self, name: str) -> ResolvedHost:
        """A host by name; KeyError if there is none."""
        for each in self.hosts:
            if each.name == name:
                return each
        raise KeyError(name)

    def with_seed(self, seed: int) -> "ResolvedCluster":
        """The same cluster with another seed."""
        return replace(self, seed=seed, hosts=tuple(replace(each, seed=seed) for each in self.hosts))

    def placed(self, images: Path) -> "ResolvedCluster":
        """The same cluster with the images that the run makes in this folder."""
        return replace(self, hosts=tuple(_placed(each, images) for each in self.hosts))


def rows(value: object) -> list[Data]:
    """A list of dicts inside of such data."""
    assert isinstance(value, list), "a list of dicts is wanted"
    return value


def _placed(host: ResolvedHost, images: Path) -> ResolvedHost:
    volumes = tuple(
        replace(each, path=images / f"{host.name}-{each.name}.img") if each.made else each
        for each in host.volumes
    )
    return replace(host, volumes=volumes)
