"""The bugs of networks: of frontends, backends, bridges and the guests' stacks.

Rules: as for all that are planted.
"""

from collections.abc import Sequence
from typing import Final

from actors.domu.talk.udp_server import UdpServer
from actors.drivers.driven_bridge import DrivenBridge
from actors.inet import arrival
from actors.inet.address import Endpoint
from actors.inet.checksum import Buffer
from actors.inet.reassembly import Reassembly
from actors.inet.tcb import Tcb
from actors.inet.tcp_segment import Segment
from actors.kernel.grants import Mapping
from actors.network.bridge import Bridge
from actors.network.packet import Packet
from actors.vif.netback import Netback
from actors.vif.netback_rx import NetbackRx
from actors.vif.netback_tx import NetbackTx
from actors.vif.transmit_queue import TransmitQueue
from cluster.studies.campaign.plant import Bugs, Method, Plant

BUGS: Final = Bugs()
"""The bugs there are, by name."""


@BUGS.sown
def answer_packet_twice(plant: Plant) -> None:
    """Netback answers the slots of every 16th packet twice."""
    counts: dict[int, int] = {}

    def make(answer: Method) -> Method:
        def generous(self: NetbackTx, chain: object, status: int) -> None:
            answer(self, chain, status)
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            if count % 16 == 0:
                answer(self, chain, status)

        return generous

    plant.replace(NetbackTx, "_answer", make)


@BUGS.sown
def forget_packet(plant: Plant) -> None:
    """Netback never answers the slots of every 32nd packet, and nobody checks its books."""
    counts: dict[int, int] = {}

    def make(answer: Method) -> Method:
        def forgetful(self: NetbackTx, chain: object, status: int) -> None:
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            if count % 32:
                answer(self, chain, status)

        return forgetful

    plant.replace(NetbackTx, "_answer", make)
    plant.replace(NetbackTx, "check", lambda _check: lambda _self: None)


@BUGS.sown
def fill_buffer_twice(plant: Plant) -> None:
    """Netback answers a guest's buffer once more in place of every 32nd that it fills."""
    last: dict[int, int] = {}
    counts: dict[int, int] = {}

    def make(answer: Method) -> Method:
        def repeating(self: NetbackRx, packet: Packet, ids: list[int], good: Sequence[bool]) -> None:
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            first = last.get(id(self), ids[0]) if count % 32 == 0 else ids[0]
            last[id(self)] = ids[0]
            answer(self, packet, [first, *ids[1:]], good)

        return repeating

    plant.replace(NetbackRx, "_answer", make)


@BUGS.replacing(TransmitQueue, "detach")
def forget_lost(detach: Method, self: TransmitQueue) -> None:
    """Netfront does not count what has died with a backend."""
    lost = self._counters.lost
    detach(self)
    self._counters.lost = lost


@BUGS.replacing(NetbackRx, "_answer")
def forget_checksum_flag(answer: Method, self: NetbackRx, packet: Packet, *rest: object) -> None:
    """Netback does not tell the guest that the checksum of a packet is blank."""
    answer(self, Packet(packet.frame, packet.segment_bytes), *rest)


@BUGS.sown
def deliver_stale_buffer(plant: Plant) -> None:
    """Netback leaves in the buffers of every eighth packet what the packet before had there."""
    last: dict[int, bytes] = {}
    counts: dict[int, int] = {}

    def make(fill: Method) -> Method:
        def filling(self: NetbackRx, packet: Packet) -> None:
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            stale = last.get(id(self), b"")
            if count % 8 == 0 and len(stale) == len(packet.frame):
                packet = Packet(packet.frame[:60] + stale[60:], packet.segment_bytes, packet.blank, True)
            last[id(self)] = packet.frame
            fill(self, packet)

        return filling

    plant.replace(NetbackRx, "_fill", make)


@BUGS.replacing(NetbackTx, "_copied")
def miss_byte(copied: Method, self: NetbackTx, packet: object, frame: bytes | None) -> None:
    """Netback misses a byte in the middle of what it copies from a guest."""
    if frame is not None and len(frame) > 1000:
        half = len(frame) // 2
        frame = frame[:half] + bytes((frame[half] ^ 0xFF,)) + frame[half + 1 :]
    copied(self, packet, frame)


@BUGS.replacing(TransmitQueue, "_put")
def reuse_before_answer(put: Method, self: TransmitQueue, *arguments: object) -> None:
    """Netfront takes a frame for free as soon as it has sent a packet in it."""
    before = len(self._free)
    top = self._free[-1]
    put(self, *arguments)
    if len(self._free) == before - 1:
        self._free.append(top)


@BUGS.replacing(Netback, "_unmap")
async def keep_ring(unmap: Method, self: Netback, mappings: list[Mapping]) -> None:
    """Netback forgets to give back one of the rings that it has mapped."""
    await unmap(self, mappings[1:])


@BUGS.sown
def accept_stale_segment(plant: Plant) -> None:
    """TCP takes a segment that it has had for the one that comes next."""

    def make(take: Method) -> Method:
        def taking(tcb: Tcb, segment: Segment, sequence: int, now_ns: int) -> bool:
            taken: bool = take(tcb, segment, max(sequence, tcb.receive.next), now_ns)
            return taken

        return taking

    plant.replace(arrival, "_take_data", make)


@BUGS.replacing(Reassembly, "insert")
def skip_gap(insert: Method, self: Reassembly, position: int, data: Buffer) -> int:
    """TCP does not wait for what is missing."""
    taken: int = insert(self, min(position, self.next), data[max(0, self.next - position) :])
    return taken


@BUGS.sown
def answer_somebody_else(plant: Plant) -> None:
    """A UDP server answers whoever asked last but one."""
    last: dict[int, Endpoint] = {}

    def make(received: Method) -> Method:
        def answering(self: UdpServer, remote: Endpoint, data: bytes, now_ns: int) -> None:
            received(self, last.get(id(self), remote), data, now_ns)
            last[id(self)] = remote

        return answering

    plant.replace(UdpServer, "_received", make)


@BUGS.sown
def deliver_twice(plant: Plant) -> None:
    """The bridge gives every 16th frame to its port twice."""
    counts: dict[int, int] = {}

    def make(take: Method) -> Method:
        def taking(self: DrivenBridge, port: str, packet: Packet) -> None:
            counts[id(self)] = count = counts.get(id(self), 0) + 1
            for _ in range(2 if count % 16 == 0 else 1):
                take(self, port, packet)

        return taking

    plant.replace(DrivenBridge, "take", make)


@BUGS.replacing(Bridge, "forward")
def leak_to_third(forward: Method, self: Bridge, port: str, *rest: object) -> tuple[str, ...]:
    """The bridge shows every frame to all of its ports."""
    found: tuple[str, ...] = forward(self, port, *rest)
    return tuple(each for each in self.ports if each != port) if found else ()
