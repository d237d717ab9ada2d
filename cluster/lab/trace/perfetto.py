"""The trace of a run for Perfetto: `trace.json`, written when the run is over.

A track for each actor with what it did; an arrow for each message; each request to a device as an
asynchronous slice of its guest, with its phases inside and arrows along its way; faults, outages, counters.
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from actors.address import Address
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.reach import behind_domain
from cluster.lab.experiment.host_board import HYPERVISOR, SUPERVISOR
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.events import DRAWN_NS, TraceEvents
from cluster.lab.trace.followers import FOLLOWERS
from cluster.lab.trace.messages import Messages
from cluster.lab.trace.outages import outages
from cluster.lab.trace.recording import Recording, Turn
from cluster.lab.trace.traced_request import TracedRequest

COUNTER_NS = 1_000_000


class TraceWriter:
    """Puts the recordings of a run together."""

    def __init__(self, supervisor: Supervisor, recordings: Sequence[Recording], events: TraceEvents) -> None:
        self._supervisor = supervisor
        self._events = events
        self._recordings = sorted(recordings, key=lambda each: _rank(each.address))
        self._turns: dict[str, list[Turn]] = defaultdict(list)
        for each in recordings:
            self._turns[each.address] += each.turns
        self._end_ns = max((turns[-1].end_ns for turns in self._turns.values() if turns), default=0)
        self._messages = list(Messages(recordings).pairs())

    def write(self) -> None:
        """Everything."""
        names = {
            str(Address.domain(each.host, domid)): each.name
            for each in self._supervisor.lab.guests.values()
            for domid in each.lives.domids
        }
        for address in dict.fromkeys(each.address for each in self._recordings):
            title = f"{address} {names[address]}" if address in names else address
            self._events.track(address, title)
        self._begins = {address: self._draw(address, turns) for address, turns in self._turns.items()}
        self._arrows()
        numbers: Counter[str] = Counter()
        requests = self._follow()
        for request in requests:
            numbers[request.category] += 1
            self._request(numbers[request.category], request)
        awaited = [each for each in requests if each.is_awaited]
        self._counters(awaited)
        self._faults(awaited)

    def _draw(self, address: str, turns: list[Turn]) -> list[int]:
        """The slices of one actor, moved where they would overlap; when they really began."""
        begins, free_ns = [], 0
        for turn in turns:
            begins.append(turn.begin_ns)
            turn.begin_ns = max(turn.begin_ns, free_ns)
            turn.end_ns = free_ns = max(turn.end_ns, turn.begin_ns + DRAWN_NS)
            self._events.slice(address, turn.what, turn.begin_ns, turn.end_ns, turn.link)
        return begins

    def _arrows(self) -> None:
        for number, each in enumerate(self._messages):
            self._events.flow("s", "message", number, each.source, each.sent.begin_ns)
            self._events.flow("f", "message", number, each.destination, each.taken.begin_ns)

    def _follow(self) -> list[TracedRequest]:
        points = [point for each in self._recordings for point in each.points]
        points.sort(key=lambda each: each.time_ns)
        return [request for follow in FOLLOWERS.values() for request in follow(self._supervisor, points)]

    def _reached(self, injection: Injection) -> list[GuestId]:
        """The guests whose outage may be that of a fault: of one in a domain, those behind that domain."""
        host = self._supervisor.lab.cluster.host(injection.host)
        guests = [each.name for each in host.guests]
        domains = ("dom0", "xenstore", *host.drivers, *guests)
        if injection.target not in domains:
            return []
        return [each.guest_id for each in behind_domain(injection.target, host)]

    def _request(self, number: int, request: TracedRequest) -> None:
        events, guest, category = self._events, request.guest, request.category
        told = {category: number, **request.told}
        events.begin(guest, category, number, request.name, request.submitted_ns, told)
        inside: list[tuple[int, str]] = []
        for hop in request.hops:
            depth, name = request.phases[hop.number]
            while inside and inside[-1][0] >= depth:
                events.end(guest, category, number, inside.pop()[1], hop.time_ns)
            if name:
                inside.append((depth, name))
                events.begin(
                    guest, category, number, name, hop.time_ns, {category: number, "at": hop.address}
                )
        over_ns = request.done_ns or self._end_ns
        for _, name in reversed(inside):
            events.end(guest, category, number, name, over_ns)
        events.end(guest, category, number, request.name, over_ns)
        self._request_arrows(number, request)

    def _request_arrows(self, number: int, request: TracedRequest) -> None:
        last = {hop.number: hop for hop in request.hops}
        steps = [last[each] for each in request.arrows if each in last]
        places = [
            (hop.address, at)
            for hop in steps
            if (at := bisect_right(self._begins[hop.address], hop.time_ns) - 1) >= 0
        ]
        places = list(dict.fromkeys(places))  # what one turn has done is one slice
        if len(places) < 2:
            return
        for index, (address, at) in enumerate(places):
            phase = "s" if index == 0 else "f" if index == len(places) - 1 else "t"
            begin_ns = self._turns[address][at].begin_ns
            self._events.flow(phase, request.category, number, address, begin_ns)

    def _counters(self, requests: Iterable[TracedRequest]) -> None:
        in_flight: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for request in requests:
            in_flight[request.guest].append((request.hops[0].time_ns, 1))
            if request.done_ns:
                in_flight[request.guest].append((request.done_ns, -1))
        outstanding: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for each in self._messages:
            outstanding[each.destination].append((each.sent.end_ns, 1))
            outstanding[each.destination].append((max(each.taken.begin_ns, each.sent.end_ns), -1))
        for name, of_what, of_actor in (
            ("requests", "in flight", in_flight),
            ("events", "outstanding", outstanding),
        ):
            for address, changes in of_actor.items():
                for time_ns, level in levels(changes):
                    self._events.counter(address, name, of_what, time_ns, level)

    def _faults(self, requests: Sequence[TracedRequest]) -> None:
        events, supervisor = self._events, self._supervisor
        for each in supervisor.injections:
            name = each.title
            told: dict[str, object] = {"fault": each.label, "target": each.address, "kind": each.kind}
            events.instant(SUPERVISOR, f"fault: {name}", each.injected_at_ns, "g", told)
            for what, at_ns in (
                ("detected", each.detected_at_ns),
                (each.turn, each.restarted_at_ns),
                ("recovered", each.recovered_at_ns),
            ):
                if what and at_ns is not None:
                    events.instant(SUPERVISOR, f"{what}: {name}", at_ns, "t", told)
            events.begin(SUPERVISOR, "fault", each.number, name, each.injected_at_ns, told)
            events.end(SUPERVISOR, "fault", each.number, name, each.recovered_at_ns or self._end_ns)
        for number, gap in enumerate(supervisor.lab.outcome.clock_gaps):
            events.begin(SUPERVISOR, "clock", number, "clock gap", gap.began_ns)
            events.end(SUPERVISOR, "clock", number, "clock gap", gap.ended_ns)
        for never in supervisor.lab.fault_run.unfired:
            why = {"fault": never.label, "why": never.why}
            events.instant(SUPERVISOR, f"never fired: {never.title}", self._end_ns, "t", why)
        guests = list(supervisor.lab.guests.values())
        for number, outage in enumerate(
            outages(supervisor.injections, guests, requests, self._end_ns, self._reached)
        ):
            told = {"guest": outage.name, "fault": outage.fault, "over": outage.gap.over}
            events.begin(outage.guest, "outage", number, "outage", outage.gap.begin_ns, told)
            events.end(outage.guest, "outage", number, "outage", outage.gap.end_ns)
        for recording in self._recordings:
            if recording.dropped:
                text = f"the recorder of {recording.address} is full: {recording.dropped} records are missing"
                events.instant(recording.address, text, recording.turns[-1].end_ns, "g")


def levels(changes: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """A level from its changes: for each millisecond in which it changed its highest, and its last."""
    changes.sort(key=lambda each: (each[0], -each[1]))
    level, bucket, first_ns, last_ns, highest = 0, -1, 0, 0, 0
    for time_ns, change in changes:
        if time_ns // COUNTER_NS != bucket:
            if bucket >= 0:
                yield first_ns, highest
                if highest != level:
                    yield last_ns, level
            bucket, first_ns, highest = time_ns // COUNTER_NS, time_ns, 0
        level += change
        last_ns = time_ns
        highest = max(highest, level)
    if bucket >= 0:
        yield first_ns, highest
        if highest != level:
            yield last_ns, level


def write_trace(path: Path, supervisor: Supervisor, driver: str, recordings: Iterable[Recording]) -> int:
    """Write the file; how many events are in it."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"traceEvents":[')
        events = TraceEvents(file.write, supervisor.phases.began_ns)
        TraceWriter(supervisor, list(recordings), events).write()
        cluster = supervisor.lab.cluster
        about = {"cluster": cluster.name, "seed": cluster.seed, "driver": driver}
        file.write(f'\n],"displayTimeUnit":"ns","otherData":{json.dumps(about)}}}\n')
    return events.count


def _rank(address: str) -> tuple[str, int, int, str]:
    """The supervisor, then host by host: hypervisor, domains by number, devices."""
    each = Address.parse(address)
    if not each.actor:
        return "", 0, 0, address
    if each.domid is not None:
        return each.host, 1, each.domid, address
    return each.host, 0 if each.actor == HYPERVISOR else 2, 0, address
