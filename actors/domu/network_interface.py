"""A network interface of a guest: its frontend, and the IP stack on top of that.

Rules: the stack's deadlines are kept with those of the guest's threads, whoever calls the stack. Packets that
the frontend drops are lost as on any wire. Whenever a backend says that it is Connected, the link is told who
is there.
"""

from collections.abc import Mapping
from ipaddress import IPv4Interface
from random import Random

from actors.inet.address import ipv4
from actors.inet.interface import Interface, Outgoing
from actors.inet.stack import Stack
from actors.kernel.threads import Threads
from actors.network.mac_address import parse_mac
from actors.network.packet import Packet
from actors.vif.backend_features import BackendFeatures
from actors.vif.netfront import Netfront


class NetworkInterface:
    """One interface. `stack` is there once `connect` has returned."""

    def __init__(self, threads: Threads, front: Netfront, row: Mapping[str, object]) -> None:
        """`front` is not connected yet. `row`: the device as its guest is told of it."""
        self._threads = threads
        self._front = front
        self._row = row
        self._stack: Stack | None = None
        front.queues_wanted = int(str(row["queues"]))
        front.on_packet = self._receive
        front.on_connected = self._announce

    @property
    def stack(self) -> Stack:
        """What its users call; it offers to its backend what the first one that it had can do."""
        assert self._stack is not None, "the interface has never been connected"
        return self._stack

    async def connect(self, random: Random) -> None:
        """Wait until there is a backend; `random` is for this life of its guest. EIO if closed for good."""
        await self._front.connect()
        self._stack = Stack(interface_of(self._row, self._front.features), random, self._send)
        self._threads.keep(self._stack)
        self._announce()

    def check(self) -> None:
        """What always holds."""
        if self._stack is not None:
            self._stack.check()

    def _send(self, outgoing: Outgoing) -> None:
        self._front.send(Packet(outgoing.frame, outgoing.segment_bytes, outgoing.blank))

    def _receive(self, packet: Packet) -> None:
        if self._stack is not None:
            checked = packet.blank or packet.validated
            self._stack.receive(packet.frame, self._threads.now_ns, checked=checked)

    def _announce(self) -> None:
        if self._stack is not None:
            self._stack.network.announce()


def interface_of(row: Mapping[str, object], features: BackendFeatures) -> Interface:
    """As the stack knows it: `mac`, `ip` (`10.0.0.2/24`), `gateway` (or nothing) and `mtu` of the row."""
    address = IPv4Interface(str(row["ip"]))
    return Interface(
        mac=parse_mac(str(row["mac"])),
        address=int(address.ip),
        prefix=address.network.prefixlen,
        gateway=ipv4(str(row["gateway"])) if row.get("gateway") else None,
        mtu=int(str(row["mtu"])),
        checksum_offload=features.checksums,
        segment_offload=features.segments,
    )
