"""Chrome Trace Events, as the lines of JSON that are written."""

import json
from collections.abc import Callable

import pytest

from cluster.lab.trace.events import DRAWN_NS, TraceEvents

ORIGIN_NS = 1_000_000
A, B = "host0/dom1", "host0/sda"


class Written:
    """Events, and what has come of them."""

    def __init__(self) -> None:
        self.text = ""
        self.events = TraceEvents(self._write, ORIGIN_NS)

    def _write(self, text: str) -> None:
        self.text += text

    def rows(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(f"[{self.text}]")
        return found


ROWS: list[tuple[str, Callable[[TraceEvents], None], dict[str, object]]] = [
    (
        "a slice with its link",
        lambda events: events.slice(A, "Upcall", ORIGIN_NS + 1500, ORIGIN_NS + 4000, "xen"),
        {"ph": "X", "cat": "turn", "ts": 1.5, "dur": 2.5, "name": "Upcall", "args": {"link": "xen"}},
    ),
    (
        "a slice that takes no time is drawn all the same",
        lambda events: events.slice(A, "DeadlinePassed", ORIGIN_NS, ORIGIN_NS, ""),
        {"ph": "X", "cat": "turn", "ts": 0, "dur": DRAWN_NS / 1000, "name": "DeadlinePassed"},
    ),
    (
        "what was before the beginning",
        lambda events: events.slice(A, "boot", ORIGIN_NS - 1001, ORIGIN_NS, ""),
        {"ph": "X", "cat": "turn", "ts": -1.001, "dur": 1.001, "name": "boot"},
    ),
    (
        "the beginning of an asynchronous slice",
        lambda events: events.begin(A, "request", 7, "write", ORIGIN_NS + 1, {"sector": 8}),
        {
            "ph": "b",
            "cat": "request",
            "id2": {"local": "request-7"},
            "ts": 0.001,
            "name": "write",
            "args": {"sector": 8},
        },
    ),
    (
        "its end, which tells nothing more",
        lambda events: events.end(A, "request", 7, "write", ORIGIN_NS + 2),
        {"ph": "e", "cat": "request", "id2": {"local": "request-7"}, "ts": 0.002, "name": "write"},
    ),
    (
        "the beginning of an arrow",
        lambda events: events.flow("s", "message", 3, A, ORIGIN_NS),
        {"ph": "s", "cat": "message", "id": 3, "ts": 0, "name": "message"},
    ),
    (
        "the end of an arrow, bound to the slice that it ends in",
        lambda events: events.flow("f", "message", 3, A, ORIGIN_NS),
        {"ph": "f", "cat": "message", "id": 3, "ts": 0, "name": "message", "bp": "e"},
    ),
    (
        "a moment, with quotes in its name",
        lambda events: events.instant(A, 'a "fault"', ORIGIN_NS, "g", {"kind": "crash"}),
        {"ph": "i", "s": "g", "cat": "fault", "ts": 0, "name": 'a "fault"', "args": {"kind": "crash"}},
    ),
]


@pytest.mark.parametrize(("write", "row"), [each[1:] for each in ROWS], ids=[each[0] for each in ROWS])
def test_an_event_is_one_row_of_the_format(
    write: Callable[[TraceEvents], None], row: dict[str, object]
) -> None:
    written = Written()
    write(written.events)

    assert written.rows() == [{"pid": 1, "tid": 1} | row]


def test_a_counter_is_of_the_whole_track() -> None:
    written = Written()
    written.events.counter(A, "requests", "in flight", ORIGIN_NS, 4)

    assert written.rows() == [
        {"ph": "C", "pid": 1, "ts": 0, "name": "requests", "args": {"in flight": 4}},
    ]


def test_each_actor_has_a_track_that_keeps_its_number_and_its_place() -> None:
    written = Written()
    for address in (A, B):
        written.events.track(address, f"the track of {address}")
    written.events.slice(A, "tick", ORIGIN_NS, ORIGIN_NS, "")

    *named, last = written.rows()
    assert [(each["name"], each["pid"], each["args"]) for each in named] == [
        (what, pid, args)
        for pid, address in ((1, A), (2, B))
        for what, args in (
            ("process_name", {"name": f"the track of {address}"}),
            ("process_sort_index", {"sort_index": pid}),
            ("thread_name", {"name": f"the track of {address}"}),
        )
    ]
    assert last["pid"] == 1
    assert written.events.count == len(named) + 1
