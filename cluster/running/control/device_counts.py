"""What `domzero top` is told of the devices of a guest: the counters of each class, and how they count.

Rules: a counter is that of all devices of its class together; `devices` is how many there are.
"""

from collections.abc import Callable, Mapping
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.block.vbd import VBD
from actors.notebook.journal_header import Word
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

DEVICE_COUNTS: Final[Mapping[str, Mapping[str, Count]]] = {VBD.name: _DISKS}
"""By the name of the class."""
