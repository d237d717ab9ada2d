"""The pictures of a run: its course, what was written, every recovery closely and by its parts.

Rules: times are relative, in a unit that fits. Of very many guests or faults those are drawn that waited
longest, or came first; how many there are is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cluster.lab.config.quantities import DURATION_UNITS, duration_text
from cluster.lab.page.plot import LEFT, RIGHT, WIDTH, Box, Curve, Key, Plot, Rule, apart, bar, stairs
from cluster.lab.page.scale import Linear, Tick, time_unit
from cluster.lab.verdict.timeline import FaultSpan, GuestOutages, Outage, Timeline, Written

GUESTS_MAX: Final = 40
CLOSE_GUESTS_MAX: Final = 12
RECOVERIES_MAX: Final = 30
CURVES: Final = 4
WORTH: Final = 10
"""The longest outage is at most so many times as long as one that is shown beside it."""
ROW, TOP, FOOT = 24, 26, 44
CURVE_HEIGHT: Final = 150
PARTS: Final = (
    Key("detect", "detect: until the hypervisor noticed"),
    Key("restart", "restart: until the target ran again, or the fault was taken away"),
    Key("reconnect", "reconnect: until the first guest behind it was answered"),
    Key("replay", "replay: until all of them were"),
)
OUTAGE: Final = Key("outage", "a guest has work and no success")
FAULT: Final = Key("fault", "a fault, until all guests behind it were answered again")


def run_plots(timeline: Timeline) -> list[Plot]:
    """All pictures of a run; those of which there is nothing to be shown are left out."""
    if timeline.ended_at_ns <= timeline.began_at_ns:
        return []
    found = [_course(timeline)]
    whole = [each for each in timeline.written if each.fault is None]
    if whole:
        found.append(_written(timeline, whole))
    if any(each.recovered_at_ns is not None for each in timeline.faults):
        found.append(_recoveries(timeline.faults))
    close: dict[str, list[Written]] = {}
    for each in timeline.written:
        if each.fault is not None:
            close.setdefault(each.fault, []).append(each)
    for place, (label, written) in enumerate(close.items()):
        fault = next(
            each for each in timeline.faults if each.id == label and each.recovered_at_ns is not None
        )
        found.append(_close(place, timeline, fault, written))
    return found


def _across(first: float, last: float) -> Linear:
    return Linear(first, last, LEFT, WIDTH - RIGHT)


def _time_axis(across: Linear) -> tuple[list[Tick], str]:
    unit = time_unit(across.last - across.first)
    return across.ticks(8, DURATION_UNITS[unit]), unit


def _course(timeline: Timeline) -> Plot:
    zero = timeline.began_at_ns
    across = _across(0, timeline.ended_at_ns - zero)
    ticks, unit = _time_axis(across)
    guests, more = _longest(timeline.guests, GUESTS_MAX)
    lengths = [_length_ns(each, timeline) for guest in guests for each in guest.outages or []]
    worth_ns = max(lengths, default=0) // WORTH
    boxes = []
    for number, phase in enumerate(timeline.phases):
        ended_ns = phase.ended_at_ns or timeline.ended_at_ns
        began, ended = across.place(phase.began_at_ns - zero), across.place(ended_ns - zero)
        told = f"{phase.name}: {duration_text(ended_ns - phase.began_at_ns)}"
        boxes.append(bar(f"phase-{number % 2}", (began, ended), TOP + 4, told, phase.name))
    for each in timeline.faults:
        began = across.clipped(each.injected_at_ns - zero)
        ended = across.clipped((each.recovered_at_ns or each.injected_at_ns) - zero)
        boxes.append(bar("fault", (began, ended), TOP + ROW + 4, _fault_text(each)))
    for row, guest in enumerate(guests, 2):
        seen = [each for each in guest.outages or [] if _length_ns(each, timeline) >= worth_ns]
        boxes += _outages(
            GuestOutages(guest.name, seen), across, zero, timeline.ended_at_ns, TOP + ROW * row + 4
        )
    names = ["phases", "faults", *(each.name for each in guests)]
    bottom = TOP + ROW * len(names) + 4
    hidden = f" Of {len(timeline.guests)} guests those {len(guests)} with the longest outage." if more else ""
    return Plot(
        name="course",
        title="The course of the run",
        text="Phases, faults, and when each guest had work and no success (of these times those that lasted "
        f"a tenth of the longest, or more).{hidden}",
        height=bottom + FOOT,
        top=TOP,
        bottom=bottom,
        across=ticks,
        across_title=f"{unit} since the power came on",
        rows=_row_names(names),
        boxes=boxes,
        rules=_fault_rules(timeline.faults, across, zero),
        keys=(FAULT, OUTAGE),
    )


def _written(timeline: Timeline, disks: Sequence[Written]) -> Plot:
    zero = timeline.began_at_ns
    across = _across(0, timeline.ended_at_ns - zero)
    ticks, unit = _time_axis(across)
    bottom = TOP + CURVE_HEIGHT
    curves, up, more = _curves(disks, across, zero, TOP, bottom)
    return Plot(
        name="written",
        title="Disk throughput",
        text=f"Bytes of acknowledged writes a second, by physical disk, and the faults.{more}",
        height=bottom + FOOT,
        top=TOP,
        bottom=bottom,
        across=ticks,
        across_title=f"{unit} since the power came on",
        up=up,
        up_title="MiB/s",
        rules=_fault_rules(timeline.faults, across, zero),
        curves=curves,
        keys=_disk_keys(disks),
    )


def _recoveries(faults: Iterable[FaultSpan]) -> Plot:
    recovered = [each for each in faults if each.recovered_at_ns is not None]
    shown = recovered[:RECOVERIES_MAX]
    across = Linear.up_to([_recovery_ns(each) for each in shown], LEFT, WIDTH - RIGHT)
    ticks, unit = _time_axis(across)
    boxes = [box for row, each in enumerate(shown) for box in _parts(each, across, TOP + ROW * row + 4)]
    bottom = TOP + ROW * len(shown) + 4
    hidden = f" The first {len(shown)} of {len(recovered)}." if len(recovered) > len(shown) else ""
    return Plot(
        name="recoveries",
        title="Recoveries by their parts",
        text=f"How long each part of the recovery from each fault was, where it is known.{hidden}",
        height=bottom + FOOT,
        top=TOP,
        bottom=bottom,
        across=ticks,
        across_title=f"{unit} since the fault",
        rows=_row_names([f"{each.id} {each.kind}" for each in shown]),
        boxes=boxes,
        keys=PARTS,
    )


def _close(place: int, timeline: Timeline, fault: FaultSpan, written: Sequence[Written]) -> Plot:
    zero = fault.injected_at_ns
    first = written[0]
    across = _across(first.began_at_ns - zero, first.began_at_ns + first.span_ns * len(first.bytes) - zero)
    ticks, unit = _time_axis(across)
    seen = [_within(each, across, zero) for each in timeline.guests]
    guests, more = _longest([each for each in seen if each.outages], CLOSE_GUESTS_MAX)
    boxes = _parts(fault, across, TOP + 4)
    for row, guest in enumerate(guests, 1):
        boxes += _outages(guest, across, zero, timeline.ended_at_ns, TOP + ROW * row + 4)
    names = ["recovery", *(each.name for each in guests)]
    middle = TOP + ROW * len(names) + 12
    bottom = middle + CURVE_HEIGHT
    curves, up, more_disks = _curves(written, across, zero, middle, bottom)
    hidden = f" {more} more guests waited less." if more else ""
    return Plot(
        name=f"close-{place}",
        title=f"Around fault {fault.id}: {fault.kind} of {fault.target}",
        text=f"The parts of the recovery, who waited meanwhile, and what was written.{hidden}{more_disks}",
        height=bottom + FOOT,
        top=TOP,
        bottom=bottom,
        across=ticks,
        across_title=f"{unit} since the fault",
        up=up,
        up_title="MiB/s",
        rows=_row_names(names),
        boxes=boxes,
        rules=[Rule("fault", across.place(0), fault.id)],
        curves=curves,
        keys=(*PARTS, OUTAGE, *_disk_keys(written)),
    )


def _parts(fault: FaultSpan, across: Linear, y: float) -> list[Box]:
    """The parts as bars, one after the other; one bar for all if some part is not known."""
    known = {kind: length for kind, length in fault.parts.items() if length is not None}
    if sum(known.values()) != _recovery_ns(fault):
        known = {"fault": _recovery_ns(fault)}
    boxes, began_ns = [], 0
    for kind, length in known.items():
        told = f"{kind}: {duration_text(length)}"
        ended_ns = began_ns + length
        boxes.append(bar(kind, (across.clipped(began_ns), across.clipped(ended_ns)), y, told, kind))
        began_ns = ended_ns
    return boxes


def _recovery_ns(fault: FaultSpan) -> int:
    return (fault.recovered_at_ns or fault.injected_at_ns) - fault.injected_at_ns


def _fault_text(fault: FaultSpan) -> str:
    became = (
        "never recovered"
        if fault.recovered_at_ns is None
        else f"recovered after {duration_text(_recovery_ns(fault))}"
    )
    return f"{fault.id} {fault.kind} of {fault.target}: {became}"


def _fault_rules(faults: Iterable[FaultSpan], across: Linear, zero: int) -> list[Rule]:
    return apart([Rule("fault", across.clipped(each.injected_at_ns - zero), each.id) for each in faults])


def _outages(guest: GuestOutages, across: Linear, zero: int, end_ns: int, y: float) -> Iterator[Box]:
    for each in guest.outages or []:
        ended_ns = end_ns if each.ended_at_ns is None else each.ended_at_ns
        length = "never over" if each.ended_at_ns is None else duration_text(ended_ns - each.began_at_ns)
        began, ended = across.clipped(each.began_at_ns - zero), across.clipped(ended_ns - zero)
        yield bar("outage", (began, ended), y, f"{guest.name} {each.disk}: {length}")


def _within(guest: GuestOutages, across: Linear, zero: int) -> GuestOutages:
    """A guest with those of its outages that are on the axis."""
    seen = [
        each
        for each in guest.outages or []
        if each.began_at_ns - zero < across.last and (_ended(each) - zero) > across.first
    ]
    return GuestOutages(guest.name, seen)


def _length_ns(outage: Outage, timeline: Timeline) -> int:
    ended_ns = timeline.ended_at_ns if outage.ended_at_ns is None else outage.ended_at_ns
    return ended_ns - outage.began_at_ns


def _ended(outage: Outage) -> float:
    return float("inf") if outage.ended_at_ns is None else outage.ended_at_ns


def _longest(guests: Sequence[GuestOutages], most: int) -> tuple[list[GuestOutages], int]:
    """Those that waited longest, in their order, and how many more there are."""
    by_length = sorted(
        range(len(guests)),
        key=lambda place: max((_ended(o) - o.began_at_ns for o in guests[place].outages or []), default=0),
        reverse=True,
    )
    shown = sorted(by_length[:most])
    return [guests[place] for place in shown], len(guests) - len(shown)


def _curves(
    disks: Sequence[Written], across: Linear, zero: int, top: float, bottom: float
) -> tuple[list[Curve], list[Tick], str]:
    """The curves, the ticks of their axis, and what is left out."""
    shown = disks[:CURVES]
    rates = [[size * 1e9 / each.span_ns / (1 << 20) for size in each.bytes] for each in shown]
    up = Linear.up_to([rate for each in rates for rate in each], bottom, top)
    curves = []
    for number, (each, found) in enumerate(zip(shown, rates, strict=True)):
        edges = [each.began_at_ns - zero + each.span_ns * place for place in range(len(each.bytes) + 1)]
        places = [across.clipped(edge) for edge in edges]
        curves.append(Curve(f"curve-{number}", stairs([up.place(rate) for rate in found], places)))
    more = f" {len(disks) - len(shown)} more disks are in timeline.json." if len(disks) > len(shown) else ""
    return curves, up.ticks(4), more


def _disk_keys(disks: Sequence[Written]) -> tuple[Key, ...]:
    return tuple(Key(f"curve-{number}", each.disk) for number, each in enumerate(disks[:CURVES]))


def _row_names(names: Iterable[str]) -> list[Tick]:
    return [Tick(TOP + ROW * row + 16, name) for row, name in enumerate(names)]
