"""What the journals of a cluster that stays up may take of the disk.

A journal only grows, since the ledger needs every write of a run to judge one. So when the budget is used up
the guests are told to stop working, once in each of their lives, and everything else goes on: what there is
can be judged as a whole, and no disk is filled.
Rules: what a journal takes follows from the number of its records. Without a limit nothing is ever stopped.
"""

from collections.abc import Callable, Mapping

from actors.notebook.journal_header import RECORDS_AT
from actors.notebook.journal_record import RECORD_SIZE
from actors.notebook.talk_header import ROWS_AT, TalkWord
from actors.notebook.talk_rows import ROW_BYTES
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard


class JournalBudget:
    """The budget of one run: `limit` bytes, or None. `observe(what, text)` is told when it is used up."""

    def __init__(
        self,
        limit: int | None,
        boards: Mapping[str, HostBoard],
        guests: Mapping[GuestId, GuestRecord],
        observe: Callable[[str, str], None],
    ) -> None:
        self.limit = limit
        self.is_used_up = False
        self._boards = boards
        self._guests = guests
        self._observe = observe
        self._stopped: dict[GuestId, int] = {}

    def used(self, host: str | None = None) -> int:
        """The bytes of all journals, of disks and of talks, or of those of a host."""
        guests = [each for each in self._guests.values() if host in {None, each.host}]
        disks = (RECORDS_AT + (each.next_sequence - 1) * RECORD_SIZE for of in guests for each in of.journals)
        talks = (ROWS_AT + each.word(TalkWord.ROWS) * ROW_BYTES for of in guests for each in of.talks)
        return sum(disks) + sum(talks)

    def tick(self) -> None:
        """Stop whoever works though the budget is used up."""
        if self.limit is None or not (self.is_used_up or self.used() >= self.limit):
            return
        if not self.is_used_up:
            self.is_used_up = True
            self._observe("full", "the journals have used up their budget: the guests stop working")
        for guest_id, guest in self._guests.items():
            if guest.works and not guest.ended and self._stopped.get(guest_id) != guest.boots:
                self._stopped[guest_id] = guest.boots
                self._boards[guest.host].domains.type_on_console(guest.name, "stop")
