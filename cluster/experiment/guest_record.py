"""What the experimenter knows of one guest: its journals, and what the hypervisor said of it."""

from dataclasses import dataclass, field

from actors.domu.journal import GuestState, Journal, Word
from actors.domu.store_log import StoreLog
from cluster.experiment.lives import Lives


@dataclass(slots=True)
class GuestRecord:
    """What the experimenter knows of one guest."""

    host: str
    name: str
    journals: list[Journal]
    on_crash: str = "restart"
    domid: int = 0
    domids: list[int] = field(default_factory=list)
    boots: int = 0
    ended: bool = False
    died: bool = False
    store_log: StoreLog | None = None
    lives: Lives = field(default_factory=Lives)
    power_losses: list[list[int]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """`host0/web-0`."""
        return f"{self.host}/{self.name}"

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
    def last_completion_ns(self) -> int:
        """When the last answer came."""
        return max((each.word(Word.LAST_COMPLETION_NS) for each in self.journals), default=0)

    @property
    def oldest_issue_ns(self) -> int:
        """When the oldest request without an answer was issued, or 0."""
        issued = [each.word(Word.OLDEST_ISSUE_NS) for each in self.journals]
        return min((each for each in issued if each), default=0)

    @property
    def works(self) -> bool:
        """Whether it has begun and still has something to do."""
        return any(each.wanted for each in self.journals)

    @property
    def is_up(self) -> bool:
        """Whether its workload has started, or has ended already."""
        started = {GuestState.running, GuestState.finished, GuestState.failed}
        return not self.journals or all(
            each.word(Word.BOOTS) >= self.boots and each.state in started for each in self.journals
        )
