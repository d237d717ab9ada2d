"""A guest of the configuration, be it written inline or in an xl.cfg file, before it is resolved.

Rules: image files are looked at here, and only read; every refusal has the line of the file that the
value came from. What concerns several guests is in `checks.py`.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from actors.abi.types import SECTOR_SIZE
from actors.dom0.shutdown_actions import ShutdownActions
from actors.policies import Frontend
from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.quantities import size_text
from cluster.lab.config.schema import GuestDiskSchema, GuestSchema, StoreWorkSchema, WorkloadSchema
from cluster.lab.config.shutdown_actions import ACTION_DEFAULTS
from cluster.lab.config.source_file import SourceFile
from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.config.xl_config import XlConfig, read_xl
from cluster.lab.config.xl_disk import XlDisk
from cluster.lab.config.yaml_source import Where, YamlSource, read_bounded

_IN_XL = ("name", "memory", "maxmem", "vcpus", "disks", *ACTION_DEFAULTS)


@dataclass(frozen=True, slots=True)
class DiskDescription:
    """One disk of a guest; without `image` one of `sectors` is made.

    `disk`: where it is served from, `backend`: by which domain.
    """

    vdev: str
    image: Path | None
    sectors: int
    disk: str
    mode: str
    path: Path
    line: int
    backend: str = "dom0"

    def finding(self, wrong: str, right: str) -> Finding:
        """A finding at this disk."""
        return Finding(self.path, self.line, wrong, right)


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
    disks: tuple[DiskDescription, ...]
    workload: WorkloadSchema | None
    store: StoreWorkSchema | None
    where: Where


class GuestReader:
    """Makes descriptions, and gathers what is wrong with them, what was ignored, and what was read."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self.findings: list[Finding] = []
        self.remarks: list[Finding] = []
        self.files: list[SourceFile] = []

    def read(
        self, guest: GuestSchema, where: Where, first_disks: Mapping[str, str]
    ) -> GuestDescription | None:
        """One entry of a host's list of guests; None if it cannot be understood at all.

        `first_disks`: what each backend of the host serves if no disk is named.
        """
        if guest.xl is not None:
            return self._from_xl(guest, guest.xl, where, first_disks)
        missing = [key for key in ("name", "memory") if getattr(guest, key) is None]
        for key in missing:
            example = {"name": "name: web", "memory": "memory: 64MiB"}[key]
            self._refuse(where, f"{key!r} is missing", f"write {example}, or xl: FILE")
        if guest.scratch:
            self._refuse((*where, "scratch"), "scratch is for guests out of xl files", "give the disk a size")
        disks = [
            self._inline_disk(disk, (*where, "disks", index), guest.disk, first_disks)
            for index, disk in enumerate(guest.disks or [])
        ]
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
            disks=tuple(each for each in disks if each is not None),
            workload=guest.workload,
            store=guest.store,
            where=where,
        )

    def _inline_disk(
        self, disk: GuestDiskSchema, where: Where, of_guest: str | None, first_disks: Mapping[str, str]
    ) -> DiskDescription | None:
        if (disk.size is None) == (disk.image is None):
            said = "neither size nor image" if disk.size is None else "both size and image"
            self._refuse(
                where, f"{disk.vdev} has {said}", "size: 16MiB makes an image, image: FILE takes one"
            )
            return None
        line = self._source.line((*where, "image") if disk.image else where)
        image = self._source.path.parent / disk.image if disk.image else None
        sectors = (disk.size or 0) // SECTOR_SIZE
        if image is not None:
            sectors = self._image_sectors(image, self._source.path, line, writable=disk.mode == "rw")
        lies_on = disk.disk or of_guest or first_disks.get(disk.backend, "")
        return DiskDescription(
            disk.vdev, image, sectors, lies_on, disk.mode, self._source.path, line, disk.backend
        )

    def _from_xl(
        self, guest: GuestSchema, file: str, where: Where, first_disks: Mapping[str, str]
    ) -> GuestDescription | None:
        for key in _IN_XL:
            if getattr(guest, key) is not None:
                self._refuse((*where, key), f"{key} stands beside xl", f"leave it out, {file} says it")
        path = self._source.path.parent / file
        if not _is_file(path):
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
            disks=self._xl_disks(xl, guest, where, first_disks),
            workload=guest.workload,
            store=guest.store,
            where=where,
        )

    def _xl_disks(
        self, xl: XlConfig, guest: GuestSchema, where: Where, first_disks: Mapping[str, str]
    ) -> tuple[DiskDescription, ...]:
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
            disk = guest.disk or first_disks.get(each.backend, "")
            disks.append(
                DiskDescription(each.vdev, image, sectors, disk, each.mode, xl.path, each.line, each.backend)
            )
        return tuple(disks)

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
        return self._image_sectors(
            disk.target, path, disk.line, writable=disk.mode == "rw", instead=f", {right}"
        )

    def _image_sectors(self, image: Path, path: Path, line: int, *, writable: bool, instead: str = "") -> int:
        wrong, right = "", ""
        if not _is_file(image):
            wrong, right = f"{image}: no such image", f"name a raw image file that exists{instead}"
        elif not os.access(image, os.R_OK | (os.W_OK if writable else 0)):
            wrong = f"{image}: may not be {'written' if writable else 'read'}"
            right = "mode ro, or other permissions" if writable else "give it other permissions"
        elif not image.stat().st_size or image.stat().st_size % SECTOR_SIZE:
            wrong = f"{image} has {image.stat().st_size} bytes"
            right = f"an image has a multiple of {SECTOR_SIZE}B, and at least one sector"
        if wrong:
            self.findings.append(Finding(path, line, wrong, right))
            return 0
        return image.stat().st_size // SECTOR_SIZE

    def _refuse(self, where: Where, wrong: str, right: str) -> None:
        self.findings.append(self._source.finding(where, wrong, right))


def _given(guest: GuestSchema, keys: Iterable[str]) -> dict[str, str]:
    """Those of these keys that are written."""
    return {key: value for key in keys if (value := getattr(guest, key)) is not None}


def _names(name: str, count: int | None) -> tuple[str, ...]:
    return (name,) if count is None else tuple(f"{name}-{index}" for index in range(count))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _scratch(vdev: str) -> str:
    """What gives a disk another volume; a bare number is no key of YAML."""
    return f'scratch: {{"{vdev}": 8MiB}}' if vdev[0].isdigit() else f"scratch: {{{vdev}: 8MiB}}"
