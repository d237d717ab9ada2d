"""A fault that somebody does to a running cluster: the words of a configuration, checked the same way.

Rules: ValueError says what was wrong and the right form; a domain may be named by its number (`host0/dom3`).
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from actors.address import domain_actor
from cluster.config.fault_kinds import FAULT_KINDS, OPTIONS, FaultKind
from cluster.config.fault_resolution import resolve_fault
from cluster.config.fault_targets import Inventory
from cluster.config.resolved import ResolvedCluster, ResolvedFault
from cluster.config.schema import FaultSchema
from cluster.config.target import Target
from cluster.experiment.board import Board


def fault_by_hand(
    cluster: ResolvedCluster, words: Mapping[str, object], boards: Mapping[str, Board]
) -> ResolvedFault:
    """The fault that these words (keys of a fault without a time) describe."""
    target = _by_name(str(words.get("target")), boards)
    given = {key: value for key, value in words.items() if value is not None} | {"target": target}
    try:
        fault = FaultSchema.model_validate(given)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(str(each) for each in detail["loc"])
        text = str(detail.get("ctx", {}).get("error", detail["msg"]))
        raise ValueError(f"{place}: {text}") from error
    kind = FAULT_KINDS[fault.kind]
    _check_options(fault, kind)
    inventory = Inventory.of(cluster)
    resolved = resolve_fault(fault, 0, inventory)
    if not resolved.targets:
        raise ValueError(f"no target {target!r} for {kind.name}; {inventory.right_target(kind, target)}")
    return resolved


def _check_options(fault: FaultSchema, kind: FaultKind) -> None:
    for option in OPTIONS:
        if getattr(fault, option) is not None and option not in kind.options:
            known = ", ".join(kind.options) or "none of its own"
            raise ValueError(f"{kind.name} has no option {option!r}; it has {known}")
    if fault.duration is not None and not kind.lasts:
        raise ValueError(f"{kind.name} has no duration; leave it out: it just happens")
    if fault.duration == 0:
        raise ValueError("a duration of nothing; more than 0ns, or leave it out")


def _by_name(target: str, boards: Mapping[str, Board]) -> str:
    """A target with the number of a domain as one with its name."""
    place = Target.parse(target)
    board = boards.get(place.host)
    if board is None or not place.actors:
        return target
    names = {domain_actor(each.domid): each.name for each in board.domains.values() if each.state != "ended"}
    return str(replace(place, actors=tuple(names.get(each, each) for each in place.actors)))
