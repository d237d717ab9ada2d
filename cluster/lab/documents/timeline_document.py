"""The types of `timeline.json`, schema 1."""

from typing import Literal

from typing_extensions import TypedDict


class Phase(TypedDict):
    """A phase of a run."""

    name: str
    began_at_ns: int
    ended_at_ns: int | None


class TimelineFault(TypedDict):
    """A fault, and the parts of the recovery from it."""

    id: str
    kind: str
    target: str
    injected_at_ns: int
    detected_at_ns: int | None
    restarted_at_ns: int | None
    reconnected_at_ns: int | None
    recovered_at_ns: int | None
    turn: str
    detect_ns: int | None
    restart_ns: int | None
    reconnect_ns: int | None
    replay_ns: int | None


class Outage(TypedDict):
    """A time in which a guest had work for a disk and no success."""

    disk: str
    began_at_ns: int
    ended_at_ns: int | None


class TimelineGuest(TypedDict):
    """A guest; null if a journal could not be read."""

    name: str
    outages: list[Outage] | None


class Written(TypedDict):
    """What guests wrote to a physical disk, in spans of time."""

    disk: str
    fault: str | None
    began_at_ns: int
    span_ns: int
    bytes: list[int]


class TimelineDocument(TypedDict):
    """What happened when in a run."""

    schema: Literal[1]
    began_at_ns: int
    ended_at_ns: int
    phases: list[Phase]
    faults: list[TimelineFault]
    guests: list[TimelineGuest]
    written: list[Written]
