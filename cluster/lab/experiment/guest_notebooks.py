"""What the guests of a run write down, as the experimenter has it, by guest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actors.notebook.journal_reader import JournalReader
from actors.notebook.store_log_reader import StoreLogReader
from actors.notebook.talk_journal_reader import TalkJournalReader
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.experiment.guest_record import GuestRecord


@dataclass(frozen=True, slots=True)
class GuestNotebooks:
    """The journals of disks, the logs of what was done with XenStore, the journals of talks."""

    journals: Mapping[GuestId, Sequence[JournalReader]]
    store_logs: Mapping[GuestId, StoreLogReader]
    talks: Mapping[GuestId, Sequence[TalkJournalReader]]

    def record(self, guest: ResolvedGuest) -> GuestRecord:
        """The record of a guest that is still to be created."""
        number = guest.guest_id
        record = GuestRecord.of(guest, self.journals[number], self.store_logs.get(number))
        record.talks = self.talks.get(number, ())
        return record
