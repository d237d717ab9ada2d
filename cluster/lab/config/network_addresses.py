"""The addresses of interfaces to which the file gives none: each is given once in the whole cluster.

A MAC address follows from the names of host, guest and interface (and is the next one if that is taken), in
Xen's own range; addresses of IP are counted, in one network for all.
Rules: what is written stays as it is. A file always gives the same addresses.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Final

from cluster.lab.config.guest_network import Network
from cluster.lab.config.resolved import ResolvedHost

XEN_PREFIX: Final = bytes.fromhex("00163e")
NETWORK: Final = IPv4Network("10.0.0.0/16")
FIRST: Final = int(NETWORK.network_address) + 2
"""The first one of a network is a gateway's by custom."""


class _Addresses:
    """What is taken."""

    def __init__(self, networks: Iterable[Network]) -> None:
        written = [each.settings for each in networks]
        self._macs = {each.mac for each in written if each.mac}
        self._ips = {IPv4Interface(each.ip).ip for each in written if each.ip}
        self._ips |= {IPv4Address(each.gateway) for each in written if each.gateway}
        self._next_ip = FIRST

    def complete(self, host: str, network: Network) -> Network:
        """The interface with what it lacks."""
        settings = network.settings
        mac = settings.mac or self._mac(f"{host}/{network.target}")
        return network.addressed(mac, settings.ip or self._ip())

    def _mac(self, address: str) -> str:
        number = int.from_bytes(sha256(address.encode()).digest()[:3])
        while True:
            mac = (XEN_PREFIX + number.to_bytes(3)).hex(":")
            if mac not in self._macs:
                self._macs.add(mac)
                return mac
            number = (number + 1) & 0xFFFFFF

    def _ip(self) -> str:
        while IPv4Address(self._next_ip) in self._ips:
            self._next_ip += 1
        found = IPv4Address(self._next_ip)
        self._next_ip += 1
        return f"{found}/{NETWORK.prefixlen}"


def with_addresses(hosts: tuple[ResolvedHost, ...]) -> tuple[ResolvedHost, ...]:
    """The same hosts, and every interface of their guests has its addresses."""
    networks = [
        device for host in hosts for guest in host.guests for device in guest.devices
        if isinstance(device, Network)
    ]  # fmt: skip
    if not networks:
        return hosts
    addresses = _Addresses(networks)
    return tuple(
        replace(
            host,
            guests=tuple(
                replace(
                    guest,
                    devices=tuple(
                        addresses.complete(host.name, each) if isinstance(each, Network) else each
                        for each in guest.devices
                    ),
                )
                for guest in host.guests
            ),
        )
        for host in hosts
    )
