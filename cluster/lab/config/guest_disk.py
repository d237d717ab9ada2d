"""The disks of a guest: a class of devices in its configuration.

Rules: image files are looked at here, and only read.
"""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from actors.abi.types import SECTOR_SIZE
from actors.block.vbd import VBD
from cluster.lab.config.errors import Finding
from cluster.lab.config.guest_device import DeviceDescription, DevicePlace, GuestDeviceKind, GuestDeviceSchema
from cluster.lab.config.values import Vdev, VolumeSize
from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.config.volume import Volume


@dataclass(frozen=True, slots=True)
class DiskDescription(DeviceDescription):
    """One disk of a guest; without `image` one of `sectors` is made. `disk`: where it is served from."""

    vdev: str
    image: Path | None
    sectors: int
    disk: str
    mode: str

    @property
    def identity(self) -> tuple[str, int]:
        """Its name and its number."""
        return self.vdev, virtual_device_number(self.vdev)

    @property
    def lies_on(self) -> str:
        """The physical disk."""
        return self.disk

    def resolved(self, guest: str, folder: Path, taken: Counter[str]) -> Volume:
        """The next volume of its physical disk."""
        index = taken[self.disk]
        taken[self.disk] += 1
        return Volume(
            guest=guest,
            backend=self.backend,
            vdev=self.vdev,
            virtual_device=virtual_device_number(self.vdev),
            disk=self.disk,
            index=index,
            path=(self.image or folder / f"{guest}-{self.vdev}.img").absolute(),
            sectors=self.sectors,
            read_only=self.mode == "ro",
            made=self.image is None,
        )


class GuestDiskSchema(GuestDeviceSchema):
    """A virtual disk of a guest: `size`: an image is made for the run; `image`: one that exists."""

    vdev: Vdev
    size: VolumeSize | None = None
    image: str | None = None
    disk: str | None = None
    mode: Literal["rw", "ro"] = "rw"

    def describe(self, place: DevicePlace) -> DiskDescription | None:
        """The disk, with the size of its image."""
        if (self.size is None) == (self.image is None):
            said = "neither size nor image" if self.size is None else "both size and image"
            place.refuse(f"{self.vdev} has {said}", "size: 16MiB makes an image, image: FILE takes one")
            return None
        path = place.source.path
        line = place.source.line((*place.where, "image") if self.image else place.where)
        image = path.parent / self.image if self.image else None
        sectors = (self.size or 0) // SECTOR_SIZE
        if image is not None:
            writable = self.mode == "rw"
            sectors = image_sectors(image, path, line, place.findings, writable=writable)
        lies_on = self.disk or place.on(self.backend)
        return DiskDescription(path, line, self.backend, self.vdev, image, sectors, lies_on, self.mode)


GUEST_DISKS: Final = GuestDeviceKind(
    VBD, GuestDiskSchema, DiskDescription, Volume, "disk", "give each disk a vdev of its own"
)


def image_sectors(
    image: Path, path: Path, line: int, findings: list[Finding], *, writable: bool, instead: str = ""
) -> int:
    """The size of an image that the line names; 0, with a finding, if it cannot be served."""
    wrong, right = "", ""
    if not is_file(image):
        wrong, right = f"{image}: no such image", f"name a raw image file that exists{instead}"
    elif not os.access(image, os.R_OK | (os.W_OK if writable else 0)):
        wrong = f"{image}: may not be {'written' if writable else 'read'}"
        right = "mode ro, or other permissions" if writable else "give it other permissions"
    elif not image.stat().st_size or image.stat().st_size % SECTOR_SIZE:
        wrong = f"{image} has {image.stat().st_size} bytes"
        right = f"an image has a multiple of {SECTOR_SIZE}B, and at least one sector"
    if wrong:
        findings.append(Finding(path, line, wrong, right))
        return 0
    return image.stat().st_size // SECTOR_SIZE


def is_file(path: Path) -> bool:
    """Whether there is one, and its name is possible."""
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False
