"""Whom a fault reaches: the guests that wait because of it, and the domains that may die of it.

Rules: what the hypervisor, the IO-APIC or the store suffers reaches every guest of the host, what a disk or
a driver domain suffers the guests whose volumes lie there. What dom0 suffers reaches everybody but those whom
driver domains alone serve; and them too if its death is the machine's.
"""

from collections.abc import Mapping
from typing import Final

from cluster.config.fault_kinds import FAULT_KINDS, Aim
from cluster.config.resolved import ResolvedHost
from cluster.config.target import Target

MACHINE_ENDS: Final = ("hwdom-reboot",)
"""What is done to dom0 and ends the machine, whatever the policy for a crash of dom0."""


def affected_guests(kind: str, host: ResolvedHost, target: str) -> list[str]:
    """The guests that are not served while this fault is there; none for one that nobody notices."""
    if FAULT_KINDS[kind].silent:
        return []
    guests = [str(each["name"]) for each in host.guests]
    named = Target.on(host.name, target).actors
    reached = [each for each in named if each in guests]
    if reached:
        return reached
    disks = [each.name for each in host.hardware if each.name in named]
    for driver in host.drivers:
        disks += host.driven_by(driver) if driver in named else []
    if disks:
        on_them = {each.guest: None for disk in disks for each in host.volumes_of(disk)}
        return list(on_them)
    if "dom0" in named and kind not in MACHINE_ENDS and host.hwdom == "restart":
        return behind_dom0(host)
    return guests


def behind_domain(name: str, host: ResolvedHost) -> list[str]:
    """The guests that wait when a domain is gone by whatever cause; a guest itself if it is one."""
    return affected_guests("crash", host, name)


def behind_dom0(host: ResolvedHost) -> list[str]:
    """The guests that are not served by driver domains alone."""
    disks: dict[str, list[str]] = {str(each["name"]): [] for each in host.guests}
    for volume in host.volumes:
        disks[volume.guest].append(volume.backend)
    return [guest for guest, backends in disks.items() if not backends or "dom0" in backends]


def kills_store_domain(kind: str, host: ResolvedHost) -> bool:
    """Whether a fault of xenstored is the death of the domain that it has for itself."""
    dies = kind == "xenstored-kill" or (kind == "xenstored-live-update" and host.store_restart == "lose")
    return dies and host.xenstore == "stubdom"


def mortal_domains(kind: str, host: ResolvedHost, target: str, running: Mapping[str, int]) -> dict[str, int]:
    """The domains that may die of it, of those that run: when each was started."""
    if FAULT_KINDS[kind].aim is Aim.store:
        return {"xenstore": running["xenstore"]} if kills_store_domain(kind, host) else {}
    actors = Target.on(host.name, target).actors
    named = [each for each in actors if each in running]
    if FAULT_KINDS[kind].aim is Aim.host or {"hypervisor", "ioapic"} == {*actors}:
        named = list(running)
    return {name: running[name] for name in named or ["dom0"] if name in running}
