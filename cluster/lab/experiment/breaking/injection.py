"""One fault that was injected into one target, and what became of it.

Rules: detected is when the hypervisor said so; recovered is when every guest and talk that was affected had
a request answered with success after the target ran again, or after the fault was taken away; with nobody
affected, when the target ran again. What never happened stays None.
"""

from dataclasses import dataclass, field

from cluster.lab.config.resolved import Data
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target


@dataclass(slots=True)
class Injection:
    """A fault from the moment it was done.

    `lives`: when the domains were started of which it may be the death; `mortal`: it is meant to be that.
    `lasting`: it is there until it is taken away, at `ends_at_ns` if that is known; `lifted`: it was.
    `number` tells it from all others here; `label` is what people call it: `2` is fault 2 of the file
    (each of its targets), `2.3` the third time of it, `x1` the first that somebody did by hand.
    `reconnected_at_ns`: when the first of the guests behind it was answered again.
    `destroyed`: its target was a guest whose toolstack destroys it when it crashes.
    """

    number: int
    kind: str
    host: str
    target: str
    injected_at_ns: int
    external: bool = False
    detected_at_ns: int | None = None
    restarted_at_ns: int | None = None
    recovered_at_ns: int | None = None
    waiting_for: dict[Waiter, None] = field(default_factory=dict)
    given_up: bool = False
    lives: dict[str, int] = field(default_factory=dict)
    mortal: bool = True
    lasting: bool = False
    ends_at_ns: int | None = None
    ended_at_ns: int | None = None
    lifted: bool = False
    destroyed: bool = False
    options: Data = field(default_factory=dict)
    settled_at_ns: dict[Waiter, int] = field(default_factory=dict)
    reconnected_at_ns: int | None = None
    label: str = ""

    @property
    def is_open(self) -> bool:
        """Whether something is still to be seen of it."""
        return self.recovered_at_ns is None and not self.given_up

    @property
    def is_there(self) -> bool:
        """Whether it lasts and has not been taken away."""
        return self.lasting and self.ended_at_ns is None

    @property
    def address(self) -> str:
        """The target as it is written."""
        return str(self.place)

    @property
    def place(self) -> Target:
        """The target, to be taken apart."""
        return Target.on(self.host, self.target)

    @property
    def waiting_guests(self) -> list[GuestId]:
        """The guests that wait, or whose talks do, each once."""
        return list(dict.fromkeys(each.guest_id for each in self.waiting_for))

    @property
    def title(self) -> str:
        """`2.3 crash of host0/dom0`."""
        return f"{self.label} {self.kind} of {self.address}"

    @property
    def turn(self) -> str:
        """What has happened at `restarted_at_ns`; empty if nothing has: recovery counts from the start."""
        kind = FAULT_KINDS.get(self.kind)
        if kind is not None and (self.lifted or (self.lasting and not self.mortal)):
            return kind.lifted
        return "restarted" if self.mortal else ""

    def taken_away(self, now_ns: int) -> None:
        """It is over: recovery counts from here, and is over at once if nobody waits."""
        self.ended_at_ns = now_ns
        if self.restarted_at_ns is None:
            self.restarted_at_ns = now_ns
        if not self.waiting_for and not self.given_up:
            self.recovered_at_ns = self.recovered_at_ns or now_ns

    def target_started(self, now_ns: int) -> None:
        """The target (or the machine it was on) runs again: that is all if nobody waits for its service."""
        if self.restarted_at_ns is None:
            self.restarted_at_ns = now_ns
        if self.mortal and not self.waiting_for and not self.given_up:
            self.recovered_at_ns = self.recovered_at_ns or now_ns

    def is_served(self, waiter: Waiter, oldest_issue_ns: int, last_success_ns: int, now_ns: int) -> bool:
        """Whether who waits is known to be served by the target's new life.

        An error is no service, and an answer of the dead one may be read late. So either a request older than
        the restart was seen to wait and does so no more, or something succeeded after none was seen to wait.
        """
        restarted_at_ns = self.restarted_at_ns
        if restarted_at_ns is None:
            return False
        if 0 < oldest_issue_ns <= restarted_at_ns:
            self.settled_at_ns[waiter] = restarted_at_ns
            return False
        return last_success_ns > self.settled_at_ns.setdefault(waiter, now_ns)

    def answered(self, waiter: Waiter, at_ns: int) -> None:
        """Who was affected has had a request answered with success at `at_ns`."""
        if self.restarted_at_ns is not None and at_ns > self.restarted_at_ns and waiter in self.waiting_for:
            del self.waiting_for[waiter]
            # Those who were answered between two looks are seen in no order.
            self.reconnected_at_ns = min(self.reconnected_at_ns or at_ns, at_ns)
            if not self.waiting_for:
                self.recovered_at_ns = at_ns

    def left(self, waiter: Waiter, at_ns: int) -> None:
        """Who waits has nothing left to do, or is gone for good: nothing more is to be seen of it."""
        if waiter in self.waiting_for:
            del self.waiting_for[waiter]
            if not self.waiting_for:
                if self.restarted_at_ns is None:
                    self.given_up = True
                else:
                    self.recovered_at_ns = at_ns
