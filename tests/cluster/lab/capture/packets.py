"""Packets of all kinds, as two stacks exchange them, for the tests of captures."""

from random import Random

from actors.inet.address import Endpoint, ipv4
from actors.inet.interface import Interface, Outgoing
from actors.inet.stack import Stack
from actors.network.mac_address import parse_mac
from actors.network.packet import Packet

Exchanged = list[tuple[int, Packet]]


def exchanged(*, offload: bool) -> Exchanged:
    """What goes over the wire, by its sender: ARP, echo, datagrams, a connection with 200,000 bytes."""
    frames: Exchanged = []
    waiting: list[tuple[int, Outgoing]] = []

    def send(side: int, outgoing: Outgoing) -> None:
        frames.append((side, Packet(outgoing.frame, outgoing.segment_bytes, outgoing.blank)))
        waiting.append((1 - side, outgoing))

    stacks = [
        Stack(
            Interface(
                parse_mac(f"02:00:00:00:00:0{side + 1}"),
                ipv4(f"10.0.0.{side + 1}"),
                checksum_offload=offload,
                segment_offload=offload,
            ),
            Random(side),
            lambda outgoing, side=side: send(side, outgoing),
        )
        for side in (0, 1)
    ]

    def settle() -> None:
        while waiting:
            side, outgoing = waiting.pop(0)
            stacks[side].receive(outgoing.frame, 0, checked=outgoing.blank)

    here, there = stacks
    here.icmp.echo(ipv4("10.0.0.2"), 1, 1, b"hello", 0)
    settle()
    here.udp.send(here.udp.bind(1000, lambda *_: None), b"odd", Endpoint(ipv4("10.0.0.2"), 2000), 0)
    settle()
    there.tcp.listen(80, lambda *_: None)
    connection = here.tcp.connect(Endpoint(ipv4("10.0.0.2"), 80), lambda *_: None, 0)
    settle()
    connection.send(bytes(200_000), 0)
    settle()
    connection.shutdown(0)
    settle()
    return frames
