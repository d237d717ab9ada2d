"""Whom a fault reaches: the guests that wait because of it, and the domains that may die of it.

Rules: what the hypervisor, the IO-APIC or the store suffers reaches every guest of the host, what a disk or
a driver domain suffers the guests whose volumes lie there. What dom0 suffers reaches everybody but those whom
driver domains alone serve; and them too if its death is the machine's.
"""

from collections.abc import Mapping
from typing import Final

from cluster.config.fault_kinds import FAULT_KINDS, Aim
from cluster.config.resolved import ResolvedHost
from cluster.config.resolved_domains import ResolvedGuest

MACHINE_ENDS: Final = ("hwdom-reboot",)
"""What is done to dom0 and ends the machine, whatever the policy for a crash of dom0."""


def affected_guests(kind: str, host: ResolvedHost, target: str) -> list[ResolvedGuest]:
    """The guests that are not served while this fault is there; none for one that nobody notices."""
    if FAULT_KINDS[kind].silent:
        return []
    named = _named(kind, target)
    reached = [each for each in host.guests if each.name in named]
    if reached:
        return reached
    disks = [name for name, _, _ in host.interrupts if name in named]
    for driver in host.drivers:
        disks += host.driven_by(driver) if driver in named else []
    if disks:
        on_them = {each.guest_id: each for disk in disks for each in host.guests if each.lies_on(disk)}
        return list(on_them.values())
    if "dom0" in named and kind not in MACHINE_ENDS and not host.architecture.dom0_death_ends_machine:
        return behind_dom0(host)
    return list(host.guests)


def behind_domain(name: str, host: ResolvedHost) -> list[ResolvedGuest]:
    """The guests that wait when a domain is gone by whatever cause; a guest itself if it is one."""
    return affected_guests("crash", host, name)


def behind_dom0(host: ResolvedHost) -> list[ResolvedGuest]:
    """The guests that are not served by driver domains alone."""
    return [
        each
        for each in host.guests
        if not each.volumes or any(volume.backend == "dom0" for volume in each.volumes)
    ]


def kills_store_domain(kind: str, host: ResolvedHost) -> bool:
    """Whether a fault of xenstored is the death of the domain that it has for itself."""
    updated = kind == "xenstored-live-update"
    dies = kind == "xenstored-kill" or (updated and not host.architecture.keeps_updated_store)
    return dies and host.architecture.store_has_domain


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
