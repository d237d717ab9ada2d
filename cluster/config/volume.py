"""A guest's disk as a volume of a physical one."""

from dataclasses import dataclass
from pathlib import Path

from actors.dom0.plan import DiskPlan
from actors.domu.guest_configuration import GuestDevice


@dataclass(frozen=True, slots=True)
class Volume:
    """Number `index` of the physical disk `disk`. `made`: the run makes the image, of zeros.

    `guest`: whose it is, by name; `backend`: the domain that drives the physical disk and serves this one.
    """

    guest: str
    vdev: str
    virtual_device: int
    disk: str
    index: int
    path: Path
    sectors: int
    read_only: bool
    made: bool
    backend: str = "dom0"

    @property
    def name(self) -> str:
        """`web-0-xvda`: names the image and the journal, too."""
        return f"{self.guest}-{self.vdev}"

    @property
    def device(self) -> GuestDevice:
        """The disk as its guest is told of it."""
        return GuestDevice(self.vdev, self.virtual_device)

    def plan(self, backend: int) -> DiskPlan:
        """The disk as dom0 is told of it; `backend` is the number of the domain that serves it."""
        mode = "r" if self.read_only else "w"
        return DiskPlan(self.vdev, self.virtual_device, self.disk, self.index, mode, backend)

    def argument(self) -> dict[str, object]:
        """The volume as the disk actor is told of it."""
        return {
            "name": self.name,
            "path": str(self.path),
            "sectors": self.sectors,
            "read_only": self.read_only,
        }
