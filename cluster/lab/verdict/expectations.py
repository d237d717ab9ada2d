"""What the author of a configuration predicted, against what came of it.

Rules: only what the file says is judged, but that no request fails is predicted of every run whose faults do
not promise it; one that cannot be judged is unknown. Where a fault never fired that should have, what came
true is unknown, too: with that fault it might not have. What is worse than predicted has failed all the same,
since a fault makes nothing better.
"""

from collections.abc import Sequence
from typing import Final

from cluster.lab.config.quantities import duration_text
from cluster.lab.config.schema import ExpectSchema
from cluster.lab.verdict.check import Expectation, Verdict
from cluster.lab.verdict.run_facts import GuestFacts

_LEDGER_COUNTS: Final = ("lost", "stale", "torn", "misdirected")


def judge(
    expect: ExpectSchema,
    guests: list[GuestFacts],
    *,
    errors_promised: bool = False,
    missed_faults: Sequence[str] = (),
    stood_still: bool = False,
) -> list[Expectation]:
    """Every prediction with its verdict. `errors_promised`: a fault of the run is that requests fail.

    `missed_faults` should have come and did not. `stood_still`: for a time the machine under us did not run
    while guests worked.
    """
    found = []
    if expect.survivors is not None:
        found.append(_survivors(expect.survivors, guests, spared=bool(missed_faults)))
    if expect.outage_max is not None:
        found.append(_outage(expect.outage_max, guests, stood_still=stood_still))
    for name in _LEDGER_COUNTS:
        limit = getattr(expect, name)
        if limit is not None:
            found.append(_count(name, limit, guests))
    if expect.errors is not None or not errors_promised:
        found.append(_errors(expect.errors, guests))
    return [_doubted(each) for each in found] if missed_faults else found


def _doubted(expectation: Expectation) -> Expectation:
    """One whose fault never fired."""
    if expectation.verdict is not Verdict.held:
        return expectation
    return Expectation(f"{expectation.text}, but a fault never fired", Verdict.unknown)


def _errors(limit: int | None, guests: list[GuestFacts]) -> Expectation:
    errors = sum(each.errors for each in guests)
    text = (
        f"at most {limit} errors" if limit is not None else "no errors, as no fault of the run promises any"
    )
    if errors > (limit or 0):
        return Expectation(f"{text}: {errors}", Verdict.failed)
    if any(each.came_back is None for each in guests):
        return Expectation(f"{text}: {errors}, not seen to the end", Verdict.unknown)
    return Expectation(f"{text}: {errors}", Verdict.held)


def _survivors(wanted: int | str, guests: list[GuestFacts], *, spared: bool) -> Expectation:
    alive = sum(each.survived is True for each in guests)
    open_ = sum(each.survived is None for each in guests)
    number = len(guests) if wanted == "all" else 0 if wanted == "none" else int(wanted)
    text = f"survivors {wanted}: {alive} of {len(guests)}"
    if open_:
        return Expectation(f"{text}, {open_} not known", Verdict.unknown)
    if spared and alive > number:
        return Expectation(f"{text}, but a fault never fired", Verdict.unknown)
    return Expectation(text, Verdict.of(alive == number))


def _outage(limit_ns: int, guests: list[GuestFacts], *, stood_still: bool) -> Expectation:
    text = f"outage at most {duration_text(limit_ns)}"
    never = [each.name for each in guests if each.came_back is False]
    longest = max((each.unserved_max_ns for each in guests), default=0)
    if never:
        return Expectation(f"{text}: {len(never)} guests never came back", Verdict.failed)
    if stood_still:
        seen = f"{duration_text(longest)}, with a gap of the host's clock"
        return Expectation(f"{text}: {seen}", Verdict.unknown)
    if longest > limit_ns:
        return Expectation(f"{text}: {duration_text(longest)}", Verdict.failed)
    if not guests or any(each.came_back is None for each in guests):
        return Expectation(f"{text}: not seen to the end", Verdict.unknown)
    return Expectation(f"{text}: {duration_text(longest)}", Verdict.held)


def _count(name: str, limit: int, guests: list[GuestFacts]) -> Expectation:
    total = sum(getattr(each.ledger, name) for each in guests if each.ledger is not None)
    text = f"at most {limit} {name}: {total}"
    if total > limit:
        return Expectation(text, Verdict.failed)
    unread = sum(each.ledger is None for each in guests)
    if unread:
        return Expectation(f"{text}, {unread} guests not checked", Verdict.unknown)
    return Expectation(text, Verdict.held)
