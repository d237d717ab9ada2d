"""What a person is told of a run."""

import io

from rich.console import Console

from cluster.lab.verdict.summary import _guests
from tests.cluster.lab.verdict.judged_run import Load, Run, predicting


def test_a_person_is_told_the_policy_the_fault_the_guests_and_the_verdict(load: Load) -> None:
    run = predicting(load, "{survivors: all, lost: 0}")
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    text = out.getvalue()
    for expected in (
        "host0 restartable-dom0 (hwdom restart, xenstore dom0, reconnect renegotiate, frontends reconnect): ",
        "crash",
        "host0/dom0",
        "500 ns",
        "web-1",
        "at most 0 lost: 0",
        "verdict: held (seed 1, simulated driver)",
    ):
        assert expected in text


def test_the_summary_names_a_guest_that_never_came_back(run: Run) -> None:
    run.journal("web-1").record_read(5000)
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    assert "never came back" in out.getvalue()
    assert "silence" not in out.getvalue(), "nobody talks"


def talking(name: str, silence_ns: int | None, **counts: int) -> dict[str, object]:
    nothing = dict.fromkeys(("opened", "lived", "reset", "timed_out"), 0)
    return {
        "name": name, "survived": True, "boots": 1, "came_back": True,
        "outage_ns": {"max": 1, "p99": 1}, "requests": {"completed": 0, "errors": 0},
        "writes": dict.fromkeys(("acknowledged", "stable", "lost", "stale", "torn", "misdirected"), 0),
        "connections": nothing | counts, "silence_max_ns": silence_ns,
    }  # fmt: skip


def test_what_became_of_the_connections_of_a_guest_that_talks() -> None:
    rows = [talking("web-0", 1_200_000_000, opened=1700, lived=1690, reset=4, timed_out=3)]
    rows.append(talking("mute", None))
    out = io.StringIO()
    _guests(rows).print(Console(file=out, width=300, color_system=None))

    head, web, mute = (each.split() for each in out.getvalue().splitlines())
    assert head[-4:] == ["connections", "lived", "reset", "silence"]
    assert web[-5:] == ["1,700", "1,690", "7", "1.2", "s"]
    assert mute[-4:] == ["-"] * 4
