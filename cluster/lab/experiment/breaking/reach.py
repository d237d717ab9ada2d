"""Whom a fault reaches: the guests that wait because of it, and the domains that may die of it.

Rules: what the hypervisor, the IO-APIC or the store suffers reaches every guest of the host, what a disk or
a driver domain suffers the guests whose volumes lie there; what the network suffers, talks alone, which
`talk_paths` knows. What dom0 suffers reaches everybody but those whom driver domains alone serve. Everybody
is reached by what ends the machine, be it the death of dom0 or that of a driver which is a part of the
hypervisor.
"""

from collections.abc import Mapping, Sequence

from cluster.lab.config.fault_targets import SPARE
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import ResolvedGuest
from cluster.lab.faults.act import KillBackend, ReplaceStore, TellSwitch
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.target import Target


def affected_guests(kind: FaultKind, host: ResolvedHost, target: str) -> list[ResolvedGuest]:
    """The guests whose disks are not served while this fault is there; none for one that nobody notices."""
    if kind.silent or kind.aim is Aim.vif or isinstance(kind.act, TellSwitch):
        return []
    return _behind(_struck(kind, host, target), host, machine_ends=kind.ends_machine)


def backend_of(host: ResolvedHost, target: str) -> str:
    """Who is gone when the backend of a guest's device is: the guest with its device model, or a domain."""
    device = host.device_at(target)
    return device.guest if host.architecture.device_models else device.backend


def _struck(kind: FaultKind, host: ResolvedHost, target: str) -> tuple[str, ...]:
    """The actors of a host to whom it is done."""
    if isinstance(kind.act, KillBackend):
        return (backend_of(host, target),)
    return Target.on(host.name, target).actors


def behind_domain(name: str, host: ResolvedHost) -> list[ResolvedGuest]:
    """The guests that wait when a domain is gone by whatever cause; a guest itself if it is one."""
    return _behind([name], host, machine_ends=False)


def _behind(named: Sequence[str], host: ResolvedHost, *, machine_ends: bool) -> list[ResolvedGuest]:
    if SPARE in named:
        return []  # nobody is served by it yet
    reached = [each for each in host.guests if each.name in named]
    if reached:
        return reached
    disks = [each.name for each in host.hardware if each.name in named]
    if any(host.ends_machine(each) for each in named):
        return list(host.guests)
    for driver in host.drivers:
        disks += host.driven_by(driver) if driver in named else []
    if disks:
        on_them = {each.guest_id: each for disk in disks for each in host.guests if each.lies_on(disk)}
        return list(on_them.values())
    if "dom0" in named and not machine_ends and not host.architecture.dom0_death_ends_machine:
        return behind_dom0(host)
    return list(host.guests)


def behind_dom0(host: ResolvedHost) -> list[ResolvedGuest]:
    """The guests that are not served by driver domains alone."""
    return [
        each
        for each in host.guests
        if not each.devices or any(device.backend == "dom0" for device in each.devices)
    ]


def kills_store_domain(kind: FaultKind, host: ResolvedHost) -> bool:
    """Whether it is the death of the domain that xenstored has for itself."""
    if not isinstance(kind.act, ReplaceStore) or not host.architecture.store_has_domain:
        return False
    return not kind.act.planned or not host.architecture.keeps_updated_store


def mortal_domains(
    kind: FaultKind, host: ResolvedHost, target: str, running: Mapping[str, int]
) -> dict[str, int]:
    """The domains that may die of it, of those that run: when each was started."""
    if kind.aim is Aim.store:
        return {"xenstore": running["xenstore"]} if kills_store_domain(kind, host) else {}
    actors = _struck(kind, host, target)
    named = [each for each in actors if each in running]
    if kind.aim is Aim.host or {"hypervisor", "ioapic"} == {*actors}:
        named = list(running)
    return {name: running[name] for name in named or ["dom0"] if name in running}
