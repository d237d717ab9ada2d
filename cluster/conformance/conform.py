"""Replays recordings of a real Xen against our hypervisor and tells each step that differs.

A `ConformanceScript` is the pure part: steps become `Hypercall` messages, replies are compared. What
carries them is a door: here the machine itself, with every message through the codec.
Rules: each case begins on a freshly booted host, brought to the platform of the recordings by
hypercalls of dom0 (`PROLOGUE`); only the fields that a recording gives are compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import click

from actors.hypervisor.hypervisor import Hypervisor
from actors.messages import (
    CODEC,
    DomainStopped,
    Hypercall,
    HypercallReply,
    StartDomain,
    StopDomain,
    Upcall,
    UpcallTaken,
)
from actors.runtime.machine import Effect, Event, LinkClosed, LinkOpened, Received, Send
from actors.runtime.memory import SparseMemory
from cluster.conformance.recording import Case, RecordingError, Step, Values, read_recording
from cluster.conformance.recording_names import MissingResultError, Names, ret_name

__all__ = [
    "PROLOGUE",
    "CaseResult",
    "ConformanceScript",
    "RecordingError",
    "print_results",
    "replay_simulated",
]

DOMU_PAGES = 65536
DOMU_MAX_KIB = 65792 * 4
LEGACY_GSIS = range(1, 16)
BOUND_BY_DRIVERS = (1, 8, 9, 12)
NR_FRAMES = 1 << 19


def _prologue() -> Case:
    """The platform of the recordings, made by dom0: the domU running, the legacy GSIs mapped."""
    domain: Values = {"domain": "$create.domain"}
    create: Values = {
        "flags": 0,
        "max_vcpus": 1,
        "max_evtchn_port": 1023,
        "max_grant_frames": -1,
        "max_maptrack_frames": -1,
    }
    populate: Values = {"domid": "$create.domain", "nr_extents": DOMU_PAGES, "extent_order": 0}
    steps = [
        Step("create", "domctl", "createdomain", create, 0, {"domain": "$create.domain"}),
        Step("mem", "domctl", "max_mem", domain | {"max_memkb": DOMU_MAX_KIB}, 0, {}),
        Step("vcpus", "domctl", "max_vcpus", domain | {"max": 1}, 0, {}),
        Step("populate", "memory_op", "populate_physmap", populate, DOMU_PAGES, {}),
        Step("unpause", "domctl", "unpausedomain", domain, 0, {}),
    ]
    for gsi in LEGACY_GSIS:
        arguments: Values = {"domid": "SELF", "type": 1, "index": gsi, "pirq": gsi}
        steps.append(Step(f"map{gsi}", "physdev_op", "map_pirq", arguments, 0, {"pirq": gsi}))
    steps.extend(
        Step(f"bind{gsi}", "event_channel_op", "bind_pirq", {"pirq": gsi, "flags": 0}, 0, {})
        for gsi in BOUND_BY_DRIVERS
    )
    return Case("platform", "dom0", tuple(steps), "platform")


PROLOGUE = _prologue()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case went: every step that differs, one line each."""

    name: str
    place: str
    steps: int
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class ConformanceScript:
    """One case, step by step: `next_call` is to be issued by `caller`, `take` gets what came back."""

    def __init__(self, case: Case, domu: int | None = None) -> None:
        self.case = case
        self.caller = case.caller
        self.outs: dict[str, Values] = {}
        self.differences: list[str] = []
        self._names = Names(domu, self.outs)
        self._index = 0

    def next_call(self) -> Hypercall | None:
        """The next hypercall, or None at the end of the case. RecordingError if it cannot be made.

        A step that needs a result which an earlier one did not get differs, and is passed over.
        """
        while self._index < len(self.case.steps):
            step = self.case.steps[self._index]
            try:
                self._names.ret(step)
                number, command = self._names.numbers(step)
                return Hypercall(self._index + 1, number, command, self._names.arguments(step))
            except MissingResultError as missing:
                if missing.step not in {each.identifier for each in self.case.steps[: self._index]}:
                    raise RecordingError(f"{self.case.place}: step {step.identifier}: {missing}") from missing
                self._index += 1
                self._differ(step, f"not made: {missing}")
            except (KeyError, ValueError) as error:
                raise RecordingError(f"{self.case.place}: step {step.identifier}: {error}") from error
        return None

    def take(self, reply: HypercallReply | None) -> None:
        """What the hypervisor answered to the last call; None if it did not."""
        step = self.case.steps[self._index]
        self._index += 1
        if reply is None:
            self._differ(step, "no answer")
            return
        out = self._names.shown(step, reply.out or {})
        self.outs[step.identifier] = out
        wanted = self._names.ret(step)
        if reply.ret != wanted:
            self._differ(step, f"ret is {ret_name(reply.ret)}, Xen: {ret_name(wanted)}")
        for name, value in step.out.items() if reply.ret >= 0 else ():
            self._compare(step, name, value, out)

    def _compare(self, step: Step, name: str, value: object, out: Values) -> None:
        if name not in out:
            self._differ(step, f"{name} is not filled in, Xen: {value!r}")
            return
        try:
            wanted = self._names.value(value)
        except MissingResultError as missing:
            self._differ(step, f"{name}: nothing to compare with: {missing}")
            return
        if out[name] != wanted or type(out[name]) is not type(wanted):
            self._differ(step, f"{name} is {out[name]!r}, Xen: {wanted!r}")

    def _differ(self, step: Step, what: str) -> None:
        call = f"{step.hypercall}.{step.command}" if step.command else step.hypercall
        arguments = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
        self.differences.append(
            f"{self.case.place}: {self.case.name}: step {step.identifier}: {call}({arguments}): {what}"
        )

    def result(self) -> CaseResult:
        """The verdict, once `next_call` has returned None."""
        return CaseResult(self.case.name, self.case.place, len(self.case.steps), tuple(self.differences))


