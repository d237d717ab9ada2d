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
from actors.vif.netfront import Netfront


class NetworkInterface:
    """One interface. `stack` is what its users call; what it sends before there is a backend is lost."""

    def __init__(self, threads: Threads, front: Netfront, row: Mapping[str, object], random: Random) -> None:
        """`row`: the device as its guest is told of it. `random`: for this life of the guest alone."""
        self._threads = threads
        self._front = front
        self.stack = Stack(interface_of(row), random, self._send)
        front.queues_wanted = int(str(row["queues"]))
        front.on_packet = self._receive
        front.on_connected = self.stack.network.announce
        threads.keep(self.stack)

    async def connect(self) -> None:
        """Wait until there is a backend. XenError EIO if it is closed for good."""
        await self._front.connect()

    def check(self) -> None:
        """What always holds."""
        self.stack.check()

    def _send(self, outgoing: Outgoing) -> None:
        self._front.send(Packet(outgoing.frame, outgoing.segment_bytes, outgoing.blank))

    def _receive(self, packet: Packet) -> None:
        checked = packet.blank or packet.validated
        self.stack.receive(packet.frame, self._threads.now_ns, checked=checked)


def interface_of(row: Mapping[str, object]) -> Interface:
    """As the stack knows it: `mac`, `ip` (`10.0.0.2/24`), `gateway` (or nothing) and `mtu` of the row.

    What a backend cannot finish is finished by the frontend.
    """
    address = IPv4Interface(str(row["ip"]))
    return Interface(
        mac=parse_mac(str(row["mac"])),
        address=int(address.ip),
        prefix=address.network.prefixlen,
        gateway=ipv4(str(row["gateway"])) if row.get("gateway") else None,
        mtu=int(str(row["mtu"])),
        checksum_offload=True,
        segment_offload=True,
    )
