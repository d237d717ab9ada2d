"""The class of paravirtual disks.

Source: tools/libs/light/libxl_disk.c (device_disk_add), docs/man/xen-vbd-interface.7.
"""

from collections.abc import Mapping
from typing import Final, cast

from actors.block.backing import Backing
from actors.block.blkback import Blkback
from actors.block.blkback_statistics import BlkbackStatistics
from actors.block.blkfront import Blkfront
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.kernel.device_class import DeviceClass, DeviceKeys
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store
from actors.kernel.xenbus_backend import Served


def _identity(row: Mapping[str, object]) -> tuple[str, int]:
    return cast("str", row["vdev"]), cast("int", row["virtual_device"])


def _keys(row: Mapping[str, object]) -> DeviceKeys:
    """Of a disk, which is a `volume` of a physical `disk`, in a `mode` (r, w)."""
    return DeviceKeys(
        frontend=(("virtual-device", str(row["virtual_device"])), ("device-type", "disk")),
        backend=(
            ("dev", str(row["vdev"])),
            ("params", f"{row['disk']}:{row['volume']}"),
            ("mode", str(row["mode"])),
            ("type", "phy"),
            ("device-type", "disk"),
        ),
    )


def _backend(kernel: Kernel, store: Store, served: Served, backing: object) -> Blkback:
    return Blkback(kernel, store, served, cast("Backing", backing))


VBD: Final = DeviceClass(
    "vbd",
    Blkback.driver,
    "disks",
    identity=_identity,
    keys=_keys,
    frontend=Blkfront,
    backend=_backend,
    frontend_statistics=BlkfrontStatistics,
    backend_statistics=BlkbackStatistics,
    backing="params",
    noun="volume",
)