class Door(Protocol):
    """What carries hypercalls to a hypervisor and its answers back."""

    def call(self, domid: int, hypercall: Hypercall) -> HypercallReply | None:
        """Issue a hypercall as this domain; None if no answer came."""
        ...


@dataclass(slots=True)
class MachineDoor:
    """The hypervisor's machine alone; every message goes through the codec, both ways.

    It plays the board: domains that are to be started have a link at once, those to be stopped end.
    """

    machine: Hypervisor
    _now_ns: int = 0
    _events: list[Event] = field(default_factory=list)
    _reply: HypercallReply | None = None

    @classmethod
    def booted(cls) -> "MachineDoor":
        """A fresh host with the memory of the recordings' platform."""
        door = cls(Hypervisor({"ioapic": False, "hwdom": "reboot"}, SparseMemory(NR_FRAMES)))
        door._feed(LinkOpened("supervisor"))
        return door

    def call(self, domid: int, hypercall: Hypercall) -> HypercallReply | None:
        """Issue a hypercall as this domain; None if no answer came."""
        self._reply = None
        (message,) = CODEC.decode_frame(CODEC.encode(hypercall))
        self._feed(Received(f"dom{domid}", message))
        return self._reply

    def _feed(self, event: Event) -> None:
        self._events.append(event)
        while self._events:
            self._now_ns += 1000
            for effect in self.machine.handle(self._events.pop(0), self._now_ns):
                self._perform(effect)
            self.machine.check()

    def _perform(self, effect: Effect) -> None:
        if not isinstance(effect, Send):
            return
        (message,) = CODEC.decode_frame(CODEC.encode(effect.message))
        match message:
            case HypercallReply():
                self._reply = message
            case Upcall():
                self._events.append(Received(effect.link, UpcallTaken()))
            case StartDomain(domid=domid):
                self._events.append(LinkOpened(f"dom{domid}"))
            case StopDomain(domid=domid, incarnation=incarnation):
                self._events.append(LinkClosed(f"dom{domid}", "stopped"))
                self._events.append(Received(effect.link, DomainStopped(domid, incarnation)))


def play(script: ConformanceScript, door: Door, domu: int) -> CaseResult:
    """Run a script through a door."""
    caller = domu if script.caller == "domU" else 0
    while (hypercall := script.next_call()) is not None:
        script.take(door.call(caller, hypercall))
    return script.result()


def prepare(door: Door) -> int:
    """Bring a freshly booted host to the platform of the recordings; the domain id of the domU."""
    script = ConformanceScript(PROLOGUE)
    result = play(script, door, 0)
    if not result.passed:
        raise RecordingError("; ".join(result.differences))
    domid = script.outs["create"]["domain"]
    assert isinstance(domid, int), "the prologue has made the domU"
    return domid


def replay_simulated(path: Path, only: str = "") -> list[CaseResult]:
    """Replay the cases of a file whose names begin with `only` against the machine. RecordingError."""
    results = []
    for case in read_recording(path):
        if case.name.startswith(only):
            door = MachineDoor.booted()
            domu = prepare(door)
            results.append(play(ConformanceScript(case, domu), door, domu))
    return results


def print_results(results: Iterable[CaseResult]) -> int:
    """Print every step that differs, and a summary; 0 if all cases passed, 1 otherwise (or without any)."""
    found = list(results)
    for result in found:
        for difference in result.differences:
            click.echo(difference)
    passed = sum(result.passed for result in found)
    click.echo(f"{passed} of {len(found)} cases passed ({sum(result.steps for result in found)} steps)")
    return 0 if found and passed == len(found) else 1
