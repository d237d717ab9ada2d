"""From a fault as the configuration writes it to one with everything decided.

Rules: a pure function; patterns become the targets that match, in the order of the configuration.
"""

from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.resolved import ResolvedFault, Trigger
from cluster.lab.config.schema import FaultWords, WhenSchema
from cluster.lab.faults.kinds import FAULT_KINDS


def resolve_fault(fault: FaultWords, number: int, inventory: Inventory) -> ResolvedFault:
    """Fault `number` of a configuration, which has been checked; 0 for one that is done by hand."""
    kind = FAULT_KINDS[fault.kind]
    patterns = [fault.target] if isinstance(fault.target, str) else fault.target
    targets = dict.fromkeys(each for pattern in patterns for each in inventory.match(kind.aim, pattern))
    select, select_count = _selection(fault.select)
    return ResolvedFault(
        kind=fault.kind,
        targets=tuple(targets),
        at_ns=fault.at,
        every_ns=fault.every or 0,
        count=fault.count or 1,
        number=number,
        trigger=_trigger(fault.when) if fault.when is not None else None,
        after_ns=fault.after or 0,
        select=select,
        select_count=select_count,
        duration_ns=kind.duration_ns if fault.duration is None else fault.duration,
        probability=float(fault.probability),
        seed=fault.seed,
        optional=fault.optional,
        options={each.wire_name: each.resolved(fault.option(each.name)) for each in kind.options},
    )


def _selection(select: str | dict[str, int]) -> tuple[str, int]:
    if isinstance(select, str):
        return select, 0
    ((how, count),) = select.items()
    return how, count


def _trigger(when: WhenSchema) -> Trigger:
    since_boot = when.since == "boot"
    if when.vbd is not None:
        return Trigger(when.end, when.vbd, when.state, when.nth, since_boot)
    if when.domain is not None:
        return Trigger("domain", when.domain, when.state, when.nth, since_boot)
    return Trigger("fault", str(when.fault), when.state, when.nth, since_boot)
