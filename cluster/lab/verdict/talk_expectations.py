"""What the author of a configuration predicted of the networks, against what came of it."""

from collections.abc import Sequence

from cluster.lab.config.quantities import duration_text
from cluster.lab.config.schema import ExpectSchema
from cluster.lab.verdict.check import Expectation, Verdict
from cluster.lab.verdict.talk_result import TalkResult


def judge_talks(
    expect: ExpectSchema, result: TalkResult | None, *, missed_faults: Sequence[str] = ()
) -> list[Expectation]:
    """Every prediction with its verdict. `missed_faults` should have come and did not."""
    limits = {
        "connections reset": expect.connections_reset,
        "misdelivered": expect.misdelivered,
        "datagrams lost": expect.datagrams_lost,
    }
    seen = _seen(result) if result is not None else {}
    found = [_most(name, limit, seen.get(name)) for name, limit in limits.items() if limit is not None]
    if expect.silence_max is not None:
        found.append(_silence(expect.silence_max, result))
    if not missed_faults:
        return found
    return [
        Expectation(f"{each.text}, but a fault never fired", Verdict.unknown)
        if each.verdict is Verdict.held
        else each
        for each in found
    ]


def _seen(result: TalkResult) -> dict[str, int]:
    return {
        "connections reset": result.connections.reset + result.connections.timed_out,
        "misdelivered": result.misdelivered,
        "datagrams lost": result.datagrams.lost,
    }


def _most(name: str, limit: int, seen: int | None) -> Expectation:
    if seen is None:
        return Expectation(f"at most {limit} {name}: not known", Verdict.unknown)
    return Expectation(f"at most {limit} {name}: {seen}", Verdict.of(seen <= limit))


def _silence(limit_ns: int, result: TalkResult | None) -> Expectation:
    text = f"silence at most {duration_text(limit_ns)}"
    if result is None:
        return Expectation(f"{text}: not known", Verdict.unknown)
    seen = duration_text(result.silence_max_ns)
    return Expectation(f"{text}: {seen}", Verdict.of(result.silence_max_ns <= limit_ns))
