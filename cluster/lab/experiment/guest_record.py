"""What the experimenter knows of one guest: its journals, and what the hypervisor said of it.

Rules: an outage is the time without a success while there was work, and is kept here, outside of the guest,
since one that does not run keeps nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.abi.interface import ShutdownReason
from actors.dom0.shutdown_actions import DESTROY, RESTART, ShutdownActions
from actors.notebook.journal_header import GuestState, Word
from actors.notebook.journal_reader import JournalReader
from actors.notebook.store_log_reader import StoreLogReader
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.experiment.lives import Death, Lives, death_by


@dataclass(slots=True)
class GuestRecord:
    """What the experimenter knows of one guest. `address`: where it was created, `host`: where it is.

    `action`: what its toolstack does with it once it has stopped; `returns`: it has shut down, and is to be
    created again; `has_left`: it has shut down in order, and is not. `outage_seen_ns`: the longest outage
    that `look` has met; `silence_seen_ns`: the same of its talks.
    """

    guest_id: GuestId
    address: str
    host: str
    journals: Sequence[JournalReader]
    actions: ShutdownActions = field(default_factory=ShutdownActions)
    ended: bool = False
    action: str = DESTROY
    returns: bool = False
    has_left: bool = False
    store_log: StoreLogReader | None = None
    talks: Sequence[TalkJournalReader] = ()
    lives: Lives = field(default_factory=Lives)
    power_losses: list[list[int]] = field(default_factory=list)
    outage_seen_ns: int = 0
    silence_seen_ns: int = 0

    @classmethod
    def of(
        cls, guest: ResolvedGuest, journals: Sequence[JournalReader], store_log: StoreLogReader | None
    ) -> "GuestRecord":
        """The record of a guest that is still to be created."""
        return cls(guest.guest_id, guest.address, guest.host, journals, guest.actions, store_log=store_log)

    @property
    def died(self) -> bool:
        """Whether it has ended while it was to run, and not in order."""
        return any(self.lives.deaths.values())

    @property
    def is_dead(self) -> bool:
        """Whether it does not run, and has not left in order."""
        return self.ended and self.lives.has_died

    @property
    def name(self) -> str:
        """`web-0`."""
        return self.address.rpartition("/")[2]

    @property
    def boots(self) -> int:
        """How often it was started."""
        return self.lives.begun

    @property
    def domid(self) -> int:
        """The number of its domain, or of its last one; 0 before there was one."""
        return self.lives.domids[-1] if self.lives.domids else 0

    def start(self, domid: int) -> None:
        """Another life begins."""
        self.ended = self.returns = self.has_left = False
        self.action = self.actions.on_crash
        self.lives.begin(domid)

    def shut_down(self, reason: int, *, counts: bool) -> None:
        """It has shut down for this reason; a death `counts` while the run is not over."""
        death = death_by(reason)
        self.action = self.actions.after(reason)
        self.returns = self.action == RESTART
        self.has_left = not death and not self.returns and reason != ShutdownReason.suspend
        if death is not None:
            self._life_over(death, counts=counts)

    def end(self, death: Death | None, *, counts: bool) -> None:
        """Its process has ended, in order or of this."""
        self.ended = True
        self._life_over(death, counts=counts)

    def _life_over(self, death: Death | None, *, counts: bool) -> None:
        if death is not None and counts:
            self.lives.die(death)
        else:
            self.lives.end()

    def power_lost(self) -> None:
        """The power is gone and nothing runs: note, for each journal, what would have been next."""
        self.power_losses.append([each.next_sequence for each in self.journals])

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(each.word(Word.IN_FLIGHT) for each in self.journals)

    @property
    def completed(self) -> int:
        """Requests that were answered, over all boots."""
        return sum(each.word(Word.COMPLETED) for each in self.journals)

    @property
    def last_success_ns(self) -> int:
        """When the last request was answered with success; of one without disks, the last sign of life."""
        talks = () if self.journals else self.talks
        heard = [each.word(TalkWord.LAST_SUCCESS_NS) for each in talks]
        return max([*heard, *(each.word(Word.LAST_SUCCESS_NS) for each in self.journals)], default=0)

    @property
    def ended_in_error(self) -> bool:
        """Whether the last that it heard of one of its disks was an error."""
        return any(each.ended_in_error for each in self.journals)

    @property
    def is_failing(self) -> bool:
        """Whether it runs and works, and what it heard last was an error."""
        return not self.ended and self.works and self.ended_in_error

    @property
    def is_busy(self) -> bool:
        """Whether it runs and has something to do, or to wait for."""
        return not self.ended and (bool(self.in_flight) or self.works)

    def outage_ns(self, now_ns: int) -> int:
        """How long one of its disks has now been without a success although there is work."""
        if self.has_left:
            return 0
        since = [each.unserved_since_ns(now_ns) for each in self.journals]
        return max((now_ns - each for each in since if 0 < each < now_ns), default=0)

    @property
    def longest_outage_ns(self) -> int:
        """The longest outage that is over or that was met while it lasted."""
        kept = (each.word(Word.LONGEST_GAP_NS) for each in self.journals)
        return max(self.outage_seen_ns, *kept, 0)

    def look(self, now_ns: int) -> None:
        """See how long the guest has been out, whether it runs or not."""
        self.outage_seen_ns = max(self.outage_seen_ns, self.outage_ns(now_ns))
        self.silence_seen_ns = max(self.silence_seen_ns, self.silence_ns(now_ns))

    @property
    def oldest_issue_ns(self) -> int:
        """When the oldest request without an answer was issued, or 0."""
        talks = () if self.journals else self.talks
        issued = [each.word(TalkWord.WAITING_SINCE_NS) for each in talks]
        issued += [each.word(Word.OLDEST_ISSUE_NS) for each in self.journals]
        return min((each for each in issued if each), default=0)

    @property
    def works(self) -> bool:
        """Whether it has begun and still has something to do."""
        return not self.has_left and (
            any(each.wanted for each in self.journals) or any(each.wanted for each in self.talks)
        )

    @property
    def is_up(self) -> bool:
        """Whether its workload has started, or has ended already."""
        started = {GuestState.running, GuestState.finished, GuestState.failed}
        boots = [each.word(Word.BOOTS) for each in self.journals]
        boots += [each.word(TalkWord.BOOTS) for each in self.talks]
        states = [*(each.state for each in self.journals), *(each.state for each in self.talks)]
        return all(each >= self.boots for each in boots) and started.issuperset(states)

    def silence_ns(self, now_ns: int) -> int:
        """How long nobody has now answered one of its talks although something is waited for."""
        if self.has_left:
            return 0
        since = [each.unserved_since_ns(now_ns) for each in self.talks]
        return max((now_ns - each for each in since if 0 < each < now_ns), default=0)

    @property
    def longest_silence_ns(self) -> int:
        """The longest silence of one of its talks that is over or that was met while it lasted."""
        kept = (each.word(TalkWord.LONGEST_GAP_NS) for each in self.talks)
        return max(self.silence_seen_ns, *kept, 0)
