"""A fault that somebody does to a running cluster: the words of a configuration, checked the same way.

Rules: ValueError says what was wrong and the right form; a domain may be named by its number (`host0/dom3`).
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from actors.address import domain_actor
from cluster.lab.config.fault_resolution import resolve_fault
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.fault_words import wrong_words
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault
from cluster.lab.config.schema import FaultSchema
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target


def fault_by_hand(
    cluster: ResolvedCluster, words: Mapping[str, object], boards: Mapping[str, HostBoard]
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
    for _, wrong, right in wrong_words(fault, kind):
        raise ValueError(f"{wrong}; {right}")
    inventory = Inventory(cluster.hosts)
    resolved = resolve_fault(fault, 0, inventory)
    if not resolved.targets:
        raise ValueError(f"no target {target!r} for {kind.name}; {inventory.right_target(kind, target)}")
    return resolved


def _by_name(target: str, boards: Mapping[str, HostBoard]) -> str:
    """A target with the number of a domain as one with its name."""
    place = Target.parse(target)
    board = boards.get(place.host)
    if board is None or not place.actors:
        return target
    names = {domain_actor(each.domid): each.name for each in board.domains if each.state != "ended"}
    return str(replace(place, actors=tuple(names.get(each, each) for each in place.actors)))
