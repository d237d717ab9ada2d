"""What of the network interfaces of guests takes more than one key to decide: bridges, and addresses.

Rules: nothing is changed and nothing raised; every check gives its findings.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Interface

from cluster.lab.config.errors import Finding, did_you_mean
from cluster.lab.config.guest_description import GuestDescription
from cluster.lab.config.guest_network import NetworkDescription
from cluster.lab.config.hardware import HARDWARE_KINDS, NIC
from cluster.lab.config.nic_hardware import NicSchema
from cluster.lab.config.schema import HostSchema

Guests = Mapping[str, Sequence[GuestDescription]]


def interface_findings(hosts: Iterable[HostSchema], guests: Guests) -> list[Finding]:
    """Every finding."""
    found: list[Finding] = []
    taken: dict[str, str] = {}
    for host in hosts:
        bridges = _bridges(host)
        for guest in guests[host.name]:
            for each in _networks(guest):
                found += _bridge(each, host, bridges)
                found += _addresses(each, f"{host.name}/{guest.names[0]}", len(guest.names), taken)
    return found


def _networks(guest: GuestDescription) -> Iterator[NetworkDescription]:
    return (each for each in guest.devices if isinstance(each, NetworkDescription))


def _nics(host: HostSchema) -> list[NicSchema]:
    return [each for each in host.devices(HARDWARE_KINDS[NIC]) if isinstance(each, NicSchema)]


def _bridges(host: HostSchema) -> dict[str, list[str]]:
    """The bridges of each domain that has any."""
    driven = host.driven()
    bridges: dict[str, list[str]] = {}
    for each in _nics(host):
        bridges.setdefault(driven.get(each.name, "dom0"), []).append(each.bridge)
    return bridges


def _bridge(
    network: NetworkDescription, host: HostSchema, bridges: dict[str, list[str]]
) -> Iterator[Finding]:
    """Its backend has its bridge. A backend that is not there is refused with other devices."""
    name, backend, bridge = network.identity[0], network.backend, network.settings.bridge
    if backend not in {"dom0", *(each.name for each in host.driver_domains)}:
        return
    there = bridges.get(backend, [])
    if not bridges:
        wrong, right = f"{host.name} has no nics, and so no bridge for {name}", "write nics: [{name: eth0}]"
    elif not there:
        wrong = f"{backend} drives no nic, and so has no bridge for {name}"
        right = f"backend: {' or '.join(bridges)}"
    elif bridge not in there:
        wrong, right = f"{backend} has no bridge {bridge!r} for {name}", did_you_mean(bridge, there)
    else:
        return
    yield network.finding(wrong, right)


def _addresses(
    network: NetworkDescription, whose: str, guests: int, taken: dict[str, str]
) -> Iterator[Finding]:
    """No two interfaces have one address."""
    settings, owner = network.settings, f"{whose}/{network.identity[0]}"
    ip = str(IPv4Interface(settings.ip).ip) if settings.ip else ""
    for key, address in (("mac", settings.mac), ("ip", ip)):
        if not address:
            continue
        if guests > 1:
            yield network.finding(f"{guests} guests would have the {key} {address}", f"leave {key} out")
        elif address in taken:
            yield network.finding(f"{address} is the {key} of {taken[address]} already", "another, or none")
        taken.setdefault(address, owner)
