"""The way of every packet, put together from the tracepoints it met.

A packet is known by the slot of its sender's ring until its backend has it, then by its mark, which it keeps
on wires. Of several that have the same one, the latest is meant: what came before it is lost. Where a packet
goes several ways, as to everybody, the first of them is followed.
Rules: nobody waits for a packet: one that got nowhere ends where it was seen last. Of very many each n-th is
drawn (`DRAWN_MAX`), and says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from actors.abi.packet_trace import PacketPoint
from actors.address import Address
from actors.network.packet_mark import ARP
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.recording import Point
from cluster.lab.trace.traced_request import TracedRequest

DRAWN_MAX: Final = 20_000
"""Of all packets; each takes 2 KB of JSON, and there are thousands in a second."""
ALIKE_MAX: Final = 8
"""How many packets of one mark are remembered."""
NAMES: Final = {1: "ICMP", 6: "TCP", 17: "UDP", ARP: "ARP"}
BEFORE: Final = {
    PacketPoint.UPLINK_SEND: {PacketPoint.BACK_TAKE},
    PacketPoint.NIC_SEND: {PacketPoint.UPLINK_SEND},
    PacketPoint.NIC_RECEIVE: {PacketPoint.NIC_SEND},
    PacketPoint.UPLINK_TAKE: {PacketPoint.NIC_RECEIVE},
    PacketPoint.BACK_GIVE: {PacketPoint.BACK_TAKE, PacketPoint.UPLINK_TAKE},
    PacketPoint.FRONT_TAKE: {PacketPoint.BACK_GIVE},
}
"""What a packet has met last when it meets a point."""


@dataclass(slots=True, eq=False, kw_only=True)
class TracedPacket(TracedRequest):
    """A packet; `guest` is the controller that took it from the wire if no guest has sent it."""

    category = "packet"
    is_awaited = False
    phases = {
        PacketPoint.FRONT_SEND: (0, "in the ring"),
        PacketPoint.BACK_TAKE: (0, "bridge"),
        PacketPoint.UPLINK_SEND: (0, "to the controller"),
        PacketPoint.NIC_SEND: (0, "wire"),
        PacketPoint.NIC_RECEIVE: (0, "to the driver"),
        PacketPoint.UPLINK_TAKE: (0, "bridge"),
        PacketPoint.BACK_GIVE: (0, "in the ring"),
        PacketPoint.FRONT_TAKE: (0, ""),
    }
    arrows = tuple(PacketPoint)

    kind: int
    mark: int
    size: int
    one_of: int = 1

    @property
    def name(self) -> str:
        """Its protocol."""
        return NAMES.get(self.kind, f"protocol {self.kind}" if self.kind < ARP else "frame")

    @property
    def told(self) -> dict[str, object]:
        """How large it is, whether it came to a guest, where it was seen last, and how many it stands for."""
        last = self.hops[-1]
        arrived = last.number == PacketPoint.FRONT_TAKE
        told = {"bytes": self.size, "arrived": arrived, "last seen": last.address}
        return told | ({"one of": self.one_of} if self.one_of > 1 else {})


class PacketPaths:
    """Takes the points of all actors in the order of time, and passes over those that are no packet's."""

    def __init__(self) -> None:
        self.packets: list[TracedPacket] = []
        self._rings: dict[tuple[str, int, int], TracedPacket] = {}
        self._marked: dict[int, list[TracedPacket]] = {}
        self._on_wires: set[int] = set()
        self._domains: dict[tuple[str, int], str] = {}

    def take(self, points: Iterable[Point]) -> None:
        """Follow packets through these points."""
        followers: dict[int, Callable[[Point], object]] = dict.fromkeys(map(int, BEFORE), self._step)
        followers |= {
            PacketPoint.FRONT_SEND: self._sent,
            PacketPoint.BACK_TAKE: self._taken,
            PacketPoint.NIC_SEND: self._on_wire,
            PacketPoint.NIC_RECEIVE: self._from_wire,
        }
        for point in points:
            follow = followers.get(point.number)
            if follow is not None:
                follow(point)

    def _sent(self, point: Point) -> None:
        # The slot was answered, or its ring is gone: whoever had it before is not in it any more.
        self._rings[point.address, point.b, point.c] = self._new(point)

    def _new(self, point: Point) -> TracedPacket:
        packet = TracedPacket(
            guest=point.address,
            submitted_ns=point.time_ns,
            kind=point.a,
            mark=point.c,
            size=point.d,
        )
        self.packets.append(packet)
        self._hop(packet, point)
        return packet

    def _taken(self, point: Point) -> None:
        packet = self._rings.pop((self._domain(point), point.b, point.c), None)
        if packet is not None:
            self._hop(packet, point)
            self._remember(packet)

    def _remember(self, packet: TracedPacket) -> None:
        alike = self._marked.setdefault(packet.mark, [])
        alike.append(packet)
        del alike[:-ALIKE_MAX]

    def _on_wire(self, point: Point) -> None:
        self._on_wires.add(point.c)
        self._step(point)

    def _from_wire(self, point: Point) -> None:
        """Another controller has it; what none of the hosts has sent comes from outside."""
        if not self._step(point) and point.c not in self._on_wires:
            self._on_wires.add(point.c)
            self._remember(self._new(point))

    def _step(self, point: Point) -> bool:
        """The latest packet of this mark that can be here is; whether there is one."""
        before = BEFORE[PacketPoint(point.number)]
        for packet in reversed(self._marked.get(point.c, ())):
            last = packet.hops[-1]
            if last.number in before and self._leads(last, point):
                self._hop(packet, point)
                return True
        return False

    def _leads(self, last: Point, point: Point) -> bool:
        """Whether a packet that was at the one may be at the other: on a wire, to a guest, or in one host."""
        if point.number == PacketPoint.NIC_RECEIVE:
            return last.address != point.address
        if point.number == PacketPoint.FRONT_TAKE:
            return self._domain(last) == point.address
        return last.address.partition("/")[0] == point.address.partition("/")[0]

    def _hop(self, packet: TracedPacket, point: Point) -> None:
        packet.hops.append(point)
        packet.done_ns = point.time_ns

    def _domain(self, point: Point) -> str:
        """The guest that a backend's point is about, worked out once."""
        key = point.address, point.d
        if key not in self._domains:
            self._domains[key] = str(Address.domain(Address.parse(point.address).host, point.d))
        return self._domains[key]


def packets(_supervisor: Supervisor, points: Sequence[Point]) -> list[TracedPacket]:
    """Those of a run that are drawn."""
    paths = PacketPaths()
    paths.take(points)
    every = -(-len(paths.packets) // DRAWN_MAX) or 1
    drawn = paths.packets[::every]
    for each in drawn:
        each.one_of = every
    return drawn
