"""What happened when in a run: phases, faults and their recovery, outages, what was written.

Rules: a pure function of what the run left behind. Times are on the clock of the run. What is not known is
None, and so is a part of a recovery whose end never came. How much there is of each guest is bounded. The
keys of `timeline.json` are a contract.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import TypeAdapter

from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalError
from cluster.lab.config.resolved_domains import ResolvedGuest
from cluster.lab.documents.document_kind import TIMELINE
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.verdict.journal_history import JournalHistory
from cluster.lab.verdict.run_facts import RunFacts

SCHEMA: Final = 1
OUTAGES_MAX: Final = 100
"""Of each guest: the longest ones."""
SPANS: Final = 240
CLOSE_MAX: Final = 6
CLOSE_SPANS: Final = 30
CLOSE_NS: Final = 10_000_000
"""How much is shown of the time before and after a recovery, at least."""


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """A phase; `ended_at_ns` is None for the one that a run was cut short in."""

    name: str
    began_at_ns: int
    ended_at_ns: int | None


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A fault that was done. `turn` says what happened at `restarted_at_ns`: `restarted`, or how it ended.

    The parts add up to the recovery where all are known: until the hypervisor noticed (`detect_ns`), until
    the turn (`restart_ns`), until the first guest behind it was answered (`reconnect_ns`), until all were
    (`replay_ns`).
    """

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

    @property
    def parts(self) -> dict[str, int | None]:
        """The parts of the recovery by their names, in their order."""
        return {
            "detect": self.detect_ns,
            "restart": self.restart_ns,
            "reconnect": self.reconnect_ns,
            "replay": self.replay_ns,
        }


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a guest had work for a disk and no success; `ended_at_ns` is None if it never ended."""

    disk: str
    began_at_ns: int
    ended_at_ns: int | None


@dataclass(frozen=True, slots=True)
class GuestOutages:
    """The longest outages of a guest, in the order of time; None if a journal could not be read."""

    name: str
    outages: list[Outage] | None


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of acknowledged writes to a physical disk in spans of `span_ns` from `began_at_ns` on.

    `fault`: the `id` of the fault that is looked at closely; None for the whole run.
    """

    disk: str
    fault: str | None
    began_at_ns: int
    span_ns: int
    bytes: list[int]


