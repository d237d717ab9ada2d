"""What is wrong with the faults of a configuration, beyond the type of each key.

Rules: nothing is changed and nothing raised; every check adds its findings.
"""

from typing import Final

from actors.abi.interface import XenbusState
from cluster.lab.config.errors import Finding, did_you_mean
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.fault_words import wrong_words
from cluster.lab.config.quantities import duration_text
from cluster.lab.config.schema import ClusterSchema, FaultWords, WhenSchema
from cluster.lab.config.yaml_source import Where, YamlSource
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target

SHOWN_MAX: Final = 200
DOMAIN_STATES: Final = ("started", "shutdown", "dying", "destroyed", "ended")
FAULT_STATES: Final = ("injected", "detected", "recovered")
VBD_STATES: Final = tuple(each.name for each in XenbusState if each is not XenbusState.Unknown)
_NEEDS_A_PROCESS_OF_ITS_OWN: Final = (Aim.domain, Aim.dom0)


class FaultChecks:
    """All checks of the faults of one file; `inventory` is what there is on its hosts."""

    def __init__(self, source: YamlSource, cluster: ClusterSchema, inventory: Inventory) -> None:
        self._source = source
        self._cluster = cluster
        self._inventory = inventory
        self.findings: list[Finding] = []

    def run(self) -> list[Finding]:
        """Every finding."""
        for index, fault in enumerate(self._cluster.faults):
            where = ("faults", index)
            kind = FAULT_KINDS[fault.kind]
            for key, wrong, right in wrong_words(fault, kind):
                self._refuse((*where, key), wrong, right)
            self._targets(fault, kind, where)
            self._time(fault, where)
            if fault.when is not None:
                self._trigger(fault.when, index, (*where, "when"))
        return self.findings

    def _targets(self, fault: FaultWords, kind: FaultKind, where: Where) -> None:
        named = [fault.target] if isinstance(fault.target, str) else fault.target
        if not named:
            self._refuse((*where, "target"), "no target is named", f"write {kind.aim.value}")
        found: dict[str, None] = {}
        for index, pattern in enumerate(named):
            place = (*where, "target") if isinstance(fault.target, str) else (*where, "target", index)
            matched = self._inventory.match(kind.aim, pattern)
            if not matched:
                right = self._inventory.right_target(kind, pattern)
                self._refuse(place, f"no target {pattern!r} for {kind.name}", right)
            for target in matched:
                self._alone(target, kind, place)
            found |= dict.fromkeys(matched)
        if isinstance(fault.select, dict):
            ((how, count),) = fault.select.items()
            if found and count > len(found):
                right = f"at most {len(found)}"
                self._refuse((*where, "select"), f"{how}: {count} of {len(found)} targets", right)

    def _alone(self, target: str, kind: FaultKind, where: Where) -> None:
        place = Target.parse(target)
        host, name = next(each for each in self._cluster.hosts if each.name == place.host), place.name
        mates = [each for group in host.pack if name in group for each in group if each != name]
        if mates and kind.aim in _NEEDS_A_PROCESS_OF_ITS_OWN:
            wrong = f"{target} shares its process with {', '.join(mates)}"
            self._refuse(where, wrong, "take it out of pack, so that it can die alone")

    def _time(self, fault: FaultWords, where: Where) -> None:
        if (fault.at is None) == (fault.when is None):
            wrong = "neither at nor when" if fault.at is None else "both at and when"
            self._refuse(where, wrong, "a fault has one of them: at: 2s")
            return
        if fault.after is not None and fault.when is None:
            self._refuse((*where, "after"), "after without when", "with at, the time says it all")
        if fault.at is None:
            if fault.every is not None:
                right = "count: 3 alone takes the first three times that the trigger fires"
                self._refuse((*where, "every"), "every without at", right)
            return
        if (fault.every is None) != (fault.count is None):
            wrong = "every without count" if fault.count is None else "count without every"
            self._refuse(where, wrong, "a repeated fault has both: every: 200ms, count: 50")
        last = fault.at + (fault.every or 0) * ((fault.count or 1) - 1)
        if last >= self._cluster.run.duration:
            wrong = f"the last one is due after {duration_text(last)}, when the run is over"
            right = f"run: {{duration: ..}} of more than {duration_text(last)}"
            self._refuse((*where, "at"), wrong, right)

    def _trigger(self, when: WhenSchema, index: int, where: Where) -> None:
        given = [key for key in ("vbd", "domain", "fault") if getattr(when, key) is not None]
        if len(given) != 1:
            wrong = f"both {given[0]} and {given[1]}" if given else "a trigger on nothing"
            self._refuse(where, wrong, "one of vbd, domain and fault, and a state")
            return
        states = {"vbd": VBD_STATES, "domain": DOMAIN_STATES, "fault": FAULT_STATES}[given[0]]
        if when.state not in states:
            right = did_you_mean(when.state, list(states))
            self._refuse((*where, "state"), f"a {given[0]} is never {when.state!r}", right)
        if when.fault is not None:
            faults = len(self._cluster.faults)
            if when.fault > faults or when.fault == index + 1:
                wrong = f"fault {when.fault} of {faults}" if when.fault > faults else "it waits for itself"
                self._refuse((*where, "fault"), wrong, "the place of another fault in this list, from 1")
            return
        aim = Aim.vbd if when.vbd is not None else Aim.domain
        target = when.vbd or when.domain or ""
        known = self._inventory.targets(aim)
        if target not in known:
            self._refuse(
                (*where, given[0]), f"no {given[0]} {target!r}", did_you_mean(target, known[:SHOWN_MAX])
            )

    def _refuse(self, where: Where, wrong: str, right: str) -> None:
        self.findings.append(self._source.finding(where, wrong, right))
