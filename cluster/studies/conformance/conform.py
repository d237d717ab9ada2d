"""Replays recordings of a real Xen against our hypervisor and finds what differs.

A `ConformanceScript` is the pure part: steps become `Hypercall` messages, replies are compared. What
carries them is a door: here the machine itself, with every message through the codec.
Rules: each case begins on a freshly booted host, brought to the platform of the recordings by
hypercalls of dom0 (`PROLOGUE`); only the fields that a recording gives are compared.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from actors.address import domain_actor
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
from cluster.studies.conformance.recording import Case, RecordedCall, Values
from cluster.studies.conformance.recording_names import MissingResultError, Names, ret_name

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
        RecordedCall("create", "domctl", "createdomain", create, 0, {"domain": "$create.domain"}),
        RecordedCall("mem", "domctl", "max_mem", domain | {"max_memkb": DOMU_MAX_KIB}, 0, {}),
        RecordedCall("vcpus", "domctl", "max_vcpus", domain | {"max": 1}, 0, {}),
        RecordedCall("populate", "memory_op", "populate_physmap", populate, DOMU_PAGES, {}),
        RecordedCall("unpause", "domctl", "unpausedomain", domain, 0, {}),
    ]
    for gsi in LEGACY_GSIS:
        arguments: Values = {"domid": "SELF", "type": 1, "index": gsi, "pirq": gsi}
        steps.append(RecordedCall(f"map{gsi}", "physdev_op", "map_pirq", arguments, 0, {"pirq": gsi}))
    steps.extend(
        RecordedCall(f"bind{gsi}", "event_channel_op", "bind_pirq", {"pirq": gsi, "flags": 0}, 0, {})
        for gsi in BOUND_BY_DRIVERS
    )
    return Case("platform", "dom0", tuple(steps), "platform")


PROLOGUE = _prologue()


def platform_argument(xen: str) -> dict[str, object]:
    """The argument of the hypervisor's program for the machine of the recordings."""
    return {"ioapic": False, "hwdom": "reboot", "xen": xen}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one step, or its `ret`: what Xen answered and what was answered here, as texts."""

    step: RecordedCall
    field: str
    recorded: str
    found: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case went: every field that differs, in the order of the steps."""

    case: Case
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


class ConformanceScript:
    """One case, step by step: `next_call` is to be issued by its caller, `take` gets what came back."""

    def __init__(self, case: Case, domu: int | None = None) -> None:
        self.case = case
        self.outs: dict[str, Values] = {}
        self._differences: list[Difference] = []
        self._names = Names(domu, self.outs)
        self._index = 0

    def next_call(self) -> Hypercall | None:
        """The next hypercall, or None at the end of the case.

        A step that needs a result which an earlier one did not get differs, and is passed over.
        """
        while self._index < len(self.case.steps):
            step = self.case.steps[self._index]
            number, command = self._names.numbers(step)
            try:
                return Hypercall(self._index + 1, number, command, self._names.arguments(step))
            except MissingResultError as missing:
                self._index += 1
                self._differ(step, "ret", step.ret, f"not called: {missing}")
        return None

    def take(self, reply: HypercallReply | None) -> None:
        """What the hypervisor answered to the last call; None if it did not."""
        step = self.case.steps[self._index]
        self._index += 1
        if reply is None:
            self._differ(step, "ret", step.ret, "no answer")
            return
        out = self._names.shown(step, reply.out or {})
        self.outs[step.identifier] = out
        if reply.ret != self._names.ret(step):
            self._differ(step, "ret", step.ret, ret_name(reply.ret))
        for name, value in step.out.items() if reply.ret >= 0 else ():
            if name not in step.varies:
                self._compare(step, name, value, out)

    def _compare(self, step: RecordedCall, name: str, value: object, out: Values) -> None:
        try:
            wanted = self._names.value(value)
        except MissingResultError as missing:
            self._differ(step, name, value, f"nothing to compare with: {missing}")
            return
        told = value if value == wanted else f"{shown(wanted)} ({value})"
        if name not in out:
            self._differ(step, name, told, "not filled in")
        elif out[name] != wanted or type(out[name]) is not type(wanted):
            self._differ(step, name, told, shown(out[name]))

    def _differ(self, step: RecordedCall, name: str, recorded: object, found: str) -> None:
        self._differences.append(Difference(step, name, shown(recorded), found))

    def result(self) -> CaseResult:
        """The verdict, once `next_call` has returned None."""
        return CaseResult(self.case, tuple(self._differences))


def shown(value: object) -> str:
    """A value as a recording has it; a text without its quotes."""
    return value if isinstance(value, str) else json.dumps(value, default=repr)


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
    def booted(cls, xen: str) -> "MachineDoor":
        """A fresh host of this release with the memory of the recordings' platform."""
        door = cls(Hypervisor(platform_argument(xen), SparseMemory(NR_FRAMES)))
        door._feed(LinkOpened("supervisor"))
        return door

    def call(self, domid: int, hypercall: Hypercall) -> HypercallReply | None:
        """Issue a hypercall as this domain; None if no answer came."""
        self._reply = None
        (message,) = CODEC.decode_frame(CODEC.encode(hypercall))
        self._feed(Received(domain_actor(domid), message))
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
                self._events.append(LinkOpened(domain_actor(domid)))
            case StopDomain(domid=domid, incarnation=incarnation):
                self._events.append(LinkClosed(domain_actor(domid), "stopped"))
                self._events.append(Received(effect.link, DomainStopped(domid, incarnation)))


def play(script: ConformanceScript, door: Door, domu: int) -> CaseResult:
    """Run a script through a door."""
    caller = domu if script.case.caller == "domU" else 0
    while (hypercall := script.next_call()) is not None:
        script.take(door.call(caller, hypercall))
    return script.result()


def prepare(door: Door) -> int:
    """Bring a freshly booted host to the platform of the recordings; the domain id of the domU."""
    script = ConformanceScript(PROLOGUE)
    result = play(script, door, 0)
    assert result.passed, f"the platform of the recordings: {result.differences}"
    domid = script.outs["create"]["domain"]
    assert isinstance(domid, int), "the prologue has made the domU"
    return domid


def replay_simulated(cases: Iterable[Case]) -> list[CaseResult]:
    """Replay cases against the machine, each on a host of its own."""
    results = []
    for case in cases:
        door = MachineDoor.booted(case.xen)
        domu = prepare(door)
        results.append(play(ConformanceScript(case, domu), door, domu))
    return results
