"""A domain that means harm with its ring page: it loses its own service, and nobody else notices."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.abi.xs_wire import (
    HEADER_BYTES,
    XENSTORE_RING_SIZE,
    XS_RING_CONNECTION,
    XS_RING_ERROR,
    XS_RING_EVTCHN_PORT,
    XS_RING_REQ_CONS,
    XS_RING_REQ_PROD,
    XS_RING_RSP_CONS,
    XS_RING_RSP_PROD,
    XS_RING_SERVER_FEATURES,
    XS_RING_SERVER_HOLDS,
    XS_RING_SERVER_INCARNATION,
    XsError,
    XsType,
    pack_message,
    unpack_header,
)
from actors.kernel.kernel import Kernel
from actors.kernel.xs_ring import XsRing, XsRingBroken
from actors.start_info import STORE_GFN
from actors.xenstore.daemon import Xenstored
from tests.xen.guest import Guest
from tests.xen.simulated_xen import SimulatedXen

HOSTILE, GOOD = 5, 6
HOME = f"/local/domain/{HOSTILE}"
INDICES = (XS_RING_REQ_CONS, XS_RING_REQ_PROD, XS_RING_RSP_CONS, XS_RING_RSP_PROD)
TURNS_MAX = 1000


class Field:
    """A daemon, a well-behaved guest, and a domain whose ring page the test has in its hands."""

    def __init__(self, xen):
        self.xen, self.kernel = xen, xen.kernels[0]
        self.daemon = Xenstored(self.kernel)
        self.kernel.check = self.daemon.check
        xen.do(0, self.daemon.start())
        self.answers = []
        self.tool = self.daemon.served.connect(self.answers.append)
        self.port = xen.build(HOSTILE)
        xen.unpause(HOSTILE)
        self.good = Guest.create(xen, GOOD)
        for domid, port in ((HOSTILE, self.port), (GOOD, self.good.port)):
            for path, value in (("", ""), ("/name", f"guest{domid}")):
                self.ask(XsType.WRITE, f"/local/domain/{domid}{path}\0{value}")
                self.ask(XsType.SET_PERMS, f"/local/domain/{domid}{path}\0n{domid}\0")
            self.introduce(domid, port)
        self.page = xen.ring(HOSTILE)
        self.words = xen.words(HOSTILE)
        self.page.responses.read()

    def introduce(self, domid, port):
        introduced = self.daemon.introduce(domid, port)
        self.xen.run()
        introduced.result()

    def ask(self, kind, payload):
        """The answer of a tool's request."""
        self.daemon.served.request(self.tool, kind, 1, 0, payload.encode())
        self.xen.run()
        return self.answers.pop()[HEADER_BYTES:]

    def kick(self):
        """The hostile domain sends an event, and the daemon does all that comes of it."""
        self.xen.kick(HOSTILE, self.port)
        for _ in range(TURNS_MAX):
            deadline = self.kernel.next_deadline_ns()
            if deadline is None:
                return
            self.xen.now_ns = max(self.xen.now_ns, deadline)
            self.xen.run()
        raise AssertionError("the daemon has work for ever")

    def talk(self, data, read=True):
        """Bytes into the ring as there is room, for as long as anything moves; what came back."""
        heard = b""
        while True:
            taken = self.page.requests.write(data)
            data = data[taken:]
            self.kick()
            piece = self.page.responses.read() if read else b""
            heard += piece
            if not taken and not piece:
                return heard

    def reconnect(self):
        self.page.connection = 1
        self.kick()
        assert (self.page.connection, self.page.error) == (0, XsError.NONE)

    def nodes(self):
        """What is in the store."""
        return {
            path: (node.value, node.permissions)
            for path, node in self.daemon.served.store.tree._nodes.items()
        }

    def others(self):
        """The same, but for the hostile domain's own."""
        return {path: row for path, row in self.nodes().items() if not f"{path}/".startswith(f"{HOME}/")}

    def check_others(self, before):
        """Nobody but the hostile domain has noticed anything."""
        assert self.others() == before
        assert self.good.do(self.good.xenbus.read("name")) == f"guest{GOOD}"
        assert self.ask(XsType.READ, f"/local/domain/{GOOD}/name\0") == b"guest6"
        self.daemon.check()

    def check_served(self):
        read = pack_message(XsType.READ, 3, 0, b"name\0")
        assert self.talk(read) == pack_message(XsType.READ, 3, 0, b"guest5")


