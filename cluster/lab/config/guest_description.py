"""A guest of the configuration, be it written inline or in an xl.cfg file, before it is resolved.

Rules: every refusal has the line of the file that the value came from. What concerns several guests is in
`checks.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.abi.types import SECTOR_SIZE
from actors.dom0.shutdown_actions import ShutdownActions
from actors.policies import Frontend
from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.guest_device import DeviceDescription, DevicePlace, GuestDeviceKind
from cluster.lab.config.guest_devices import GUEST_DEVICES
from cluster.lab.config.guest_disk import GUEST_DISKS, DiskDescription, image_sectors, is_file
from cluster.lab.config.guest_network import GUEST_NETWORKS, NetworkDescription
from cluster.lab.config.hardware import NIC
from cluster.lab.config.quantities import size_text
from cluster.lab.config.schema import GuestSchema, HostSchema, StoreWorkSchema, WorkloadSchema
from cluster.lab.config.shutdown_actions import ACTION_DEFAULTS
from cluster.lab.config.source_file import SourceFile
from cluster.lab.config.talk_schema import TalkSchema
from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.config.xl_config import XlConfig, read_xl
from cluster.lab.config.xl_disk import XlDisk
from cluster.lab.config.yaml_source import Where, YamlSource, read_bounded

_IN_XL = ("name", "memory", "maxmem", "vcpus", "disks", *ACTION_DEFAULTS)


@dataclass(frozen=True, slots=True)
class GuestDescription:
    """Guests of one kind: `names` has one for each of them, `named_at` is where they come from."""

    names: tuple[str, ...]
    named_at: tuple[Path, int]
    memory: int
    maxmem: int
    vcpus: int
    actions: ShutdownActions
    frontend: Frontend | None
    vitals_ns: int
    devices: tuple[DeviceDescription, ...]
    workload: WorkloadSchema | None
    store: StoreWorkSchema | None
    talks: tuple[TalkSchema, ...]
    where: Where

    @property
    def disks(self) -> list[DiskDescription]:
        """Those of its devices that are disks."""
        return [each for each in self.devices if isinstance(each, DiskDescription)]


class GuestReader:
    """Makes descriptions, and gathers what is wrong with them, what was ignored, and what was read."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self.findings: list[Finding] = []
        self.remarks: list[Finding] = []
        self.files: list[SourceFile] = []

    def read(self, guest: GuestSchema, where: Where, host: HostSchema) -> GuestDescription | None:
        """One entry of a host's list of guests; None if it cannot be understood at all."""
        if guest.xl is not None:
            return self._from_xl(guest, guest.xl, where, host)
        missing = [key for key in ("name", "memory") if getattr(guest, key) is None]
        for key in missing:
            example = {"name": "name: web", "memory": "memory: 64MiB"}[key]
            self._refuse(where, f"{key!r} is missing", f"write {example}, or xl: FILE")
        if guest.scratch:
            self._refuse((*where, "scratch"), "scratch is for guests out of xl files", "give the disk a size")
        devices = self._inline_devices(guest, where, host)
        if missing or guest.name is None or guest.memory is None:
            return None
        maxmem = guest.maxmem or guest.memory
        if maxmem < guest.memory:
            right = f"at least {size_text(guest.memory)}"
            self._refuse((*where, "maxmem"), f"maxmem {size_text(maxmem)} is less than memory", right)
        return GuestDescription(
            names=_names(guest.name, guest.count),
            named_at=(self._source.path, self._source.line((*where, "name"))),
            memory=guest.memory,
            maxmem=maxmem,
            vcpus=guest.vcpus or 1,
            actions=ShutdownActions(**_given(guest, ACTION_DEFAULTS)),
            frontend=guest.frontend,
            vitals_ns=guest.vitals,
            devices=devices,
            workload=guest.workload,
            store=guest.store,
            talks=tuple(guest.talks),
            where=where,
        )

    def _inline_devices(
        self, guest: GuestSchema, where: Where, host: HostSchema, but: Sequence[str] = ()
    ) -> tuple[DeviceDescription, ...]:
        """Those that the entry itself has, but for some classes."""
        found = [
            device.describe(DevicePlace(self._source, place, self.findings, _default(kind, guest, host)))
            for kind in GUEST_DEVICES.values()
            if kind.device_class.plural not in but
            for place, device in guest.devices(kind, where)
        ]
        return tuple(each for each in found if each is not None)

    def _from_xl(
        self, guest: GuestSchema, file: str, where: Where, host: HostSchema
    ) -> GuestDescription | None:
        for key in _IN_XL:
            if getattr(guest, key) is not None:
                self._refuse((*where, key), f"{key} stands beside xl", f"leave it out, {file} says it")
        path = self._source.path.parent / file
        if not is_file(path):
            self._refuse((*where, "xl"), f"{path}: no such file", "a path relative to this file")
            return None
        try:
            xl = read_xl(path)
            self.files.append(SourceFile(path, read_bounded(path)))
        except ConfigError as error:
            self.findings += error.findings
            return None
        self.remarks += xl.ignored
        return GuestDescription(
            names=_names(xl.name, guest.count),
            named_at=(xl.path, xl.lines["name"]),
            memory=xl.memory,
            maxmem=xl.maxmem,
            vcpus=xl.vcpus,
            actions=xl.actions,
            frontend=guest.frontend,
            vitals_ns=guest.vitals,
            devices=(
                *self._xl_disks(xl, guest, where, host),
                *self._xl_networks(xl, guest, where, host),
                *self._inline_devices(guest, where, host, but=_IN_XL),
            ),
            workload=guest.workload,
            store=guest.store,
            talks=tuple(guest.talks),
            where=where,
        )

    def _xl_disks(
        self, xl: XlConfig, guest: GuestSchema, where: Where, host: HostSchema
    ) -> list[DiskDescription]:
        on = _default(GUEST_DISKS, guest, host)
        scratch = self._scratch_sizes(xl, guest.scratch, where)
        disks = []
        for each in xl.disks:
            size = scratch.get(virtual_device_number(each.vdev))
            if size is None and each.empty:
                said = f"{each.vdev} is a drive without a medium: the guest does not have it"
                self.remarks.append(Finding(xl.path, each.line, said, f"{_scratch(each.vdev)} gives it one"))
                continue
            image = None if size else each.target
            sectors = (size or 0) // SECTOR_SIZE
            if image is not None:
                sectors = self._xl_image_sectors(xl.path, each)
            backend, lies_on = each.backend, on(each.backend)
            disks.append(
                DiskDescription(xl.path, each.line, backend, each.vdev, image, sectors, lies_on, each.mode)
            )
        return disks

    def _xl_networks(
        self, xl: XlConfig, guest: GuestSchema, where: Where, host: HostSchema
    ) -> list[NetworkDescription]:
        """Those of the file, unless the entry has its own, or its host has nothing to do with networks."""
        instead = ""
        if guest.devices(GUEST_NETWORKS, where):
            instead = "networks takes its place"
        elif not host.first(NIC):
            instead = f"{host.name} has no nics"
        if instead and xl.vifs:
            self.remarks.append(Finding(xl.path, xl.vifs[0].line, "'vif' is ignored", instead))
        networks = []
        for index, each in enumerate(() if instead else xl.vifs):
            number = index if each.devid is None else each.devid
            self.remarks += [Finding(xl.path, each.line, f"{said!r} is ignored") for said in each.ignored]
            networks.append(NetworkDescription(xl.path, each.line, each.backend, number, each.settings))
        return networks

    def _scratch_sizes(self, xl: XlConfig, scratch: Mapping[str, int], where: Where) -> dict[int, int]:
        """The sizes by the numbers of their devices: `xvda` stands for the disk of a file that says d0p0."""
        known = {virtual_device_number(each.vdev): each.vdev for each in xl.disks}
        sizes: dict[int, int] = {}
        for vdev, size in scratch.items():
            place = (*where, "scratch", vdev)
            try:
                number = virtual_device_number(vdev)
            except ValueError:
                number = -1
            if number not in known:
                right = f"one of {', '.join(known.values())}" if known else "the file has no disks"
                self._refuse(place, f"{xl.path} has no disk {vdev!r}", right)
            elif number in sizes:
                self._refuse(place, f"{vdev} is a second name of {known[number]}", "write one of them")
            sizes[number] = size
        return sizes

    def _xl_image_sectors(self, path: Path, disk: XlDisk) -> int:
        right = f"or give it another volume: {_scratch(disk.vdev)}"
        if disk.unusable:
            wrong, _, remedy = disk.unusable.partition("; ")
            self.findings.append(Finding(path, disk.line, wrong, f"{remedy}, {right}"))
            return 0
        instead, writable = f", {right}", disk.mode == "rw"
        return image_sectors(disk.target, path, disk.line, self.findings, writable=writable, instead=instead)

    def _refuse(self, where: Where, wrong: str, right: str) -> None:
        self.findings.append(self._source.finding(where, wrong, right))


def _given(guest: GuestSchema, keys: Iterable[str]) -> dict[str, str]:
    """Those of these keys that are written."""
    return {key: value for key in keys if (value := getattr(guest, key)) is not None}


def _names(name: str, count: int | None) -> tuple[str, ...]:
    return (name,) if count is None else tuple(f"{name}-{index}" for index in range(count))


def _default(kind: GuestDeviceKind, guest: GuestSchema, host: HostSchema) -> Callable[[str], str]:
    """On what a device of this class lies if it does not say so, by its backend."""
    if not kind.hardware:
        return lambda _: ""
    of_guest, first = getattr(guest, kind.hardware), host.first(kind.hardware)
    return lambda backend: of_guest or first.get(backend, "")


def _scratch(vdev: str) -> str:
    """What gives a disk another volume; a bare number is no key of YAML."""
    return f'scratch: {{"{vdev}": 8MiB}}' if vdev[0].isdigit() else f"scratch: {{{vdev}: 8MiB}}"
