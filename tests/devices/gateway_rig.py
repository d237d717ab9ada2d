"""A gateway on a wire whose time is a number, a guest on its other end, and clients that the test plays."""

from random import Random

from actors.devices.gateway import FORWARD, WIRE, Gateway
from actors.inet.address import ipv4
from actors.inet.interface import Interface, Outgoing
from actors.inet.stack import Stack
from actors.messages import EthernetFrame
from actors.network.client_records import Kind, Record, RecordReader, written
from actors.network.mac_address import parse_mac
from actors.runtime.machine import CloseLink, DeadlinePassed, LinkClosed, LinkOpened, Received, Send

GUEST_MAC = parse_mac("00:16:3e:00:00:02")
GUEST = "host0/web-0/vif0"
ARGUMENT = {
    "seed": "1",
    "networks": [{"mac": "02:00:00:00:00:01", "address": "10.0.0.254", "prefix": 24}],
    "guests": [{"name": GUEST, "address": "10.0.0.2"}, {"name": "host0/far-0/vif0", "address": "10.9.0.2"}],
}
DELAY_NS = 1_000_000


class Client:
    """One client: what it has heard, and whether its link is still there."""

    def __init__(self, rig: "GatewayRig", link: str) -> None:
        self.link = link
        self.records: list[Record] = []
        self.closed_because: str | None = None
        self.takes = True
        self._rig = rig
        self._reader = RecordReader()

    @property
    def data(self) -> bytes:
        return b"".join(each.data for each in self.records if each.kind is Kind.data)

    @property
    def kinds(self) -> list[Kind]:
        return [each.kind for each in self.records]

    def say(self, *records: Record) -> None:
        self.say_bytes(b"".join(map(written, records)))

    def say_bytes(self, data: bytes) -> None:
        self._rig.give(Received(self.link, data))

    def hear(self, data: bytes) -> None:
        for each in self._reader.feed(data):
            self.records.append(each)
            if self.takes and each.kind is Kind.data:
                self._rig.later.append(lambda number=each.number: self.say(Record(Kind.taken, number)))


class GatewayRig:
    """`guest` is a stack; what `lost` says of a frame decides whether it arrives."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.machine = Gateway(ARGUMENT)
        self.clients: dict[str, Client] = {}
        self.streams: dict[str, bytes] = {}
        self.lost = lambda _frame: False
        self.later: list = []
        self._wire: list[tuple[int, bool, bytes]] = []
        interface = Interface(GUEST_MAC, ipv4("10.0.0.2"))
        self.guest = Stack(interface, Random(2), self._to_gateway)
        self.give(LinkOpened(WIRE))

    def _to_gateway(self, outgoing: Outgoing) -> None:
        self._wire.append((self.now_ns + DELAY_NS, True, outgoing.frame))

    def client(self, target: str = f"{GUEST}:80") -> Client:
        link = f"{FORWARD}{target}/{len(self.clients)}"
        self.clients[link] = client = Client(self, link)
        self.give(LinkOpened(link))
        return client

    def hang_up(self, client: Client) -> None:
        self.give(LinkClosed(client.link, "gone"))

    def give(self, event) -> None:
        for effect in self.machine.handle(event, self.now_ns):
            self._perform(effect)
        self.machine.check()

    def _perform(self, effect) -> None:
        match effect:
            case Send(link="wire", message=EthernetFrame(data=data)):
                self._wire.append((self.now_ns + DELAY_NS, False, data))
            case Send(link=link, message=bytes() as data) if link in self.clients:
                if self.clients[link].closed_because is None:
                    self.clients[link].hear(data)
            case Send(link=link, message=bytes() as data):
                self.streams[link] = self.streams.get(link, b"") + data
            case CloseLink(link=link, reason=reason):
                if link in self.clients and self.clients[link].closed_because is None:
                    self.clients[link].closed_because = reason
                    self.later.append(lambda: self.give(LinkClosed(link, reason)))
            case _:
                raise AssertionError(effect)

    def settle(self, for_ns: int = 400_000_000) -> None:
        """Let everything happen that happens within this time."""
        until_ns = self.now_ns + for_ns
        while True:
            while self.later:
                self.later.pop(0)()
            times = [self._wire[0][0]] if self._wire else []
            times += [
                each
                for each in (self.machine.next_deadline_ns(), self.guest.next_deadline_ns())
                if each is not None
            ]
            if not times or min(times) > until_ns:
                self.now_ns = until_ns
                return
            self.now_ns = max(self.now_ns, min(times))
            if self._wire and self._wire[0][0] <= self.now_ns:
                _, to_gateway, frame = self._wire.pop(0)
                if self.lost(frame):
                    continue
                if to_gateway:
                    self.give(Received(WIRE, EthernetFrame(frame)))
                else:
                    self.guest.receive(frame, self.now_ns)
            else:
                self.guest.deadline(self.now_ns)
                self.give(DeadlinePassed())
