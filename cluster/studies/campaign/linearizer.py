"""Whether operations of any kind can have happened one after the other, each within its time.

A search over what can come next, that never looks twice at the same set of operations done with the
same state. Values need not be told apart, so it can be slow where much is under way at once: it gives
up after a number of steps, and then nothing is known.
Source: J. Wing, C. Gong, "Testing and verifying concurrent objects", JPDC 17 (1993); G. Lowe, "Testing for
linearizability", CPE 29 (2017).
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

STEPS_MAX: Final = 200_000
FOREVER: Final = 1 << 62
IMPOSSIBLE: Final = object()

State = Hashable
Apply = Callable[[State], State]


@dataclass(frozen=True, slots=True)
class TimedStep:
    """An operation: from the state before to that after it, or IMPOSSIBLE; `ended` None: perhaps never."""

    apply: Apply
    began: int
    ended: int | None


def is_linearizable(steps: list[TimedStep], initial: State, steps_max: int = STEPS_MAX) -> bool | None:
    """Whether there is an order; None if that was not found out within `steps_max`."""
    ordered = sorted(steps, key=lambda each: each.began)
    ends = [FOREVER if each.ended is None else each.ended for each in ordered]
    required = sum(1 << index for index, each in enumerate(ordered) if each.ended is not None)
    seen: set[tuple[int, State]] = {(0, initial)}
    pending: list[tuple[int, int, State]] = [(0, 0, initial)]
    looked_at = 0
    while pending:
        done, first, state = pending.pop()
        if done & required == required:
            return True
        looked_at += 1
        if looked_at > steps_max:
            return None
        while done >> first & 1:
            first += 1
        for index in reversed(_candidates(ordered, ends, done, first)):
            after = ordered[index].apply(state)
            if after is not IMPOSSIBLE and (key := (done | 1 << index, after)) not in seen:
                seen.add(key)
                pending.append((key[0], first, after))
    return False


def _candidates(ordered: list[TimedStep], ends: list[int], done: int, first: int) -> list[int]:
    """Those that are not done, and began before the end of every other that is not done."""
    found, earliest = [], FOREVER
    for index in range(first, len(ordered)):
        if done >> index & 1:
            continue
        if ordered[index].began > earliest:
            break
        found.append(index)
        earliest = min(earliest, ends[index])
    return found
