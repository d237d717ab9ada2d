"""Whom a fault reaches: the guests that wait because of it, and the domains that may die of it.

Rules: what dom0, the hypervisor, the IO-APIC or the store suffers reaches every guest of the host, what a
disk suffers the guests whose volumes lie on it.
"""

from collections.abc import Mapping

from cluster.fault_kinds import FAULT_KINDS, Aim
from cluster.resolved import ResolvedHost


def affected_guests(kind: str, host: ResolvedHost, target: str) -> list[str]:
    """The guests that are not served while this fault is there; none for one that nobody notices."""
    if FAULT_KINDS[kind].silent:
        return []
    guests = [str(each["name"]) for each in host.guests]
    named = _named(kind, target)
    reached = [each for each in named if each in guests]
    if reached:
        return reached
    disks = [name for name, _, _ in host.interrupts if name in named]
    if disks:
        on_them = {each.guest: None for disk in disks for each in host.volumes_of(disk)}
        return list(on_them)
    return guests


def kills_store_domain(kind: str, host: ResolvedHost) -> bool:
    """Whether a fault of xenstored is the death of the domain that it has for itself."""
    dies = kind == "xenstored-kill" or (kind == "xenstored-live-update" and host.store_restart == "lose")
    return dies and host.xenstore == "stubdom"


def mortal_domains(kind: str, host: ResolvedHost, target: str, running: Mapping[str, int]) -> dict[str, int]:
    """The domains that may die of it, of those that run: when each was started."""
    if FAULT_KINDS[kind].aim is Aim.store:
        return {"xenstore": running["xenstore"]} if kills_store_domain(kind, host) else {}
    named = [each for each in _named(kind, target) if each in running]
    if FAULT_KINDS[kind].aim is Aim.host or {"hypervisor", "ioapic"} == {*_named(kind, target)}:
        named = list(running)
    return {name: running[name] for name in named or ["dom0"] if name in running}


def _named(kind: str, target: str) -> list[str]:
    aim = FAULT_KINDS[kind].aim
    if aim is Aim.vbd:
        return [target.partition("/")[0]]
    return target.split(":") if aim is Aim.link else [target]
