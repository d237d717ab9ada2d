"""What `domzero status` says of faults and journals, and what a refusal becomes."""

import pytest

from cluster.running.control.client import ControlReply, NotRunning
from cluster.running.top.watch_commands import _came, _journals, asked

MIB = 1 << 20


@pytest.mark.parametrize(
    ("ago_s", "recovered", "due_s", "text"),
    [
        (1.25, False, None, "1.2 s ago"),
        (0.0, False, None, "0.0 s ago"),
        (12.0, True, None, "12.0 s ago, recovered"),
        (3.0, True, 9.0, "3.0 s ago, recovered"),
        (None, False, 2.5, "in 2.5 s"),
        (None, False, 0.0, "in 0.0 s"),
        (None, False, None, "waits"),
    ],
)
def test_a_fault_has_come_or_comes_or_waits(
    ago_s: float | None, recovered: bool, due_s: float | None, text: str
) -> None:
    assert _came({"ago_s": ago_s, "recovered": recovered, "due_s": due_s}) == text


@pytest.mark.parametrize(
    ("used", "limit", "used_up", "text"),
    [
        (3 * MIB, None, False, "journals: 3.0 MiB"),
        (None, None, False, "journals: 0.0 MiB"),
        (3 * MIB, 2048 * MIB, False, "journals: 3.0 MiB of 2,048.0 MiB"),
        (
            8 * MIB,
            8 * MIB,
            True,
            "journals: 8.0 MiB of 8.0 MiB; that is used up, and the guests have stopped working",
        ),
    ],
)
def test_journals_are_shown_with_what_they_may_take(
    used: int | None, limit: int | None, used_up: bool, text: str
) -> None:
    assert _journals({"bytes": used, "budget_bytes": limit, "used_up": used_up}) == text


def test_an_answer_is_its_values_and_a_refusal_is_raised_as_it_was_said() -> None:
    assert asked(ControlReply("", {"name": "c"})) == {"name": "c"}
    with pytest.raises(NotRunning, match="the run is over"):
        asked(ControlReply("the run is over", {}))