@dataclass(frozen=True, slots=True)
class _Disk:
    """A virtual disk, the physical one that it lies on, and its history."""

    vdev: str
    lies_on: str
    history: JournalHistory


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened when."""

    began_at_ns: int
    ended_at_ns: int
    phases: list[PhaseSpan]
    faults: list[FaultSpan]
    guests: list[GuestOutages]
    written: list[Written]

    def to_json(self) -> str:
        """The text of `timeline.json`."""
        return json.dumps({"schema": SCHEMA, **asdict(self)})

    @classmethod
    def of_json(cls, text: str) -> "Timeline":
        """What `to_json` made the text of. ValueError if it is none."""
        data = json.loads(text)
        if not TIMELINE.reads(data):
            raise ValueError(TIMELINE.refusal(data))
        return TypeAdapter(cls).validate_python(data)


def timeline_of(facts: RunFacts) -> Timeline:
    """The timeline of a run that is over, or was cut short."""
    described = {each.guest_id: each for each in facts.cluster.guests}
    disks = {each.guest_id: _disks(each, described[each.guest_id]) for each in facts.guests}
    guests = [GuestOutages(each.name, _outages(each, disks[each.guest_id])) for each in facts.guests]
    by_disk: dict[str, list[JournalHistory]] = {}
    for each in (disk for found in disks.values() for disk in found or []):
        by_disk.setdefault(each.lies_on, []).append(each.history)
    faults = [fault_span(each) for each in facts.injections]
    ends = [history.last_ns for each in by_disk.values() for history in each]
    ends += [time_ns for each in faults for time_ns in (each.injected_at_ns, each.recovered_at_ns or 0)]
    times = list(facts.phases.values())
    began_ns = times[0] if times else 0
    ended_ns = max(times) if times and not facts.cut_short else max([*times, *ends, began_ns])
    whole = (None, began_ns, max(1, -(-(ended_ns - began_ns + 1) // SPANS)), SPANS)
    return Timeline(
        began_at_ns=began_ns,
        ended_at_ns=ended_ns,
        phases=list(_phases(facts.phases)),
        faults=faults,
        guests=guests,
        written=[
            Written(disk, fault, from_ns, span_ns, _sum(found, from_ns, span_ns, count))
            for fault, from_ns, span_ns, count in (whole, *_close(faults))
            for disk, found in by_disk.items()
        ],
    )


def _phases(phases: dict[str, int]) -> Iterator[PhaseSpan]:
    ends = [*list(phases.values())[1:], None]
    for (name, began_ns), ended_ns in zip(phases.items(), ends, strict=True):
        if name != "done":
            yield PhaseSpan(name, began_ns, ended_ns)


def fault_span(done: Injection) -> FaultSpan:
    """A fault and the parts of its recovery."""
    detected_ns, restarted_ns = done.detected_at_ns, done.restarted_at_ns
    reconnected_ns, recovered_ns = done.reconnected_at_ns, done.recovered_at_ns
    return FaultSpan(
        id=done.label,
        kind=done.kind,
        target=done.address,
        injected_at_ns=done.injected_at_ns,
        detected_at_ns=detected_ns,
        restarted_at_ns=restarted_ns,
        reconnected_at_ns=reconnected_ns,
        recovered_at_ns=recovered_ns,
        turn=done.turn if restarted_ns is not None else "",
        detect_ns=_between(done.injected_at_ns, detected_ns),
        restart_ns=_between(detected_ns or done.injected_at_ns, restarted_ns),
        reconnect_ns=_between(restarted_ns, reconnected_ns),
        replay_ns=_between(reconnected_ns, recovered_ns),
    )


def _between(began_ns: int | None, ended_ns: int | None) -> int | None:
    """How long a part was; None if one of its ends is not known, or they do not lie in this order."""
    return None if began_ns is None or ended_ns is None or ended_ns < began_ns else ended_ns - began_ns


def _disks(guest: GuestRecord, described: ResolvedGuest) -> list[_Disk] | None:
    """The disks of a guest; None if a journal of it could not be read."""
    volumes = {each.virtual_device: each for each in described.volumes}
    found = []
    for journal in guest.journals:
        volume = volumes[journal.word(Word.VIRTUAL_DEVICE)]
        try:
            history = JournalHistory(journal)
        except JournalError:
            return None
        found.append(_Disk(volume.vdev, f"{described.host}/{volume.disk}", history))
    return found


def _outages(guest: GuestRecord, disks: list[_Disk] | None) -> list[Outage] | None:
    """The longest ones; who has left in order waits for nothing any more."""
    if disks is None:
        return None
    found = [
        Outage(each.vdev, wait.began_ns, wait.ended_ns)
        for each in disks
        for wait in each.history.waits()
        if wait.ended_ns is not None or not guest.has_left
    ]
    found.sort(key=_length, reverse=True)
    return sorted(found[:OUTAGES_MAX], key=lambda each: each.began_at_ns)


def _length(outage: Outage) -> float:
    return float("inf") if outage.ended_at_ns is None else outage.ended_at_ns - outage.began_at_ns


def _close(faults: Iterable[FaultSpan]) -> Iterator[tuple[str, int, int, int]]:
    """What is looked at closely: the first recoveries, each with as much before and after it."""
    shown: dict[str, tuple[int, int]] = {}
    for each in faults:
        if each.recovered_at_ns is not None and each.recovered_at_ns > each.injected_at_ns:
            shown.setdefault(each.id, (each.injected_at_ns, each.recovered_at_ns))
    for label, (began_ns, ended_ns) in list(shown.items())[:CLOSE_MAX]:
        margin_ns = max(ended_ns - began_ns, CLOSE_NS)
        span_ns = -(-margin_ns // CLOSE_SPANS)
        first_ns = max(0, began_ns - margin_ns)
        yield label, first_ns, span_ns, -(-(ended_ns + margin_ns - first_ns) // span_ns)


def _sum(histories: Iterable[JournalHistory], began_ns: int, span_ns: int, count: int) -> list[int]:
    columns = [each.written_bytes(began_ns, span_ns, count) for each in histories]
    return [sum(each) for each in zip(*columns, strict=True)]
