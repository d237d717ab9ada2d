"""The columns of `domzero top` about devices, class by class.

Source: tools/xentop/xentop.c (names, and widths for programs).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.block.vbd import VBD
from actors.vif.vif import VIF
from cluster.running.top.column import Column, if_any, if_it_runs, rate, total
from cluster.running.top.sample import Row

KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """Those of a class: as programs read them (counters), and as people do (rates)."""

    batch: tuple[Column, ...]
    view: tuple[Column, ...]


def _kib(counter: str) -> Callable[[Row], str]:
    """A counter of the bytes of networks, in KiB."""
    return lambda row: str(row.of_class(VIF.name).total(counter) // KIB)


_NETWORKS: Final = DeviceColumns(
    batch=(
        Column("NETS", 4, total(VIF.name, "devices")),
        Column("NETTX(k)", 8, _kib("sent_bytes")),
        Column("NETRX(k)", 8, _kib("received_bytes")),
    ),
    view=(
        Column("NETS", 6, if_it_runs(total(VIF.name, "devices"))),
        Column("TX(k)/s", 4, if_any(VIF.name, rate(VIF.name, "sent_bytes", KIB))),
        Column("RX(k)/s", 4, if_any(VIF.name, rate(VIF.name, "received_bytes", KIB))),
    ),
)
"""What its guest has sent and received, as the frontends of its interfaces count it."""

_DISKS: Final = DeviceColumns(
    batch=(
        Column("VBDS", 4, total(VBD.name, "devices")),
        Column("VBD_OO", 8, lambda _: "n/a"),
        Column("VBD_RD", 8, total(VBD.name, "reads")),
        Column("VBD_WR", 8, total(VBD.name, "writes")),
        Column("VBD_RSECT", 10, total(VBD.name, "read_sectors")),
        Column("VBD_WSECT", 10, total(VBD.name, "written_sectors")),
    ),
    view=(
        Column("VBDS", 5, total(VBD.name, "devices")),
        Column("VBD_QD", 2, if_any(VBD.name, total(VBD.name, "in_flight"))),
        Column("VBD_RD/s", 1, if_any(VBD.name, rate(VBD.name, "reads"))),
        Column("VBD_WR/s", 1, if_any(VBD.name, rate(VBD.name, "writes"))),
        Column("RD(k)/s", 3, if_any(VBD.name, rate(VBD.name, "read_sectors", KIB / SECTOR_SIZE))),
        Column("WR(k)/s", 3, if_any(VBD.name, rate(VBD.name, "written_sectors", KIB / SECTOR_SIZE))),
    ),
)

DEVICE_COLUMNS: Final = (_NETWORKS, _DISKS)
"""In the order of xentop."""
