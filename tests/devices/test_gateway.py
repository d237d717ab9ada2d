"""The gateway: clients from outside and their connections to guests, byte for byte, end for end."""

import errno
from random import Random

import pytest

from actors.devices.gateway import STREAM, Gateway
from actors.inet.connection import Connection
from actors.inet.states import State
from actors.inet.tcb import TcpEvent
from actors.network.client_records import DATA_BYTES_MAX, END, OVER, WINDOW_BYTES, Kind, Record, data_records
from actors.network.frame_stream import FrameStream, framed
from actors.runtime.machine import LinkClosed, LinkOpened, Received
from tests.devices.gateway_rig import ARGUMENT, GUEST, GUEST_MAC, GatewayRig

S = 1_000_000_000
DATA = Random(1).randbytes(3_000_000)


class Server:
    """What runs in the guest: takes connections to port 80, and does with them what the test says."""

    def __init__(self, rig: GatewayRig, *, reads: bool = True) -> None:
        self.rig = rig
        self.reads = reads
        self.connections: list[Connection] = []
        self.received = bytearray()
        self.events: list[TcpEvent] = []
        self.to_send = b""
        rig.guest.tcp.listen(80, self._ready)

    def _ready(self, listener, now_ns) -> None:
        connection = listener.accept()
        connection.notify = self._notify
        self.connections.append(connection)
        self._go_on(connection, now_ns)

    def _notify(self, connection, event, now_ns) -> None:
        self.events.append(event)
        self._go_on(connection, now_ns)

    def _go_on(self, connection, now_ns) -> None:
        if self.reads:
            while data := connection.recv(1 << 20, now_ns):
                self.received += data
        if self.to_send:
            self.to_send = self.to_send[connection.send(self.to_send, now_ns) :]


@pytest.fixture
def rig() -> GatewayRig:
    return GatewayRig()


def test_a_request_and_its_reply_and_both_ends(rig):
    server = Server(rig)
    client = rig.client()
    client.say(*data_records(b"GET /"))
    rig.settle()
    assert bytes(server.received) == b"GET /"
    assert client.records == [Record(Kind.taken, 5)]
    (connection,) = server.connections
    connection.send(b"200", rig.now_ns)
    connection.shutdown(rig.now_ns)
    rig.settle()
    assert client.data == b"200"
    assert client.records[-1] == END
    client.say(END)
    assert client.records[-1] == OVER
    rig.hang_up(client)
    rig.settle()
    assert server.events[-1] is TcpEvent.FINISHED
    assert (connection.state, connection.error) == (State.TIME_WAIT, None)
    assert rig.machine.statistics().clients == 0
    assert (rig.machine.statistics().bytes_to_guests, rig.machine.statistics().bytes_from_guests) == (5, 3)


@pytest.mark.parametrize("loss", [0, 11])
def test_a_download_arrives_byte_for_byte(rig, loss):
    seen = [0]

    def lost(frame: bytes) -> bool:
        seen[0] += len(frame) > 1000
        return bool(loss) and len(frame) > 1000 and seen[0] % loss == 0

    rig.lost = lost
    server = Server(rig)
    server.to_send = DATA
    client = rig.client()
    rig.settle(60 * S)
    assert client.data == DATA
    assert max(each.number for each in client.records) <= DATA_BYTES_MAX


def test_an_upload_in_its_window_arrives_byte_for_byte(rig):
    server = Server(rig)
    client = rig.client()
    left, said, credit = DATA, 0, WINDOW_BYTES
    while left:
        piece, left = left[: min(credit, DATA_BYTES_MAX)], left[min(credit, DATA_BYTES_MAX) :]
        client.say(*data_records(piece))
        said += len(piece)
        rig.settle(20_000_000)
        credit = WINDOW_BYTES - said + sum(each.number for each in client.records if each.kind is Kind.taken)
    rig.settle()
    assert bytes(server.received) == DATA


def test_a_client_that_ends_its_direction_still_gets_the_reply(rig):
    server = Server(rig)
    client = rig.client()
    client.say(*data_records(b"all of it"), END)
    rig.settle()
    assert TcpEvent.FINISHED in server.events
    (connection,) = server.connections
    connection.send(b"and the reply", rig.now_ns)
    connection.close(rig.now_ns)
    rig.settle()
    assert client.data == b"and the reply"
    assert client.records[-2:] == [END, OVER]


def test_a_client_that_takes_nothing_makes_the_guest_wait(rig):
    server = Server(rig)
    server.to_send = DATA
    client = rig.client()
    client.takes = False
    rig.settle(30 * S)
    assert len(client.data) == WINDOW_BYTES
    assert len(server.to_send) > 500_000, "it waits in the guest"
    client.takes = True
    client.say(Record(Kind.taken, WINDOW_BYTES))
    rig.settle(60 * S)
    assert client.data == DATA


def test_a_guest_that_takes_nothing_makes_the_client_wait(rig):
    server = Server(rig, reads=False)
    client = rig.client()
    said = 0
    for _ in range(40):
        taken = sum(each.number for each in client.records if each.kind is Kind.taken)
        if said - taken + DATA_BYTES_MAX <= WINDOW_BYTES:
            client.say(*data_records(bytes(DATA_BYTES_MAX)))
            said += DATA_BYTES_MAX
        rig.settle(S)
    assert said < 40 * DATA_BYTES_MAX
    assert client.closed_because is None
    server.reads = True
    server._go_on(server.connections[0], rig.now_ns)
    rig.settle(10 * S)
    assert len(server.received) == said


