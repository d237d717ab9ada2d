"""Every fault of a run: those that were injected, and those that somebody did from outside.

Rules: a domain that crashes, hangs or ends though nobody here wanted it is a fault, too, be it the
hypervisor or the process table that tells first; an exit code is a failure of ours besides. A fault is
over when all guests and talks that it affected have been answered again, or have nothing left to wait for.
To see who has been answered takes a bounded share of a processor, however many wait, and whatever is said
meanwhile: those that wait are looked at every `WATCH_NS`, and less often while they are very many.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from signal import SIGKILL
from typing import Final

from actors.abi.interface import ShutdownReason
from actors.address import Address
from actors.dom0.shutdown_actions import DESTROY
from cluster.lab.config.resolved import Data, ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.reach import affected_guests, behind_domain
from cluster.lab.experiment.breaking.talk_paths import TalkPaths
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.experiment.domain_processes import DomainChange, DomainProcess
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS

_SEEN_AS: Final = {int(each.seen_as): each.name for each in FAULT_KINDS.values() if each.seen_as is not None}
WATCH_NS: Final = 5_000_000
"""Nobody who waits is looked at more often than this, unless something is known to have become of him."""
WATCH_NS_PER_GUEST: Final = 50_000
"""The same for each who waits: to look at one takes some 2 us, so that all of it takes 4 % of a processor."""
_GONE: Final = _SEEN_AS[ShutdownReason.crash]
"""What a fault from outside is called until the process table says how the process ended."""


class FaultRecords:
    """The faults of one run. `observe(what, text)` is told what happens."""

    def __init__(
        self,
        hosts: Sequence[ResolvedHost],
        guests: Mapping[GuestId, GuestRecord],
        observe: Callable[[str, str], None],
    ) -> None:
        self.injections: list[Injection] = []
        self._hosts = {each.name: each for each in hosts}
        self._paths = TalkPaths(hosts)
        self._guests = guests
        self._observe = observe
        self._reconnecting: dict[int, None] = {}
        self._look_at_ns: dict[int, int] = {}
        self._by_hand = 0

    @property
    def recovering(self) -> bool:
        """Whether something is still to be seen of a fault that is over."""
        return any(each.is_open and not each.is_there for each in self.injections)

    @property
    def unsettled(self) -> bool:
        """Whether something is still to be seen of a fault, or one is still to be taken away."""
        return any(each.is_open or (each.is_there and each.ends_at_ns) for each in self.injections)

    @property
    def next_look_ns(self) -> int | None:
        """When `watch` has something to look at again; None if that does not depend on the time."""
        return min(
            (self._look_at_ns.get(each.number, 0) for each in self.injections if each.is_open), default=None
        )

    def guest_changed(self, guest_id: GuestId) -> None:
        """Something has become of a guest: whoever waits for it may do so in vain."""
        for injection in self.injections:
            if any(each.guest_id == guest_id for each in injection.waiting_for):
                self._look_at_ns.pop(injection.number, None)

    def recovered_since(self, at_ns: int) -> bool:
        """Whether a fault has been recovered from after this time."""
        return any((each.recovered_at_ns or 0) > at_ns for each in self.injections)

    def note(
        self,
        kind: str,
        host: str,
        target: str,
        now_ns: int,
        *,
        label: str,
        affected: Iterable[Waiter],
        lives: dict[str, int],
        options: Data,
    ) -> Injection:
        """A fault is done now, to a target behind which these guests and talks are."""
        injection = Injection(len(self.injections) + 1, kind, host, target, now_ns)
        injection.lives = lives
        injection.options = options
        injection.label = label
        for each in affected:
            guest = self._guests[each.guest_id]
            if each.has_work(guest) or not guest.is_up:
                injection.waiting_for[each] = None
        self.injections.append(injection)
        self._observe("fault", injection.title)
        return injection

    def affected(self, kind: FaultKind, host: str, target: str) -> list[Waiter]:
        """Who waits while this fault is there: guests, and talks by what of the network it breaks."""
        guests = affected_guests(kind, self._hosts[host], target)
        return _waiters(guests, self._paths.reached(kind, host, target))

    def label_by_hand(self) -> str:
        """What the next fault is called that no configuration asked for."""
        self._by_hand += 1
        return f"x{self._by_hand}"

    def note_external(self, kind: str, domain: DomainProcess, host: str, now_ns: int) -> Injection:
        """Somebody has done something to a domain from outside."""
        guests = behind_domain(domain.name, self._hosts[host])
        talks = self._paths.behind_domain(host, domain.name)
        lives = {domain.name: domain.started_at_ns}
        injection = self.note(
            kind,
            host,
            domain.name,
            now_ns,
            label=self.label_by_hand(),
            affected=_waiters(guests, talks),
            lives=lives,
            options={},
        )
        injection.external = True
        return injection

    def taken_away(self, injection: Injection, now_ns: int) -> None:
        """A fault that lasted is over."""
        injection.lifted = True
        self._look_at_ns.pop(injection.number, None)
        injection.taken_away(now_ns)
        self._observe("fault over", injection.title)

    def process_ended(self, board: HostBoard, address: str, status: int, now_ns: int) -> str:
        """A process has ended: a fault if nobody here wanted it; a text if something of ours is wrong."""
        domain = board.domains.at(address)
        is_on = board.is_on
        if domain is None:
            return f"{address} ended by itself (status {status})" if is_on else ""
        if domain.state == "ended" or status == 0:
            return ""
        kind = "kill -9" if status == SIGKILL else f"status {status}"
        injection = self._done_to(domain, board.host.name)
        if injection is None and is_on and not domain.stop_wanted:
            self.note_external(kind, domain, board.host.name, now_ns)
        elif injection is not None and injection.external and injection.kind == _GONE:
            injection.kind = kind
        return f"{address} failed (status {status}); its log says why" if status >> 8 else ""

    def stopped(self, change: DomainChange, domain: DomainProcess) -> None:
        """The hypervisor says that a domain has stopped: a fault if it crashed or hung, and nobody did it."""
        kind = _SEEN_AS.get(change.reason)
        if kind is not None and self._done_to(domain, change.host) is None:
            self.note_external(kind, domain, change.host, change.at_ns)

    def target_started(self, change: DomainChange) -> None:
        """A domain starts: the target of a fault, perhaps."""
        for injection in self._open(change):
            if change.name == "dom0" or change.name in self._hosts[change.host].drivers:
                what = f"{Address(change.host, change.name)} starts, incarnation {change.incarnation}"
                self._observe("rebooting", what)
            if not injection.is_there:
                injection.target_started(change.at_ns)
                # Who waits now waits for this life, which may serve it before anybody looks again.
                for each in injection.waiting_for:
                    oldest_ns = each.oldest_issue_ns(self._guests[each.guest_id])
                    injection.is_served(each, oldest_ns, 0, change.at_ns)
                if injection.recovered_at_ns is not None:
                    self._observe("recovered", f"{injection.title}: it runs again; no guest waited for it")
            elif injection.target == change.name:
                injection.taken_away(change.at_ns)

    def detected(self, change: DomainChange) -> None:
        """The hypervisor has noticed the end of a domain."""
        for injection in self._open(change):
            if injection.detected_at_ns is None:
                injection.detected_at_ns = change.at_ns
                after_ms = (change.at_ns - injection.injected_at_ns) / 1e6
                self._observe("detected", f"{injection.title}, after {after_ms:.1f} ms")

    def destroyed(self, change: DomainChange, guest_id: GuestId) -> None:
        """A guest is destroyed and not created again: who makes one of its name later does not recover it."""
        for injection in self._open(change):
            if [*injection.lives] == [change.name] and injection.restarted_at_ns is None:
                injection.destroyed = True
                for each in [each for each in injection.waiting_for if each.guest_id == guest_id]:
                    injection.left(each, change.at_ns)
                injection.given_up = True
                self._observe("destroyed", f"{injection.title}, as its on_crash says")

    def watch(self, boards: Mapping[str, HostBoard], now_ns: int) -> bool:
        """See who has been answered; True if a recovery has ended just now."""
        waiting = [each for each in self.injections if each.is_open]
        for injection in waiting:
            is_over = boards[injection.host].state.power in {"halted", "off"}
            if is_over or self._look_at_ns.get(injection.number, 0) <= now_ns:
                self._watch(injection, now_ns, is_over=is_over)
        recovered = [each for each in waiting if each.recovered_at_ns is not None]
        for injection in recovered:
            after_ms = ((injection.recovered_at_ns or 0) - injection.injected_at_ns) / 1e6
            self._observe("recovered", f"{injection.title}: all I/O flows after {after_ms:.0f} ms")
        return bool(recovered)

    def give_up(self) -> None:
        """Nothing more is waited for."""
        for injection in self.injections:
            injection.given_up = injection.given_up or injection.is_open

    def _reconnects(self, injection: Injection, waiting: int) -> None:
        """Say once of a fault that the first of the guests behind it does I/O again."""
        servers = ("dom0", "xenstore", *self._hosts[injection.host].drivers)
        if injection.target in servers and injection.number not in self._reconnecting:
            self._reconnecting[injection.number] = None
            first = f"the first of {waiting} guests does I/O again"
            self._observe("reconnecting", f"{injection.title}: {first}")

    def _open(self, change: DomainChange) -> list[Injection]:
        return [
            each
            for each in self.injections
            if each.is_open and each.mortal and each.host == change.host and change.name in each.lives
        ]

    def _done_to(self, domain: DomainProcess, host: str) -> Injection | None:
        """The fault that was done to this life of a domain, if any."""
        for each in self.injections:
            if each.host == host and each.lives.get(domain.name) == domain.started_at_ns:
                return each
        return None

    def _watch(self, injection: Injection, now_ns: int, *, is_over: bool) -> None:
        """`is_over`: nothing runs any more on the host."""
        before = len(injection.waiting_guests)
        for waiter in list(injection.waiting_for):
            guest = self._guests[waiter.guest_id]
            if is_over:
                injection.left(waiter, now_ns)
                injection.given_up = True
            # Nobody is served before the target runs; the journals need not be read to see that.
            elif injection.restarted_at_ns is not None and injection.is_served(
                waiter, waiter.oldest_issue_ns(guest), waiter.last_success_ns(guest), now_ns
            ):
                injection.answered(waiter, waiter.last_success_ns(guest))
            elif self._waits_in_vain(waiter, guest):
                injection.left(waiter, now_ns)
        self._look_at_ns[injection.number] = now_ns + max(
            WATCH_NS, len(injection.waiting_for) * WATCH_NS_PER_GUEST
        )
        if len(injection.waiting_guests) < before:
            self._reconnects(injection, before)

    def _waits_in_vain(self, waiter: Waiter, guest: GuestRecord) -> bool:
        """Whether nothing is left to be waited for: no work, or nobody who could ever answer a talk."""
        peer = self._guests.get(GuestId(waiter.peer_id(guest)))
        if peer is not None and peer.is_dead and not peer.returns and peer.action == DESTROY:
            return True
        return not waiter.has_work(guest) and guest.is_up and not guest.is_dead and not guest.returns


def _waiters(guests: Iterable[ResolvedGuest], talks: Iterable[tuple[GuestId, int]]) -> list[Waiter]:
    return [*(Waiter(each.guest_id) for each in guests), *(Waiter(guest, talk) for guest, talk in talks)]
