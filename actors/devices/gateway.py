"""The gateway: a station on the switch by which the outside reaches guests, and others join their networks.

A client is a link `forward/INTERFACE:PORT/N`, as `forward/host0/web-0/vif0:80/1`, for which a TCP connection
to the guest is opened; it speaks as `client_records.py` says. A stream is a link `stream/N` with frames, as
`frame_stream.py` says: whoever is behind it is a station of the same networks. Both are links of bytes.
Rules: each network has an IP stack of its own, with an address that no guest has. A client or a stream that
talks nonsense loses its link, and nobody else notices.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from actors.devices.forwarded_client import ForwardedClient
from actors.devices.gateway_settings import GatewaySettings
from actors.inet.address import Endpoint
from actors.inet.interface import Interface
from actors.inet.stack import Stack
from actors.messages import EthernetFrame, PowerButton, PowerFails
from actors.network.bridge import Bridge
from actors.network.frame_stream import FrameStream, framed
from actors.network.spoof_protection import SpoofProtection
from actors.runtime.machine import (
    CloseLink,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Machine,
    Received,
    Send,
)

WIRE: Final = "wire"
FORWARD: Final = "forward/"
STREAM: Final = "stream/"
CLIENTS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class GatewayStatistics:
    """Clients and streams that are open, and what was carried so far."""

    clients: int
    clients_total: int
    streams: int
    bytes_to_guests: int
    bytes_from_guests: int
    frames_in: int
    frames_out: int


class Gateway(Machine):
    """A gateway; ValueError if the argument is wrong."""

    def __init__(self, argument: Mapping[str, object]) -> None:
        settings = GatewaySettings.from_argument(argument)
        self._guests = settings.guests
        self._bridge = Bridge()
        self._bridge.add_port(WIRE, carrier=False)
        self._stacks = {
            f"net{number}": self._stack(f"net{number}", interface, Random(f"{settings.seed}:{number}"))
            for number, interface in enumerate(settings.interfaces)
        }
        self._clients: dict[str, ForwardedClient] = {}
        self._streams: dict[str, FrameStream] = {}
        self._on_way: deque[tuple[str, bytes]] = deque()
        self._effects: list[Effect] = []
        self._counts = {"clients_total": 0, "frames_in": 0, "frames_out": 0}
        self._carried = [0, 0]

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Frames from "wire" and streams, bytes of clients, orders of "supervisor"."""
        match event:
            case Received(link=link, message=message):
                self._receive(link, message, now_ns)
            case LinkOpened(link=link):
                self._opened(link, now_ns)
            case LinkClosed(link=link):
                self._closed(link, now_ns)
            case _:
                pass
        for stack in self._stacks.values():
            stack.deadline(now_ns)
        self._forward(now_ns)
        effects, self._effects = self._effects, []
        return effects

    def next_deadline_ns(self) -> int | None:
        """When a stack has something to do."""
        times = [stack.next_deadline_ns() for stack in self._stacks.values()]
        return min((each for each in times if each is not None), default=None)

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        for stack in self._stacks.values():
            stack.check()
        for client in self._clients.values():
            client.check()

    def statistics(self) -> GatewayStatistics:
        """Counters and gauges as of now."""
        clients = self._clients.values()
        return GatewayStatistics(
            clients=len(clients),
            streams=len(self._streams),
            bytes_to_guests=self._carried[0] + sum(each.bytes_in for each in clients),
            bytes_from_guests=self._carried[1] + sum(each.bytes_out for each in clients),
            **self._counts,
        )

    def _stack(self, port: str, interface: Interface, random: Random) -> Stack:
        self._bridge.add_port(port, protection=SpoofProtection([interface.mac]))
        return Stack(interface, random, lambda outgoing: self._on_way.append((port, outgoing.frame)))

    def _receive(self, link: str, message: object, now_ns: int) -> None:
        match message:
            case EthernetFrame(data=data) if link == WIRE:
                self._counts["frames_in"] += 1
                self._on_way.append((WIRE, data))
            case bytes() if link in self._clients:
                self._clients[link].received(message, now_ns)
            case bytes() if link in self._streams:
                try:
                    self._on_way.extend((link, each) for each in self._streams[link].feed(message))
                except ValueError as error:
                    self._effects.append(CloseLink(link, str(error)))
            case PowerButton() | PowerFails() if link == "supervisor":
                self._effects.append(Exit("power button" if isinstance(message, PowerButton) else "no power"))
            case _:
                self._effects.append(
                    CloseLink(link, f"a gateway takes no {type(message).__name__} from {link}")
                )

    def _opened(self, link: str, now_ns: int) -> None:
        if link == WIRE:
            self._bridge.set_carrier(WIRE, up=True)
            for stack in self._stacks.values():
                stack.network.announce()
        elif link.startswith(STREAM):
            self._streams[link] = FrameStream()
            self._bridge.add_port(link)
        elif link.startswith(FORWARD):
            refusal = self._connect(link, now_ns)
            if refusal:
                self._effects.append(CloseLink(link, refusal))

    def _closed(self, link: str, now_ns: int) -> None:
        if link == WIRE:
            self._bridge.set_carrier(WIRE, up=False)
        elif self._streams.pop(link, None) is not None:
            self._bridge.remove_port(link)
        elif (client := self._clients.pop(link, None)) is not None:
            client.closed(now_ns)
            self._carried[0] += client.bytes_in
            self._carried[1] += client.bytes_out

    def _connect(self, link: str, now_ns: int) -> str:
        """Open a connection for a client; why not, if it cannot be."""
        target, _, _ = link.removeprefix(FORWARD).rpartition("/")
        interface, _, port = target.rpartition(":")
        address = self._guests.get(interface)
        if address is None or not port.isdecimal():
            return f"there is no {target}"
        if len(self._clients) >= CLIENTS_MAX:
            return f"there are {CLIENTS_MAX} clients already"
        client = ForwardedClient(
            lambda data: self._effects.append(Send(link, data)),
            lambda why: self._effects.append(CloseLink(link, why)),
        )
        stack = next(
            (each for each in self._stacks.values() if each.interface.next_hop(address) is not None), None
        )
        if stack is None:
            return f"there is no way to {target}"
        try:
            connection = stack.tcp.connect(Endpoint(address, int(port)), client.notify, now_ns)
        except OSError as error:
            return str(error)
        client.connected_by(connection)
        self._clients[link] = client
        self._counts["clients_total"] += 1
        return ""

    def _forward(self, now_ns: int) -> None:
        """Bring frames where they are for, and what the stacks answer."""
        while self._on_way:
            port, frame = self._on_way.popleft()
            for target in self._bridge.forward(port, frame, now_ns):
                if target in self._stacks:
                    self._stacks[target].receive(frame, now_ns)
                elif target == WIRE:
                    self._counts["frames_out"] += 1
                    self._effects.append(Send(WIRE, EthernetFrame(frame)))
                else:
                    self._effects.append(Send(target, framed(frame)))
