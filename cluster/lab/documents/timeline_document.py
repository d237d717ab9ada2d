"""The types of `timeline.json`, schema 1."""

from typing import Literal

from pydantic import with_config
from typing_extensions import TypedDict

from cluster.lab.documents.described import DESCRIBED


@with_config(DESCRIBED)
class Phase(TypedDict):
    """A phase of a run."""

    name: str
    """`boot`, `workload`, `settle`, `stop`, `shutdown`, `account`, `off`"""
    began_at_ns: int
    """when it began"""
    ended_at_ns: int | None
    """when the next one began; null if the run was cut short in it"""


@with_config(DESCRIBED)
class TimelineFault(TypedDict):
    """A fault, and the parts of the recovery from it."""

    id: str
    """as in `run.json`, and so are `kind` and `target`; those that never fired are not here"""
    kind: str
    target: str
    injected_at_ns: int
    """when it was done"""
    detected_at_ns: int | None
    """when the hypervisor noticed the end of a domain; null if there was none"""
    restarted_at_ns: int | None
    """when the target ran again, or the fault was taken away; null if that never was"""
    reconnected_at_ns: int | None
    """when the first of the guests behind it was answered again, as far as somebody looked (every 5 ms or
    so); null if nobody waited"""
    recovered_at_ns: int | None
    """when all of them had been"""
    turn: str
    """what happened at `restarted_at_ns`, for people"""
    detect_ns: int | None
    """a part of the recovery: until `detected_at_ns`; parts of which an end is not known are null"""
    restart_ns: int | None
    """the next part: until `restarted_at_ns`"""
    reconnect_ns: int | None
    """the next part: until `reconnected_at_ns`"""
    replay_ns: int | None
    """the last part: until `recovered_at_ns`"""


@with_config(DESCRIBED)
class Outage(TypedDict):
    """A time in which a guest had work for a disk and no success."""

    disk: str
    """the virtual disk; `outages` is null if a journal could not be read"""
    began_at_ns: int
    """since when there was work for the disk and no success; the 100 longest times of 1 ms or more, in
    order"""
    ended_at_ns: int | None
    """when there was success; null if that never came"""


@with_config(DESCRIBED)
class TimelineGuest(TypedDict):
    """A guest; null if a journal could not be read."""

    name: str
    """as in the configuration"""
    outages: list[Outage] | None


@with_config(DESCRIBED)
class Written(TypedDict):
    """What guests wrote to a physical disk, in spans of time."""

    disk: str
    """a physical disk: `HOST/NAME`"""
    fault: str | None
    """null for the whole run; else the `id` of a fault (the first six that were recovered from), for a close
    look"""
    began_at_ns: int
    """when the first span begins"""
    span_ns: int
    """how long each is"""
    bytes: list[int]
    """what guests wrote there, in each span, by the time at which it was acknowledged"""


@with_config(DESCRIBED)
class TimelineDocument(TypedDict):
    """What happened when in a run."""

    schema: Literal[1]
    """1"""
    began_at_ns: int
    """when the power came on"""
    ended_at_ns: int
    """when all was over; the last that is known if the run was cut short"""
    phases: list[Phase]
    faults: list[TimelineFault]
    guests: list[TimelineGuest]
    written: list[Written]
