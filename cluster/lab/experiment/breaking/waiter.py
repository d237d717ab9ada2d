"""Who waits because of a fault: a guest, or one talk of a guest.

Rules: a guest as a whole is answered when its disks are, or, if it has none, one of its talks; a talk when
that very talk is.
"""

from dataclasses import dataclass

from actors.notebook.talk_header import TalkWord
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.guest_record import GuestRecord


@dataclass(frozen=True, slots=True)
class Waiter:
    """A guest; `talk`: the number of that of its talks that waits, None for the guest."""

    guest_id: GuestId
    talk: int | None = None

    def has_work(self, guest: GuestRecord) -> bool:
        """Whether there is anything to wait for."""
        if self.talk is None:
            return guest.works
        return not guest.has_left and guest.talks[self.talk].wanted

    def peer_id(self, guest: GuestRecord) -> int:
        """The guest that is to answer a talk; 0 if none is."""
        return 0 if self.talk is None else guest.talks[self.talk].word(TalkWord.PEER_ID)

    def oldest_issue_ns(self, guest: GuestRecord) -> int:
        """Since when an answer is waited for, or 0."""
        if self.talk is None:
            return guest.oldest_issue_ns
        return guest.talks[self.talk].word(TalkWord.WAITING_SINCE_NS)

    def last_success_ns(self, guest: GuestRecord) -> int:
        """When the last answer came."""
        if self.talk is None:
            return guest.last_success_ns
        return guest.talks[self.talk].word(TalkWord.LAST_SUCCESS_NS)
