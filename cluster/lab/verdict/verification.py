"""Reads back every image of a run: the ledger of each guest, and the digests of whole volumes.

Rules: images and journals are only read. Whatever cannot be read makes that guest's ledger unknown, and
says why; it stops nothing else.
"""

import hashlib
from errno import ESTALE
from typing import Final

from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalError, JournalReader
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.verdict.check import Check, Verdict
from cluster.lab.verdict.ledger import ImageFile, LedgerError, LedgerResult, ReadSectors, check_volume
from cluster.lab.verdict.run_facts import ReadVolume, RunFacts

DIGEST_SECTORS: Final = 2048


class Verification:
    """The read-back of one run; without `read_volume` from the image files."""

    def __init__(self, facts: RunFacts, read_volume: ReadVolume | None) -> None:
        self._facts = facts
        self._read_volume = read_volume
        self._nonces: set[int] | None = None
        self._volumes = {
            (guest.guest_id, volume.virtual_device): volume
            for guest in facts.cluster.guests
            for volume in guest.volumes
        }
        self.troubles: list[str] = []

    def ledger(self, guest: GuestRecord) -> LedgerResult | None:
        """The ledger of all disks of a guest; None if one of them could not be checked."""
        total = LedgerResult()
        for index, journal in enumerate(guest.journals):
            volume = self._volume(guest, journal)
            losses = [each[index] for each in guest.power_losses]
            try:
                total.add(self._check(journal, volume, losses))
            except (OSError, LedgerError, JournalError) as error:
                self.troubles.append(f"{guest.host}/{volume.name}: {error}")
                return None
        return total

    def digests(self) -> list[Check]:
        """The SHA-256 of volumes that were read as a whole: as the guest saw it, and of the image."""
        return [
            self._digest(guest, journal, journal.digest)
            for guest in self._facts.guests
            for journal in guest.journals
            if journal.digest is not None
        ]

    def _check(self, journal: JournalReader, volume: Volume, losses: list[int]) -> LedgerResult:
        if journal.next_sequence == 1:
            return LedgerResult()
        if self._read_volume is not None:
            return self._compare(journal, self._read_volume(volume), losses)
        with self._image(volume) as image:
            return self._compare(journal, image.read, losses)

    def _compare(self, journal: JournalReader, read: ReadSectors, losses: list[int]) -> LedgerResult:
        if self._facts.power_was_cut:
            losses = [*losses, journal.next_sequence]
        return check_volume(journal, read, power_losses=losses, run_nonces=self._run_nonces())

    def _run_nonces(self) -> set[int]:
        if self._nonces is None:
            journals = [journal for guest in self._facts.guests for journal in guest.journals]
            self._nonces = {nonce for journal in journals for nonce in journal.nonces()}
        return self._nonces

    def _digest(self, guest: GuestRecord, journal: JournalReader, digest: bytes) -> Check:
        volume = self._volume(guest, journal)
        name = f"sha256 {guest.name} {volume.vdev}"
        try:
            found = self._sha256(volume)
        except OSError as error:
            return Check(name, Verdict.unknown, f"{volume.path}: {error.strerror}")
        if found == digest:
            return Check(name, Verdict.held, f"{digest.hex()} in the guest and in {volume.path}")
        return Check(name, Verdict.failed, f"{digest.hex()} in the guest, {found.hex()} in {volume.path}")

    def _sha256(self, volume: Volume) -> bytes:
        if self._read_volume is not None:
            return _sha256(self._read_volume(volume), volume.sectors)
        with self._image(volume) as image:
            return _sha256(image.read, volume.sectors)

    def _image(self, volume: Volume) -> ImageFile:
        if volume.path in self._facts.changed_images:
            raise OSError(ESTALE, "somebody has written to it since the run", str(volume.path))
        return ImageFile(volume.path)

    def _volume(self, guest: GuestRecord, journal: JournalReader) -> Volume:
        return self._volumes[guest.guest_id, journal.word(Word.VIRTUAL_DEVICE)]


def _sha256(read: ReadSectors, sectors: int) -> bytes:
    digest = hashlib.sha256()
    for start in range(0, sectors, DIGEST_SECTORS):
        digest.update(read(start, min(DIGEST_SECTORS, sectors - start)))
    return digest.digest()
