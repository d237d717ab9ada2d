"""Every fault of a run: those that were injected, and those that somebody did from outside.

Rules: a process that ends by a signal that nobody here has sent is a fault, too. A fault is over when
all guests that it affected have been answered again, or have nothing left to wait for.
"""

from collections.abc import Callable, Mapping
from signal import SIGKILL

from cluster.board import Board, DomainChange, DomainProcess
from cluster.guest_record import GuestRecord
from cluster.injection import Injection

CONTROL = ("dom0", "xenstore")


class FaultRecords:
    """The faults of one run. `observe(what, text)` is told what happens."""

    def __init__(
        self, guests: Mapping[tuple[str, str], GuestRecord], observe: Callable[[str, str], None]
    ) -> None:
        self.injections: list[Injection] = []
        self._guests = guests
        self._observe = observe

    @property
    def recovering(self) -> bool:
        """Whether something is still to be seen of a fault."""
        return any(each.is_open for each in self.injections)

    def note(self, kind: str, domain: DomainProcess, host: str, now_ns: int, *, external: bool) -> Injection:
        """A fault is done to a domain now."""
        injection = Injection(len(self.injections) + 1, kind, host, domain.name, now_ns, external)
        affected = [domain.name]
        if domain.name in CONTROL:
            affected = [each.name for each in self._guests.values() if each.host == host]
        for name in affected:
            guest = self._guests[host, name]
            if guest.works or not guest.is_up:
                injection.waiting_for[name] = None
        self.injections.append(injection)
        self._observe("fault", f"{kind} of {host}/{domain.name}{' from outside' if external else ''}")
        return injection

    def process_ended(self, board: Board, address: str, status: int, now_ns: int) -> str:
        """A process has ended: a fault if nobody here wanted it; a text if it was no domain's."""
        domain = next((each for each in board.domains.values() if each.address == address), None)
        if domain is None:
            return f"{address} ended by itself (status {status})"
        if domain.stop_wanted or domain.state == "ended" or status == 0:
            return ""
        if not self._is_known(board.host.name, domain.name):
            kind = "kill -9" if status == SIGKILL else f"status {status}"
            self.note(kind, domain, board.host.name, now_ns, external=True)
        return ""

    def target_started(self, change: DomainChange) -> None:
        """A domain starts: the target of a fault, perhaps."""
        for injection in self._open(change):
            if change.name == "dom0":
                self._observe("rebooting", f"{change.host}/dom0 starts, incarnation {change.incarnation}")
            injection.target_started(change.at_ns)

    def detected(self, change: DomainChange) -> None:
        """The hypervisor has noticed the end of a domain."""
        for injection in self._open(change):
            if injection.detected_at_ns is None:
                injection.detected_at_ns = change.at_ns
                after_ms = (change.at_ns - injection.injected_at_ns) / 1e6
                self._observe("detected", f"{change.host}/{change.name} after {after_ms:.1f} ms")

    def watch(self, boards: Mapping[str, Board], now_ns: int) -> bool:
        """See who has been answered; True if a recovery has ended just now."""
        waiting = [each for each in self.injections if each.is_open]
        for injection in waiting:
            for name in list(injection.waiting_for):
                self._watch(injection, self._guests[injection.host, name], boards[injection.host], now_ns)
        recovered = [each for each in waiting if each.recovered_at_ns is not None]
        for injection in recovered:
            after_ms = ((injection.recovered_at_ns or 0) - injection.injected_at_ns) / 1e6
            self._observe(
                "recovered", f"{injection.host}/{injection.target}: all I/O flows after {after_ms:.0f} ms"
            )
        return bool(recovered)

    def give_up(self) -> None:
        """Nothing more is waited for."""
        for injection in self.injections:
            injection.given_up = injection.given_up or injection.is_open

    def _open(self, change: DomainChange) -> list[Injection]:
        return [
            each
            for each in self.injections
            if each.is_open and each.host == change.host and each.target == change.name
        ]

    def _is_known(self, host: str, target: str) -> bool:
        return any(
            each.is_open and each.host == host and each.target == target and each.detected_at_ns is None
            for each in self.injections
        )

    def _watch(self, injection: Injection, guest: GuestRecord, board: Board, now_ns: int) -> None:
        if board.state.power in {"halted", "off"}:
            injection.guest_left(guest.name, now_ns)
            injection.given_up = True
        elif guest.is_up and not guest.ended and not guest.works:
            injection.guest_left(guest.name, now_ns)
        else:
            injection.guest_answered(guest.name, guest.last_completion_ns)
