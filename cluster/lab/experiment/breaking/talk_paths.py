"""Which talks of guests a fault of the network reaches: those whose packets go by what is broken.

Rules: a talk goes by the interfaces of both ends, by the driver domains that serve them, and, unless both are
on one bridge, by every controller that is an uplink of either: which of them has the traffic is the bridge's
matter. A talk is its client's, who knows whether it is answered. Of dom0, the hypervisor and whole machines,
`reach` says who waits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface

from actors.drivers.nics import BRIDGE
from actors.notebook.talk_header import TalkRole
from cluster.lab.config.guest_network import Network
from cluster.lab.config.hardware import NIC
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.faults.act import TellSwitch
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.target import Target


@dataclass(frozen=True, slots=True)
class _End:
    """Where one interface of a guest is."""

    host: ResolvedHost
    network: Network

    @property
    def bridge(self) -> tuple[str, str, str]:
        """The bridge that it is on."""
        return self.host.name, self.network.backend, self.network.settings.bridge

    def own(self) -> Iterator[str]:
        """The interface, and the driver domain that serves it if dom0 does not."""
        yield f"{self.host.name}/{self.network.target}"
        if self.network.backend in self.host.drivers:
            yield f"{self.host.name}/{self.network.backend}"

    def uplinks(self) -> Iterator[str]:
        """The controllers by which its bridge reaches others."""
        _, backend, bridge = self.bridge
        for each in self.host.hardware_of(NIC):
            if (each.driver, each.told[BRIDGE]) == (backend, bridge):
                yield f"{self.host.name}/{each.name}"


class TalkPaths:
    """By what the talks of all guests of a cluster go."""

    def __init__(self, hosts: Iterable[ResolvedHost]) -> None:
        self._hosts = {each.name: each for each in hosts}
        ends = [end for host in self._hosts.values() for guest in host.guests for end in _ends(host, guest)]
        served = {end.network.settings.ip.partition("/")[0]: end for end in ends if end.network.settings.ip}
        addressed = {int(IPv4Interface(ip).ip): end for ip, end in served.items()}
        self._through: dict[str, dict[tuple[GuestId, int], None]] = {}
        for host in self._hosts.values():
            for guest in host.guests:
                own = {end.network.name: end for end in _ends(host, guest)}
                for talk in guest.talks:
                    if talk.role is TalkRole.client:
                        for part in _path(own[talk.interface], addressed.get(talk.address)):
                            self._through.setdefault(part, {})[guest.guest_id, talk.number] = None

    def reached(self, kind: FaultKind, host: str, target: str) -> list[tuple[GuestId, int]]:
        """The talks that a fault of this kind reaches: the guest that asks, and the number of its talk."""
        if kind.silent:
            return []
        if isinstance(kind.act, TellSwitch):
            return self._by([f"{host}/{each.name}" for each in self._hosts[host].wired])
        place = Target.on(host, target)
        if place.device is not None:
            return self._by([str(place)])
        devices = [each for each in place.actors if self._hosts[host].device(each) is not None]
        return self._by([f"{host}/{each}" for each in devices or place.actors])

    def behind_domain(self, host: str, name: str) -> list[tuple[GuestId, int]]:
        """The talks that go by a driver domain; none if it is none."""
        return self._by([f"{host}/{name}"])

    def _by(self, parts: Iterable[str]) -> list[tuple[GuestId, int]]:
        return list({talk: None for part in parts for talk in self._through.get(part, ())})


def _ends(host: ResolvedHost, guest: ResolvedGuest) -> list[_End]:
    return [_End(host, each) for each in guest.devices if isinstance(each, Network)]


def _path(near: _End, far: _End | None) -> Iterator[str]:
    """By what a talk goes; to the outside if there is no guest at the other end."""
    yield from near.own()
    if far is None:
        yield from near.uplinks()
        return
    yield from far.own()
    if near.bridge != far.bridge:
        yield from near.uplinks()
        yield from far.uplinks()
