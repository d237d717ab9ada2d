"""How long one disk really went without a success, as somebody saw it who keeps no journal.

Rules: of what a guest asks and is told only the times count, not what its journal makes of them. A guest
that paces itself may be idle for the time between two requests; beyond that, whatever lies between two
successes is outage, whether requests failed in it, hung, or were never made though there was work.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class ServiceRecord:
    """One disk of `guest` (its address)."""

    guest: str
    errors: int = 0
    longest_ns: int = 0
    failing: bool = False
    since_ns: int | None = None

    def asked(self, now_ns: int) -> None:
        """A request is made: there is work."""
        if self.since_ns is None:
            self.since_ns = now_ns

    def answered(self, asked_ns: int, now_ns: int, *, well: bool) -> None:
        """A request has its answer. An error says nothing about what was asked after it."""
        if well:
            self.longest_ns = max(self.longest_ns, now_ns - (self.since_ns or now_ns))
            self.since_ns, self.failing = now_ns, False
        else:
            self.errors += 1
            self.failing = self.failing or asked_ns > (self.since_ns or 0)

    def finished(self) -> None:
        """There is no work any more."""
        self.since_ns = None


def contradiction(records: list[ServiceRecord], told_ns: int, idle_ns: int) -> str:
    """Why the records of a guest's disks deny that it was out for at most `told_ns`, if they do.

    `idle_ns`: how long it may have nothing to ask for.
    """
    if any(each.failing for each in records):
        return "is said to be served, and the last that it was told is an error"
    longest_ns = max((each.longest_ns for each in records), default=0)
    if longest_ns - idle_ns <= told_ns <= longest_ns:
        return ""
    return f"is said to be out for {told_ns} ns, and had {longest_ns} ns without a success"
