"""The independent check after a run: what the image holds against what the guest had been told.

A write counts as stable if each of its sectors holds it or something newer. Otherwise it is misdirected
(found elsewhere, or covered by what belongs elsewhere), torn (only partly there), lost (nothing of it)
or stale (something older is back). acknowledged = stable + lost + stale + torn + misdirected + vanished.
Rules: reads images and journals, nothing else, and none of the code that moved the data. Only sequences
count, not times. What was neither FUA nor flushed before a loss of power may have vanished in it; a
sector that is neither old nor new is torn even then.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from actors.notebook.journal_record import Record
from actors.notebook.stamp import Stamp, closing_nonce, is_marked, read_stamp

CHUNK_SECTORS: Final = 2048
OFFENDERS_MAX: Final = 20
COUNTS: Final = (
    "acknowledged",
    "stable",
    "lost",
    "stale",
    "torn",
    "misdirected",
    "vanished",
    "unacknowledged",
    "strays",
)
_ZEROS: Final = bytes(CHUNK_SECTORS * SECTOR_SIZE)
_NO_WRITES: Final = bytes(CHUNK_SECTORS * 8)

ReadSectors = Callable[[int, int], bytes]


class LedgerError(ValueError):
    """The image and the journal cannot be compared; the verdict is unknown."""


@dataclass(frozen=True, slots=True)
class Offender:
    """One write that is not as it should be, and what was found in the first sector that shows it."""

    guest: str
    virtual_device: int
    sector: int
    sequence: int
    verdict: str
    found: str

    def __str__(self) -> str:
        place = f"{self.guest} vbd {self.virtual_device} sector {self.sector}"
        return f"{place}: write {self.sequence} is {self.verdict}: found {self.found}"


@dataclass(slots=True)
class LedgerResult:
    """Counts of writes. `strays` are sectors nobody wrote to that hold what belongs elsewhere."""

    acknowledged: int = 0
    stable: int = 0
    lost: int = 0
    stale: int = 0
    torn: int = 0
    misdirected: int = 0
    vanished: int = 0
    unacknowledged: int = 0
    strays: int = 0
    offenders: list[Offender] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether no acknowledged write is missing."""
        return not (self.lost or self.stale or self.torn or self.misdirected or self.strays)

    def add(self, other: "LedgerResult") -> None:
        """Add the counts of another disk."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.offenders = [*self.offenders, *other.offenders][:OFFENDERS_MAX]


@dataclass(slots=True)
class _Found:
    """What a sector holds that should hold something else; `sequence`: of the older write, if that is it."""

    verdict: str
    sequence: int
    text: str


def check_volume(
    journal: JournalReader,
    read: ReadSectors,
    *,
    power_losses: Sequence[int] = (),
    run_nonces: Container[int] | None = None,
) -> LedgerResult:
    """Compare one volume with its journal; `read(sector, count)` gives the bytes of the volume.

    `power_losses`: the sequence that would have been the next when the power went, for each time that it did.
    `run_nonces`: the nonces of all journals of this run. With them, a misplaced stamp that is not of this
    run counts as what was there before; without them, as misdirected.
    """
    return _Check(journal, read, run_nonces, power_losses).run()


class _Check:
    def __init__(
        self,
        journal: JournalReader,
        read: ReadSectors,
        run_nonces: Container[int] | None,
        power_losses: Sequence[int],
    ) -> None:
        self._guest = journal.guest
        self._identity = journal.word(Word.GUEST_ID), journal.word(Word.VIRTUAL_DEVICE)
        self._sectors = journal.word(Word.VOLUME_SECTORS)
        self._journal = journal
        self._places = array("Q", (word for each in journal.records() for word in _place(each)))
        self._read = read
        self._run_nonces = run_nonces
        self._nonces = {each.nonce for each in journal.records() if not each.is_flush}
        self._power_losses = sorted(power_losses)
        self._flushes = [each.sequence for each in journal.records() if _is_done_flush(each)]
        self._last = array("Q", bytes(8 * self._sectors))
        self._bad: dict[int, _Found] = {}
        self._bad_map = bytearray(self._sectors)
        self._stray_of: dict[int, int] = {}
        self.result = LedgerResult()

    def run(self) -> LedgerResult:
        self._find_last_writes()
        for start in range(0, self._sectors, CHUNK_SECTORS):
            self._scan(start, min(CHUNK_SECTORS, self._sectors - start))
        for record in self._journal.records():
            if not record.is_flush:
                self._classify(record)
        return self.result

    def _find_last_writes(self) -> None:
        last = memoryview(self._last)
        for record in self._journal.records():
            if record.is_flush:
                continue
            if record.acknowledged:
                end = record.sector + record.sectors
                if end > self._sectors:
                    raise LedgerError(f"{self._guest}: write {record.sequence} ends beyond its volume")
                last[record.sector : end] = array("Q", [record.sequence]) * record.sectors

    def _scan(self, start: int, count: int) -> None:
        content = self._read(start, count)
        if len(content) != count * SECTOR_SIZE:
            raise LedgerError(f"{self._guest}: the image ends before its volume, at sector {start}")
        written = memoryview(self._last)[start : start + count]
        if content == _ZEROS[: len(content)] and written == memoryview(_NO_WRITES).cast("Q")[:count]:
            return
        view = memoryview(content)
        for offset, last in enumerate(written):
            here = view[offset * SECTOR_SIZE : (offset + 1) * SECTOR_SIZE]
            stamp = read_stamp(here)
            if last:
                found = self._judge(start + offset, last, stamp, here)
                if found is not None:
                    self._bad[start + offset] = found
                    self._bad_map[start + offset] = 1
            elif stamp is not None and self._is_misplaced(stamp, start + offset):
                self._stray(stamp, start + offset)

    def _judge(self, sector: int, last: int, stamp: Stamp | None, here: memoryview) -> _Found | None:
        if stamp is None:
            if is_marked(here) or closing_nonce(here) in self._nonces:
                return _Found("torn", 0, "a damaged stamp")
            return _Found("lost", 0, "no stamp of this guest")
        if self._is_misplaced(stamp, sector):
            self._note_stray(stamp)
            return _Found("misdirected", 0, _text(stamp))
        if (stamp.guest_id, stamp.virtual_device, stamp.sector) != (*self._identity, sector):
            return _Found("lost", 0, "what another run left")
        if not self._is_ours(stamp, sector):
            return _Found("lost", 0, "what an earlier run left")
        if stamp.sequence < last:
            return _Found("stale", stamp.sequence, f"write {stamp.sequence}")
        return None

    def _is_misplaced(self, stamp: Stamp, sector: int) -> bool:
        if (stamp.guest_id, stamp.virtual_device, stamp.sector) == (*self._identity, sector):
            return False
        return self._run_nonces is None or stamp.nonce in self._run_nonces or stamp.nonce in self._nonces

    def _is_ours(self, stamp: Stamp, sector: int) -> bool:
        if not 0 < stamp.sequence <= len(self._places) // 3:
            return False
        nonce, first, count = self._places[3 * stamp.sequence - 3 : 3 * stamp.sequence]
        return nonce == stamp.nonce and first <= sector < first + count

    def _stray(self, stamp: Stamp, sector: int) -> None:
        self._note_stray(stamp)
        self.result.strays += 1
        self._offend(sector, stamp.sequence, "misdirected", _text(stamp))

    def _note_stray(self, stamp: Stamp) -> None:
        own = (stamp.guest_id, stamp.virtual_device) == self._identity
        if own and self._is_ours(stamp, stamp.sector):
            self._stray_of[stamp.sequence] = stamp.sector

    def _classify(self, record: Record) -> None:
        result = self.result
        if not record.acknowledged:
            result.unacknowledged += 1
            return
        result.acknowledged += 1
        start, end = record.sector, record.sector + record.sectors
        if self._bad_map.find(1, start, end) < 0:
            result.stable += 1
            return
        missing = {at: found for at in range(start, end) if (found := self._missing(record, at)) is not None}
        if not missing:
            result.stable += 1
            return
        verdict = self._verdict(record, missing)
        setattr(result, verdict, getattr(result, verdict) + 1)
        if verdict != "vanished":
            sector, found = next(iter(missing.items()))
            self._offend(sector, record.sequence, verdict, found.text)

    def _missing(self, record: Record, sector: int) -> _Found | None:
        """Why a write is not in one of its sectors; None if it is, or was overwritten as it should be."""
        found = self._bad.get(sector)
        if found is None:
            return None
        if found.verdict in {"torn", "misdirected"} and record.sequence != self._last[sector]:
            return None
        return found if record.sequence > found.sequence else None

    def _verdict(self, record: Record, missing: dict[int, _Found]) -> str:
        kinds = {each.verdict for each in missing.values()}
        if "misdirected" in kinds or record.sequence in self._stray_of:
            return "misdirected"
        if self._may_vanish(record):
            return "torn" if "torn" in kinds else "vanished"
        live = [
            at
            for at in range(record.sector, record.sector + record.sectors)
            if self._last[at] == record.sequence and at not in missing and self._holds(record, at)
        ]
        if "torn" in kinds or live:
            return "torn"
        return "lost" if "lost" in kinds else "stale"

    def _holds(self, record: Record, sector: int) -> bool:
        stamp = read_stamp(self._read(sector, 1))
        return stamp is not None and stamp.sequence == record.sequence

    def _may_vanish(self, record: Record) -> bool:
        """Whether the power went after this write and before it was flushed."""
        after = bisect_right(self._power_losses, record.sequence)
        if record.fua or after == len(self._power_losses):
            return False
        flush = bisect_left(self._flushes, record.answered_before)
        return flush == len(self._flushes) or self._flushes[flush] >= self._power_losses[after]

    def _offend(self, sector: int, sequence: int, verdict: str, found: str) -> None:
        if len(self.result.offenders) < OFFENDERS_MAX:
            self.result.offenders.append(
                Offender(self._guest, self._identity[1], sector, sequence, verdict, found)
            )


def _place(record: Record) -> tuple[int, int, int]:
    """What tells whether a stamp is of this write; of all writes whole records would take too much memory."""
    return record.nonce, record.sector, record.sectors


def _is_done_flush(record: Record) -> bool:
    return record.is_flush and record.acknowledged


def _text(stamp: Stamp) -> str:
    place = f"guest {stamp.guest_id} vbd {stamp.virtual_device} sector {stamp.sector}"
    return f"write {stamp.sequence} of {place}"


class ImageFile:
    """An image that is only read, sector by sector."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)

    def __enter__(self) -> "ImageFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, sector: int, count: int) -> bytes:
        """`count` sectors; fewer where the file ends."""
        self._file.seek(sector * SECTOR_SIZE)
        parts, missing = [], count * SECTOR_SIZE
        while missing and (part := self._file.read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
