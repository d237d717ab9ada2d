"""XenStore tools on raw links: whatever one sends, the others and the store do not notice."""

import pytest

from actors.abi.xs_wire import HEADER_BYTES, XENSTORE_PAYLOAD_MAX, XsType, pack_message, unpack_header
from actors.xenstore.requests import Outgoing
from actors.xenstore.store import XenStore
from actors.xenstore.tool_clients import WAITING_BYTES, ToolClients

GARBAGE = {
    "a length over the limit": pack_message(XsType.READ, 1, 0, b"")[:12] + b"\x01\x10\0\0",
    "the largest length": b"\xff" * HEADER_BYTES,
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
}


class Daemon:
    """A store that serves tools. Stands in for `ServedStore`."""

    def __init__(self):
        self.store = XenStore()
        self.delivers = {}

    def connect(self, deliver):
        connection = self.store.clients.connect(0, privileged=True)
        self.delivers[connection] = deliver
        return connection

    def disconnect(self, connection):
        del self.delivers[connection]
        self.store.clients.disconnect(connection)

    def request(self, connection, kind, req_id, tx_id, payload):
        for output in self.store.handle(connection, kind, req_id, tx_id, payload):
            if isinstance(output, Outgoing):
                self.delivers[output.connection](output.message)
        self.store.check()


class Street:
    """A kernel with the links of tools. Stands in for `Kernel`."""

    def __init__(self, *, serving=True):
        self.receivers, self.sent, self.closed = {}, {}, []
        self.tools, self.daemon = ToolClients(self), Daemon()
        if serving:
            self.tools.serve(self.daemon)

    def on_link(self, link, receive):
        self.receivers[link] = receive

    def off_link(self, link):
        del self.receivers[link]

    def send(self, link, data):
        assert link in self.receivers, "an answer to who is gone"
        self.sent.setdefault(link, bytearray()).extend(data)

    def close_link(self, link, why):
        self.closed.append((link, why))

    def open(self, link):
        self.tools.opened(link)
        return link

    def say(self, link, data):
        """What one receive of the link brings; what is sent back to it."""
        before = len(self.sent.get(link, b""))
        if link in self.receivers:
            self.receivers[link](bytes(data))
        self.tools.check()
        return bytes(self.sent.get(link, b"")[before:])

    def ask(self, link, kind, payload, req_id=5):
        return [each[2] for each in messages(self.say(link, pack_message(kind, req_id, 0, payload)))]


def messages(data):
    found = []
    while data:
        kind, req_id, _, length = unpack_header(data)
        found.append((kind, req_id, data[HEADER_BYTES : HEADER_BYTES + length]))
        data = data[HEADER_BYTES + length :]
    return found


@pytest.fixture
def street():
    """A street with a good tool, which is served before and after."""
    found = Street()
    good = found.open("good")
    assert found.ask(good, XsType.WRITE, b"/kept\0value") == [b"OK\0"]
    yield found
    assert found.ask(good, XsType.READ, b"/kept\0") == [b"value"]
    assert found.ask(found.open("new"), XsType.READ, b"/kept\0") == [b"value"]


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=list(GARBAGE))
@pytest.mark.parametrize("first", [b"", pack_message(XsType.READ, 3, 0, b"/kept\0")], ids=["alone", "behind"])
def test_garbage_costs_the_link_and_what_came_before_it_is_answered(street, garbage, first):
    bad = street.open("bad")
    street.say(bad, first)
    assert street.say(bad, garbage[:7]) == b""
    street.say(bad, garbage[7:])
    assert [link for link, _ in street.closed] == ["bad"]
    assert "bytes" in street.closed[0][1]
    assert len(street.tools) == len(street.daemon.delivers) == 1
    assert street.say(bad, pack_message(XsType.READ, 3, 0, b"/kept\0")) == b""


def test_a_request_is_the_same_however_it_is_cut(street):
    whole = pack_message(XsType.READ, 3, 0, b"/kept\0")
    for cut in range(len(whole) + 1):
        tool = street.open(f"cut {cut}")
        answer = street.say(tool, whole[:cut]) + street.say(tool, whole[cut:])
        assert messages(answer) == [(XsType.READ, 3, b"value")]
    bytewise = street.open("bytewise")
    answers = b"".join(street.say(bytewise, whole[at : at + 1]) for at in range(len(whole)))
    assert messages(answers) == [(XsType.READ, 3, b"value")]


def test_who_ends_within_a_request_leaves_nothing_of_it(street):
    whole = pack_message(XsType.WRITE, 3, 0, b"/cut\0value")
    for cut in range(len(whole)):
        tool = street.open("cut")
        assert street.say(tool, whole[:cut]) == b""
        street.tools.closed(tool, "cut")
    assert street.ask("good", XsType.READ, b"/cut\0") == [b"ENOENT\0"]
    assert street.closed == []


@pytest.mark.parametrize("kind", [*range(40), 999, 0xFFFFFFFF])
@pytest.mark.parametrize("payload", [b"", b"\0", b"/\0", b"/kept", b"\xff" * 9, b"x" * XENSTORE_PAYLOAD_MAX])
def test_any_request_is_answered_once_or_is_refused(street, kind, payload):
    tool = street.open("odd")
    answers = messages(street.say(tool, pack_message(kind, 77, 12345, payload)))
    if street.closed:
        return
    assert [each[1] for each in answers if each[0] != XsType.WATCH_EVENT] in ([77], [])
    street.say(tool, pack_message(XsType.WRITE, 1, 0, b"/kept\0value"))


def test_what_comes_before_a_daemon_serves_waits_up_to_a_limit():
    street = Street(serving=False)
    patient, greedy = street.open("patient"), street.open("greedy")
    assert street.say(patient, pack_message(XsType.READ, 3, 0, b"/\0")) == b""
    while not street.closed:
        street.say(greedy, bytes(4096))
        assert len(street.tools._early.get(greedy, b"")) <= WAITING_BYTES
    assert [link for link, _ in street.closed] == ["greedy"]
    street.tools.serve(street.daemon)
    assert messages(bytes(street.sent["patient"])) == [(XsType.READ, 3, b"")]
    assert "greedy" not in street.sent


def test_garbage_before_a_daemon_serves_costs_the_link_once_it_does():
    street = Street(serving=False)
    bad, good = street.open("bad"), street.open("good")
    street.say(bad, b"\xff" * 64)
    street.say(good, pack_message(XsType.READ, 3, 0, b"/\0"))
    street.tools.serve(street.daemon)
    street.tools.check()
    assert [link for link, _ in street.closed] == ["bad"]
    assert messages(bytes(street.sent["good"])) == [(XsType.READ, 3, b"")]


def test_a_daemon_that_dies_takes_its_links_with_it_and_the_next_serves_anew(street):
    street.say("good", pack_message(XsType.READ, 3, 0, b"/kept\0")[:9])
    street.tools.lose_server()
    assert [link for link, _ in street.closed] == ["good"]
    street.tools.serve(street.daemon)
    street.open("good")
