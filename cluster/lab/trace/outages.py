"""How long each guest was without a success around each fault, from the requests of the trace.

Rules: time counts from a request to the next success, as in the journals, and an error is none; of all gaps
that a fault and its recovery touch, the longest is the outage. One that never ended lasts to the end of the
trace.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from actors.address import Address
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.trace.traced_request import TracedRequest

SHORTEST_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a guest had asked for something and nothing was answered with success."""

    begin_ns: int
    end_ns: int
    over: bool = True


@dataclass(frozen=True, slots=True)
class TracedOutage:
    """The outage of a guest around a fault."""

    guest: str
    name: str
    fault: str
    gap: Gap


def gaps(requests: Sequence[TracedRequest], end_ns: int) -> list[Gap]:
    """The gaps of one guest's requests, in order. What an earlier life left unanswered ends with the next."""
    last = max(requests, key=lambda each: each.submitted_ns).guest if requests else ""
    again_ns = min((each.submitted_ns for each in requests if each.guest == last), default=0)
    changes = [(each.submitted_ns, 0, 1) for each in requests]
    changes += [(each.done_ns, 2 if each.status else 1, -1) for each in requests if each.done_ns]
    changes += [(again_ns, 3, -1) for each in requests if not each.done_ns and each.guest != last]
    changes.sort()
    found, waiting, failing, since_ns = [], 0, False, 0
    for time_ns, what, change in changes:
        if what == 0:
            since_ns = since_ns if waiting or failing else time_ns
        elif what == 1:
            found.append(Gap(since_ns, time_ns))
            since_ns, failing = time_ns, False
        elif what == 2:
            failing = True
        waiting += change
    if waiting or failing:
        found.append(Gap(since_ns, end_ns, over=False))
    return found


def outages(
    injections: Sequence[Injection],
    guests: Sequence[GuestRecord],
    requests: Sequence[TracedRequest],
    end_ns: int,
    reached: Callable[[Injection], Collection[GuestId]],
) -> list[TracedOutage]:
    """One outage for each fault and each guest that it touched for a millisecond or more.

    `reached`: the guests that a fault may touch.
    """
    of_guest: dict[str, list[TracedRequest]] = {}
    for request in requests:
        of_guest.setdefault(request.guest, []).append(request)
    found = []
    for guest in guests:
        address = str(Address.domain(guest.host, guest.domid))
        lives = [of_guest.get(str(Address.domain(guest.host, domid)), []) for domid in guest.lives.domids]
        waits = gaps([each for life in lives for each in life], end_ns)
        for injection in injections:
            if guest.guest_id not in reached(injection):
                continue
            over_ns = injection.recovered_at_ns or end_ns
            touched = [
                each for each in waits if each.end_ns > injection.injected_at_ns and each.begin_ns < over_ns
            ]
            longest = max(touched, key=lambda each: each.end_ns - each.begin_ns, default=None)
            if longest is not None and longest.end_ns - longest.begin_ns >= SHORTEST_NS:
                found.append(TracedOutage(address, guest.name, injection.label, longest))
    return found
