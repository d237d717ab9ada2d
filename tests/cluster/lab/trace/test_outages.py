"""The outages of guests around faults, from the requests of a trace."""

from dataclasses import replace

import pytest

from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.lives import Lives
from cluster.lab.trace.outages import Gap, TracedOutage, outages
from cluster.lab.trace.traced_request import TracedRequest

MS = 1_000_000
END_NS = 100 * MS
WEB_ID, DB_ID = GuestId(1), GuestId(2)


def web(*domids: int) -> GuestRecord:
    """A guest in the domains that it has had."""
    return GuestRecord(WEB_ID, "host0/web", "host0", [], lives=Lives([*domids]))


WEB = web(3)
CRASH = Injection(1, "crash", "host0", "dom0", 20 * MS, recovered_at_ns=40 * MS, label="1")


def request(submitted_ms: int, done_ms: int | None, *, domid: int = 3, status: int = 0) -> TracedRequest:
    done_ns = 0 if done_ms is None else done_ms * MS
    return TracedRequest(
        guest=f"host0/dom{domid}", submitted_ns=submitted_ms * MS, done_ns=done_ns, status=status
    )


def found(
    *requests: TracedRequest,
    guest: GuestRecord = WEB,
    fault: Injection = CRASH,
    reached: tuple[GuestId, ...] = (WEB_ID,),
) -> list[Gap]:
    outage = outages([fault], [guest], requests, END_NS, lambda _: reached)
    assert all(each == replace(each, name=guest.name, fault="1") for each in outage)
    return [each.gap for each in outage]


@pytest.mark.parametrize(
    ("requests", "gaps"),
    [
        ([], []),
        ([(10, 15)], []),
        ([(50, 60)], []),
        ([(10, 30)], [Gap(10 * MS, 30 * MS)]),
        ([(35, 60)], [Gap(35 * MS, 60 * MS)]),
        ([(10, 21), (22, 39)], [Gap(22 * MS, 39 * MS)]),
        ([(10, None)], [Gap(10 * MS, END_NS, over=False)]),
    ],
)
def test_of_all_gaps_that_a_fault_touches_the_longest_is_the_outage(
    requests: list[tuple[int, int | None]], gaps: list[Gap]
) -> None:
    assert found(*(request(*each) for each in requests)) == gaps


def test_what_was_shorter_than_a_millisecond_is_no_outage() -> None:
    asked = request(20, 21)
    asked.done_ns -= 1

    assert found(asked) == []


def test_a_fault_that_nothing_recovered_from_reaches_to_the_end() -> None:
    fault = replace(CRASH, recovered_at_ns=None)

    assert found(request(60, 80), fault=fault) == [Gap(60 * MS, 80 * MS)]


def test_a_guest_that_the_fault_cannot_reach_has_none() -> None:
    assert found(request(10, 30), reached=(DB_ID,)) == []


def test_an_outage_goes_on_through_the_lives_of_a_guest_and_is_that_of_its_last() -> None:
    guest = web(3, 4)
    requests = [request(10, None), request(30, 35, domid=4)]

    (outage,) = outages([CRASH], [guest], requests, END_NS, lambda _: (WEB_ID,))
    assert outage == TracedOutage("host0/dom4", "web", "1", Gap(10 * MS, 35 * MS))


def test_a_request_that_fails_ends_no_outage() -> None:
    assert found(request(10, 12, status=1), request(25, 38)) == [Gap(10 * MS, 38 * MS)]
