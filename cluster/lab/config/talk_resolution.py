"""From the talks of a file to those that guests are told of: who is meant gets an address and a number.

Rules: a function of the hosts as they are resolved; every refusal has its line. A guest is meant by
`host0/db-0`, or by `db-0` on the same host, or by an address; any other address is the outside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv4Interface

from actors.domu.talk.talk_spec import TalkSpec
from actors.inet.address import is_host
from actors.notebook.talk_header import TalkKind, TalkRole
from cluster.lab.config.errors import Finding, did_you_mean
from cluster.lab.config.guest_description import GuestDescription
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import ResolvedGuest
from cluster.lab.config.talk_schema import PORTS, TalkSchema
from cluster.lab.config.yaml_source import Where, YamlSource

_STREAM_BLOCK = 1 << 16
_RETRY_NS = 1_000_000_000


@dataclass(slots=True)
class TalkResolution:
    """Gives the guests of all hosts their talks, and gathers what is wrong with them."""

    source: YamlSource
    hosts: Sequence[ResolvedHost]
    guests: dict[str, list[GuestDescription]]
    findings: list[Finding] = field(default_factory=list)

    def resolve(self) -> tuple[ResolvedHost, ...]:
        """The hosts, with talks."""
        return tuple(
            replace(
                host, guests=tuple(self._guest(host, guest, told) for guest, told in self._described(host))
            )
            for host in self.hosts
        )

    def _described(self, host: ResolvedHost) -> Iterator[tuple[ResolvedGuest, GuestDescription]]:
        by_name = {name: each for each in self.guests[host.name] for name in each.names}
        for guest in host.guests:
            yield guest, by_name[guest.name]

    def _guest(self, host: ResolvedHost, guest: ResolvedGuest, told: GuestDescription) -> ResolvedGuest:
        talks = []
        served = set[tuple[str, str, int]]()
        for number, each in enumerate(told.talks):
            where = (*told.where, "talks", number)
            spec = self._talk(host, guest, number, each, where)
            if spec is None:
                continue
            transport = "udp" if spec.kind is TalkKind.udp else "tcp"
            key = (spec.interface, transport, spec.port)
            if spec.role is TalkRole.server and key in served:
                wrong = f"two servers of {guest.name} have {transport} port {spec.port}"
                self._refuse(where, wrong, "give each a port of its own")
            elif spec.role is TalkRole.server:
                served.add(key)
            talks.append(spec)
        return replace(guest, talks=tuple(talks))

    def _talk(
        self, host: ResolvedHost, guest: ResolvedGuest, number: int, told: TalkSchema, where: Where
    ) -> TalkSpec | None:
        if (wrong := told.wrong()) is not None:
            self._refuse(where, *wrong)
            return None
        own = addresses_of(guest)
        if not own:
            right = "give it one: networks: [{bridge: xenbr0}]"
            self._refuse(where, f"{guest.name} talks, and has no network interface", right)
            return None
        if told.on is not None and told.on not in own:
            right = did_you_mean(told.on, list(own)) or f"one of {', '.join(own)}"
            self._refuse((*where, "on"), f"{guest.name} has no interface {told.on!r}", right)
            return None
        on = told.on or next(iter(own))
        port = told.port or PORTS[told.kind]
        address, peer_id = 0, 0
        if told.to is not None:
            found = self._peer(host, guest, told, where)
            if found is None:
                return None
            address, peer_id = found
        return _spec(guest, number, told, on, port, address, peer_id)

    def _peer(
        self, host: ResolvedHost, guest: ResolvedGuest, told: TalkSchema, where: Where
    ) -> tuple[int, int] | None:
        """The address that is talked to, and the number of its guest."""
        assert told.to is not None, "servers have no peer"
        known = {each.address: each for other in self.hosts for each in other.guests}
        place = (*where, "to")
        try:
            address = int(IPv4Address(told.to))
        except AddressValueError:
            named = known.get(told.to) or known.get(f"{host.name}/{told.to}")
            if named is None:
                right = did_you_mean(told.to, list(known)) or "a guest as host0/web-0, or an IPv4 address"
                self._refuse(place, f"there is no guest {told.to!r}", right)
                return None
            addresses = addresses_of(named)
            if not addresses:
                self._refuse(place, f"{told.to} has no network interface", "give it one, or name another")
                return None
            address = next(iter(addresses.values()))
        else:
            if not is_host(address):
                self._refuse(place, f"{told.to} is no address of one host", "an address as 10.0.0.2")
                return None
            named = next((each for each in known.values() if address in addresses_of(each).values()), None)
        if named is not None and named.address == guest.address:
            self._refuse(place, f"{guest.name} talks to itself", "another guest")
            return None
        if named is not None and not self._serves(named, told):
            right = f"give it talks: [{{kind: {told.kind}, serve: true}}]"
            port = told.port or PORTS[told.kind]
            self._refuse(place, f"{told.to} does not serve {told.kind} at port {port}", right)
            return None
        return address, named.guest_id if named is not None else 0

    def _serves(self, named: ResolvedGuest, told: TalkSchema) -> bool:
        if told.kind == "ping":
            return True
        port = told.port or PORTS[told.kind]
        described = next(each for each in self.guests[named.host] if named.name in each.names)
        return any(
            each.serve and each.kind == told.kind and (each.port or PORTS[each.kind]) == port
            for each in described.talks
        )

    def _refuse(self, where: Where, wrong: str, right: str) -> None:
        self.findings.append(self.source.finding(where, wrong, right))


def addresses_of(guest: ResolvedGuest) -> dict[str, int]:
    """The addresses of a guest's network interfaces, by name."""
    rows = [(each.identity[0], each.device.row) for each in guest.devices if each.device_class == "vif"]
    return {name: int(IPv4Interface(str(row["ip"])).ip) for name, row in rows if row.get("ip")}


def _spec(  # noqa: PLR0917 (what was decided of one)
    guest: ResolvedGuest, number: int, told: TalkSchema, on: str, port: int, address: int, peer_id: int
) -> TalkSpec:
    reconnects = told.reconnect is None or told.reconnect
    return TalkSpec(
        name=f"{guest.name}-talk{number}",
        number=number,
        kind=TalkKind[told.kind],
        role=TalkRole.server if told.serve else TalkRole.client,
        interface=on,
        address=address,
        port=port,
        peer_id=peer_id,
        rate=told.bandwidth / 8 if told.bandwidth else told.rate or 0.0,
        size=told.size or 64,
        connections=told.connections or 1,
        block=told.block or _STREAM_BLOCK,
        bytes=told.bytes or 0,
        requests=told.requests or 0,
        documents=tuple(told.documents or ("64K",)),
        retry_ns=(told.retry or _RETRY_NS) if reconnects else None,
    )
