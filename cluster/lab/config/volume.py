"""A guest's disk as a volume of a physical one."""

from dataclasses import dataclass, replace
from pathlib import Path

from actors.block.vbd import VBD
from actors.device_plan import DevicePlan
from cluster.lab.config.guest_device import ResolvedDevice


@dataclass(frozen=True, slots=True)
class Volume(ResolvedDevice):
    """Number `index` of the physical disk `disk`. `made`: the run makes the image, of zeros."""

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

    @property
    def device(self) -> DevicePlan:
        """The disk as its guest is told of it."""
        return DevicePlan(VBD.name, {"vdev": self.vdev, "virtual_device": self.virtual_device})

    def plan(self, backend: int) -> DevicePlan:
        """The disk as dom0 is told of it; `backend` is the number of the domain that serves it."""
        row = {
            "vdev": self.vdev,
            "virtual_device": self.virtual_device,
            "disk": self.disk,
            "volume": self.index,
            "mode": "r" if self.read_only else "w",
        }
        return DevicePlan(VBD.name, row, backend)

    @property
    def lies_on(self) -> str:
        """The physical disk."""
        return self.disk

    def placed(self, images: Path, host: str) -> "Volume":
        """The same with its image in this folder, if the run makes it."""
        return replace(self, path=images / f"{host}-{self.name}.img") if self.made else self

    def argument(self) -> dict[str, object]:
        """The volume as the disk actor is told of it."""
        return {
            "name": self.name,
            "path": str(self.path),
            "sectors": self.sectors,
            "read_only": self.read_only,
        }