@pytest.fixture
def field(xen):
    return Field(xen)


def messages(data):
    """(kind, id, payload) of each message in a stream that holds whole ones only."""
    found = []
    while data:
        kind, req_id, _, length = unpack_header(data)
        found.append((kind, req_id, data[HEADER_BYTES : HEADER_BYTES + length]))
        assert len(data) >= HEADER_BYTES + length
        data = data[HEADER_BYTES + length :]
    return found


# Indices.


@pytest.mark.parametrize("index", [XS_RING_REQ_PROD, XS_RING_RSP_CONS, XS_RING_RSP_PROD])
@pytest.mark.parametrize("apart", [XENSTORE_RING_SIZE + 1, 5000, 1 << 31, -1, -XENSTORE_RING_SIZE])
def test_an_index_out_of_range_or_backwards_ends_the_service(field, index, apart):
    before, nodes = field.others(), field.nodes()
    if index == XS_RING_RSP_CONS:
        apart = -apart  # the reader's index runs behind the writer's
    field.page.requests.write(pack_message(XsType.READ, 1, 0, b"name\0"))
    field.words[index // 4] = (field.words[index // 4] + apart) & 0xFFFFFFFF
    if index == XS_RING_REQ_PROD and apart < 0:
        field.words[index // 4] = (field.page.requests.consumer + apart) & 0xFFFFFFFF
    field.kick()
    assert field.page.error == XsError.RINGIDX
    assert field.nodes() == nodes
    field.check_others(before)
    field.page.reset()
    assert field.talk(pack_message(XsType.READ, 2, 0, b"name\0")) == b"", "it is not served any more"
    field.reconnect()
    field.check_served()


@pytest.mark.parametrize("value", [0, 7, 1 << 31, 0xFFFFFFFF])
def test_the_servers_own_index_in_the_page_is_not_believed(field, value):
    field.words[XS_RING_REQ_CONS // 4] = value
    field.kick()
    assert field.page.error == XsError.NONE
    field.check_served()


class Flickering:
    """The words of a page whose indices another processor changes between any two looks."""

    def __init__(self, words, dice):
        self._words = words
        self._dice = dice

    def __getitem__(self, word):
        value = self._words[word]
        if word * 4 in INDICES and self._dice.random() < 0.5:
            value = (value + self._dice.choice([-1025, -1, 1, 16, 1024, 1 << 31])) & 0xFFFFFFFF
        return value

    def __setitem__(self, word, value):
        self._words[word] = value


@pytest.mark.parametrize("seed", range(20))
def test_indices_that_change_between_two_looks_harm_nobody_else(field, seed):
    before, dice = field.others(), random.Random(f"{seed}:flicker")
    client = field.daemon.rings.by_domain[HOSTILE]
    honest, client._ring = (
        client._ring,
        XsRing(field.xen.memory.frame(field.xen.mfn(HOSTILE, STORE_GFN)), Flickering(field.words, dice)),
    )
    for _ in range(50):
        try:
            field.page.requests.write(pack_message(XsType.READ, 1, 0, b"name\0"))
        except XsRingBroken:
            field.page.reset()
        field.page.connection = int(field.page.error != XsError.NONE)
        field.kick()
    client._ring = honest
    field.check_others(before)
    field.reconnect()
    field.check_served()


# The other words of the page.


@pytest.mark.parametrize("value", [1, 3, 77, 0xFFFFFFFF])
@pytest.mark.parametrize(
    "word",
    [
        XS_RING_ERROR,
        XS_RING_SERVER_FEATURES,
        XS_RING_EVTCHN_PORT,
        XS_RING_SERVER_HOLDS,
        XS_RING_SERVER_INCARNATION,
    ],
)
def test_what_the_server_writes_into_the_page_it_never_believes(field, word, value):
    before = field.others()
    field.words[word // 4] = value
    field.kick()
    field.check_served()
    field.check_others(before)


@pytest.mark.parametrize("value", [1, 2, 77, 0xFFFFFFFF])
def test_any_connection_word_but_0_is_a_reconnect(field, value):
    field.talk(
        pack_message(XsType.WATCH, 1, 0, b"name\0t\0") + pack_message(XsType.READ, 1, 0, b"name\0")[:9]
    )
    field.words[XS_RING_CONNECTION // 4] = value
    field.kick()
    assert field.page.connection == 0
    assert field.daemon.served.store.statistics().watches == 0
    field.check_served()


def test_a_domain_that_reconnects_for_ever_keeps_nobody_waiting(field):
    before = field.others()
    for _ in range(300):
        field.talk(pack_message(XsType.WATCH, 1, 0, b"name\0t\0"), read=False)
        field.reconnect()
    field.check_others(before)
    assert len(field.xen.mapped(0)) == 2
    assert field.daemon.served.store.statistics().connections == 3


# The stream.


@pytest.mark.parametrize("length", [4097, 1 << 16, 0xFFFFFFFF])
def test_a_request_that_is_too_long_ends_the_service_and_what_came_before_is_done(field, length):
    before = field.others()
    heard = field.talk(
        pack_message(XsType.WRITE, 1, 0, b"done\0x") + bytes(12) + length.to_bytes(4, "little"), read=False
    )
    assert (heard, field.page.error) == (b"", XsError.PROTO)
    field.check_others(before)
    field.reconnect()
    field.check_served()


def test_a_request_cut_at_any_byte_is_done_when_it_is_whole_and_not_before(field):
    request = pack_message(XsType.WRITE, 8, 0, b"cut\0value")
    for end in range(1, len(request)):
        assert field.talk(request[:end]) == b""
        assert field.ask(XsType.READ, f"{HOME}/cut\0") == b"ENOENT\0"
        assert messages(field.talk(request[end:])) == [(XsType.WRITE, 8, b"OK\0")]
        assert field.ask(XsType.READ, f"{HOME}/cut\0") == b"value"
        assert messages(field.talk(pack_message(XsType.RM, 9, 0, b"cut\0"))) == [(XsType.RM, 9, b"OK\0")]


@pytest.mark.parametrize("end", ["reconnect", "introduced again", "death"])
def test_half_a_request_is_forgotten_with_its_connection(field, end):
    request = pack_message(XsType.WRITE, 8, 0, b"cut\0value")
    for length in range(1, len(request)):
        field.talk(request[:length])
        if end == "death":
            break
        if end == "reconnect":
            field.reconnect()
        else:
            field.introduce(HOSTILE, field.port)
            field.page.responses.read()
        field.check_served()
    if end == "death":
        field.xen.destroy(HOSTILE)
        assert field.ask(XsType.READ, f"{HOME}\0") == b"ENOENT\0"
    assert field.ask(XsType.READ, f"{HOME}/cut\0") == b"ENOENT\0"
    assert field.good.do(field.good.xenbus.read("name")) == f"guest{GOOD}"


def test_requests_of_every_kind_and_one_id_are_answered_in_their_order(field):
    before = field.others()
    payloads = (b"", b"\0", b"own", b"/", b"\xff\0", b"own\0" * 20, b"99999999999\0", b"own\0-1\0")
    kinds = [*range(32), 0x80000000, 0xFFFFFFFF]
    for payload in payloads:
        for kind in kinds:
            found = messages(field.talk(pack_message(kind, 7, 0, payload)))
            answers = [each for each in found if each[0] != XsType.WATCH_EVENT]
            assert [req_id for _, req_id, _ in answers] == [7], (kind, payload)
            assert answers[0][0] in {kind, XsType.ERROR}
    field.check_others(before)
    field.check_served()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bytes_in_the_ring_harm_nobody_else(data):
    field = Field(SimulatedXen({0: Kernel}).boot())
    before = field.others()
    kinds = st.sampled_from([*XsType, 20, 99])
    payloads = st.sampled_from([b"name\0", b"/\0", b"T\0", b"name\0t\0", b"a/b\0x", b"n5\0"]) | st.binary(
        max_size=40
    )
    requests = st.builds(pack_message, kinds, st.integers(0, 3), st.integers(0, 2), payloads)
    for part in data.draw(st.lists(requests | st.binary(max_size=60), max_size=12)):
        field.talk(part)
    field.check_others(before)


# Too much of everything.


def test_thousands_of_watches_and_transactions_end_at_the_quotas_and_go_with_the_domain(field):
    before = field.others()
    watches = b"".join(pack_message(XsType.WATCH, 1, 0, b"name\0%d\0" % index) for index in range(2000))
    answers = [each for each in messages(field.talk(watches)) if each[0] != XsType.WATCH_EVENT]
    assert [each[2] for each in answers] == [b"OK\0"] * 129 + [b"E2BIG\0"] * 1871
    answers = messages(field.talk(pack_message(XsType.TRANSACTION_START, 1, 0, b"\0") * 2000))
    assert [each[0] for each in answers] == [XsType.TRANSACTION_START] * 11 + [XsType.ERROR] * 1989
    field.check_others(before)
    field.xen.destroy(HOSTILE)
    numbers = field.daemon.served.store.statistics()
    assert (numbers.watches, numbers.transactions, numbers.domains) == (0, 0, 2)


def test_no_more_nodes_than_the_quota_and_they_go_with_the_domain(field):
    before = field.others()
    # In ten folders, since the names of a node's children count for its size.
    paths = [b"f%d/n%d" % (index % 10, index) for index in range(1500)]
    answers = messages(
        field.talk(b"".join(pack_message(XsType.WRITE, 1, 0, each + b"\0x") for each in paths))
    )
    made = 1000 - 2 - 10  # the home and its name are its own, and so are the folders
    assert [each[2] for each in answers] == [b"OK\0"] * made + [b"ENOSPC\0"] * (1500 - made)
    field.check_others(before)
    field.xen.destroy(HOSTILE)
    assert field.daemon.served.store.tree.owned(HOSTILE) == 0


def test_who_never_reads_has_a_bounded_queue_and_is_served_again_when_it_does(field):
    before = field.others()
    request = pack_message(XsType.GET_DOMAIN_PATH, 1, 0, b"5\0")
    stream, sent = request * 5000, 0
    for _ in range(500):
        sent += field.page.requests.write(stream[sent:])
        field.kick()
    client = field.daemon.rings.by_domain[HOSTILE]
    assert len(client._output) <= client.quotas.outstanding + XENSTORE_RING_SIZE // len(request) + 1
    assert sent < 3 * XENSTORE_RING_SIZE, "it is read from for ever"
    field.check_others(before)
    assert len(messages(field.talk(stream[sent:]))) == 5000
    field.check_served()


def test_events_for_who_never_reads_keep_those_who_cause_them_not_waiting(field):
    watches = b"".join(pack_message(XsType.WATCH, 1, 0, b"name\0%d\0" % index) for index in range(10))
    field.talk(watches, read=False)
    for index in range(200):
        assert field.ask(XsType.WRITE, f"{HOME}/name/{index}\0") == b"OK\0"
    client = field.daemon.rings.by_domain[HOSTILE]
    assert len(client._output) <= 1024 < 10 * 200, "some are lost"
    assert field.good.do(field.good.xenbus.read("name")) == f"guest{GOOD}"