def test_a_port_that_nobody_has_is_a_reset(rig):
    client = rig.client(f"{GUEST}:81")
    rig.settle()
    assert client.records == [Record(Kind.reset, errno.ECONNREFUSED)]


def test_a_guest_that_is_not_there_is_a_reset_too(rig):
    rig.lost = lambda _frame: True
    client = rig.client()
    rig.settle(200 * S)
    assert client.records == [Record(Kind.reset, errno.EHOSTUNREACH)]


def test_a_guest_that_resets_its_connection(rig):
    server = Server(rig)
    client = rig.client()
    rig.settle()
    server.connections[0].abort(rig.now_ns)
    rig.settle()
    assert client.records == [Record(Kind.reset, errno.ECONNRESET)]
    rig.hang_up(client)
    assert rig.machine.statistics().clients == 0


@pytest.mark.parametrize("how", ["reset", "gone", "half gone"])
def test_a_client_that_goes_in_the_middle_resets_its_connection(rig, how):
    server = Server(rig)
    client = rig.client()
    client.say(*data_records(b"GET /"))
    rig.settle()
    if how == "reset":
        client.say(Record(Kind.reset, errno.ECONNRESET))
    else:
        if how == "half gone":
            client.say(END)
        rig.hang_up(client)
    rig.settle()
    (connection,) = server.connections
    assert connection.state is State.CLOSED
    assert connection.error in (errno.ECONNRESET, errno.EPIPE)
    assert rig.machine.statistics().clients == 0


@pytest.mark.parametrize("nonsense", [
    b"\xff" * 5,
    b"\x01\xff\xff\xff\xff",
    b"\x03\x00\x00\x00\x01",
    b"\x05\x00\x00\x00\x00",
    b"\x02\x00\x00\x00\x00\x01\x00\x00\x00\x01x",
    b"\x01\x00\x01\x00\x00" + bytes(65536) + (b"\x01\x00\x01\x00\x00" + bytes(65536)) * 4,
])  # fmt: skip
def test_a_client_that_breaks_the_rules_loses_its_link_and_nobody_else_does(rig, nonsense):
    Server(rig, reads=False)
    rig.lost = lambda _frame: True
    bad, good = rig.client(), rig.client()
    bad.say_bytes(nonsense)
    assert bad.closed_because is not None
    rig.lost = lambda _frame: False
    good.say(*data_records(b"hello"))
    rig.settle(10 * S)
    assert good.records == [Record(Kind.taken, 5)]


def test_records_cut_at_every_byte(rig):
    server = Server(rig)
    client = rig.client()
    for byte in b"\x01\x00\x00\x00\x05hello\x02\x00\x00\x00\x00":
        client.say_bytes(bytes([byte]))
    rig.settle()
    assert bytes(server.received) == b"hello"
    assert TcpEvent.FINISHED in server.events


@pytest.mark.parametrize(
    "target", ["host0/nobody/vif0:80", f"{GUEST}:http", GUEST, "", "host0/far-0/vif0:80"]
)
def test_who_wants_to_go_where_nothing_is_loses_the_link(rig, target):
    assert rig.client(target).closed_because is not None


def test_a_download_goes_on_after_a_silence(rig):
    server = Server(rig)
    server.to_send = DATA
    client = rig.client()
    rig.settle(100_000_000)
    some = len(client.data)
    rig.lost = lambda _frame: True
    rig.settle(30 * S)
    assert len(client.data) - some < 300_000
    rig.lost = lambda _frame: False
    rig.settle(120 * S)
    assert client.data == DATA


def test_a_stream_is_a_station_of_the_network(rig):
    link = f"{STREAM}0"
    rig.give(LinkOpened(link))
    arp = bytes.fromhex("0806000108000604000102000000000a0a0000050000000000000a000002")
    ask = b"\xff" * 6 + bytes.fromhex("02000000000a") + arp[:2] + arp[2:]
    for byte in framed(ask):
        rig.give(Received(link, bytes([byte])))
    rig.settle()
    frames = FrameStream().feed(rig.streams[link])
    assert [(each[:6].hex(), each[6:12]) for each in frames] == [("02000000000a", GUEST_MAC)]
    rig.give(LinkClosed(link, "gone"))
    rig.settle()


def test_a_stream_with_a_frame_that_is_too_long_loses_its_link(rig):
    rig.give(LinkOpened(f"{STREAM}0"))
    effects = rig.machine.handle(Received(f"{STREAM}0", b"\x00\x02\x00\x00"), 0)
    assert [type(each).__name__ for each in effects] == ["CloseLink"]


@pytest.mark.parametrize(("change", "named"), [
    ({"networks": [{"mac": "02:00", "address": "10.0.0.1", "prefix": 24}]}, "02:00"),
    ({"networks": [{"mac": "02:00:00:00:00:01", "address": "10.0.0", "prefix": 24}]}, "10.0.0"),
    ({"networks": [{"mac": "02:00:00:00:00:01", "address": "10.0.0.1", "prefix": 33}]}, "prefix"),
    ({"guests": [{"name": "x", "address": "nowhere"}]}, "nowhere"),
    ({"guests": [{"name": 1, "address": "10.0.0.1"}]}, "name"),
])  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(change, named):
    with pytest.raises(ValueError, match=named):
        Gateway({**ARGUMENT, **change})
