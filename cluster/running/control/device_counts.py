"""What `domzero top` is told of the devices of a guest: the counters of each class, and how they count.

Rules: a counter is that of all devices of its class together; `devices` is how many there are.
"""

from collections.abc import Callable, Mapping
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.block.vbd import VBD
from actors.notebook.journal_header import Word
from actors.vif.netfront_statistics import NetfrontStatistics
from actors.vif.vif import VIF
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.readings import Readings

Count = Callable[[GuestRecord, Readings], int]


def _sum_of(word: Word, unit: int = 1) -> Count:
    """What the journals of a guest's disks have under a word, in this unit."""
    return lambda guest, _: sum(each.word(word) for each in guest.journals) // unit


_DISKS: Final[Mapping[str, Count]] = {
    "devices": lambda guest, _: len(guest.journals),
    "in_flight": _sum_of(Word.IN_FLIGHT),
    "reads": _sum_of(Word.READS),
    "writes": _sum_of(Word.WRITES),
    "read_sectors": _sum_of(Word.READ_BYTES, SECTOR_SIZE),
    "written_sectors": _sum_of(Word.WRITTEN_BYTES, SECTOR_SIZE),
}


def _fronts(guest: GuestRecord, readings: Readings) -> list[NetfrontStatistics]:
    """What the frontends of a guest's interfaces have said last."""
    told = readings.frontends.get((guest.guest_id, VIF.name), {})
    return [each for each in told.values() if isinstance(each, NetfrontStatistics)]


_NETWORKS: Final[Mapping[str, Count]] = {
    "devices": lambda guest, readings: len(_fronts(guest, readings)),
    "sent_bytes": lambda guest, readings: sum(each.sent_bytes for each in _fronts(guest, readings)),
    "received_bytes": lambda guest, readings: sum(each.received_bytes for each in _fronts(guest, readings)),
}

DEVICE_COUNTS: Final[Mapping[str, Mapping[str, Count]]] = {VBD.name: _DISKS, VIF.name: _NETWORKS}
"""By the name of the class."""
