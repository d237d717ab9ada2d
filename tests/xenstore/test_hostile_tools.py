"""A tool that means harm: one answer for each request, no change with a refusal, and nothing left of it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XsType, error_of, unpack_header
from actors.xenstore.daemon import Xenstored
from actors.xenstore.requests import Outgoing

WORDS = [
    b"/",
    b"/a",
    b"/a/b",
    b"a",
    b"@releaseDomain",
    b"0",
    b"3",
    b"n0",
    b"r3",
    b"T",
    b"-1",
    b"",
    b"\xff",
    b"x" * 90,
]
PAYLOADS = (
    st.lists(st.sampled_from(WORDS), max_size=4).map(lambda words: b"".join(each + b"\0" for each in words))
    | st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(b"\0".join)
    | st.binary(max_size=30)
    | st.just(b"x" * XENSTORE_PAYLOAD_MAX)
)
KINDS = st.sampled_from([*XsType, 20, 99, 0xFFFFFFFF])
REQUESTS = st.tuples(KINDS, st.integers(0, 3), PAYLOADS)


def tree(store):
    return {
        path: (node.value, node.permissions, tuple(node.children), node.generation)
        for path, node in store.tree._nodes.items()
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(REQUESTS, max_size=25))
def test_any_request_gets_one_answer_and_a_refused_one_changes_nothing(make_script, requests):
    script = make_script()
    store, connection = script.store, script.connections[0]
    script.introduce(3)
    for number, (kind, tx, payload) in enumerate(requests):
        before = tree(store)
        outputs = store.handle(connection, kind, number, tx, payload)
        store.check()
        messages = [
            each.message for each in outputs if isinstance(each, Outgoing) and each.connection == connection
        ]
        answers = [each for each in messages if unpack_header(each)[0] != XsType.WATCH_EVENT]
        if kind == XsType.INTRODUCE and not answers:
            continue  # answered once the daemon has done it
        if kind == XsType.CONTROL and payload.startswith(b"live-update\0") and not answers:
            continue
        ((answered, req_id, tx_id, _),) = (unpack_header(each) for each in answers)
        assert (req_id, tx_id) == (number, tx)
        assert answered in {kind, XsType.ERROR}
        if answered == XsType.ERROR:
            assert error_of(answers[0][16:]).name.encode() + b"\0" == answers[0][16:], (
                "a name of the protocol"
            )
            assert tree(store) == before
    store.clients.disconnect(connection)
    store.check()
    numbers = store.statistics()
    assert (numbers.watches, numbers.transactions) == (0, 0)


@pytest.fixture
def daemon(xen):
    kernel = xen.kernels[0]
    daemon = Xenstored(kernel)
    kernel.check = daemon.check
    xen.do(0, daemon.start())
    return daemon


class Tool:
    """A connection of its own, and what it was sent."""

    def __init__(self, daemon):
        self.heard = []
        self._daemon = daemon
        self.connection = daemon.served.connect(self.heard.append)

    def ask(self, kind, payload, tx=0, req_id=1):
        self._daemon.served.request(self.connection, kind, req_id, tx, payload)
        return self.heard[-1][16:]

    def leave(self):
        self._daemon.served.disconnect(self.connection)


def test_thousands_of_watches_and_transactions_slow_no_answer_of_others_and_go_with_the_tool(daemon):
    hostile, other = Tool(daemon), Tool(daemon)
    for index in range(3000):
        hostile.ask(XsType.WATCH, b"/w%d\0t\0" % index)
        hostile.ask(XsType.TRANSACTION_START, b"\0")
    assert daemon.served.store.statistics().transactions == daemon.served.store.statistics().watches == 3000
    assert other.ask(XsType.WRITE, b"/w7\0x") == b"OK\0"
    assert other.ask(XsType.READ, b"/w7\0") == b"x"
    assert len(other.heard) == 2
    hostile.leave()
    numbers = daemon.served.store.statistics()
    assert (numbers.watches, numbers.transactions) == (0, 0)
    assert other.ask(XsType.READ, b"/w7\0") == b"x"


def test_an_open_transaction_locks_nobody_out(daemon):
    hostile, other = Tool(daemon), Tool(daemon)
    number = int(hostile.ask(XsType.TRANSACTION_START, b"\0").rstrip(b"\0"))
    for index in range(500):
        hostile.ask(XsType.READ, b"/a\0", number)
        hostile.ask(XsType.WRITE, b"/a\0mine", number)
        assert other.ask(XsType.WRITE, b"/a\0%d" % index) == b"OK\0"
    assert other.ask(XsType.READ, b"/a\0") == b"499"
    assert hostile.ask(XsType.TRANSACTION_END, b"T\0", number) == b"EAGAIN\0"
    assert other.ask(XsType.READ, b"/a\0") == b"499"


def test_another_tools_watch_or_transaction_cannot_be_touched(daemon):
    hostile, other = Tool(daemon), Tool(daemon)
    number = int(other.ask(XsType.TRANSACTION_START, b"\0").rstrip(b"\0"))
    other.ask(XsType.WATCH, b"/a\0t\0")
    for payload in (b"T\0", b"F\0"):
        assert hostile.ask(XsType.TRANSACTION_END, payload, number) == b"ENOENT\0"
    assert hostile.ask(XsType.WRITE, b"/a\0x", number) == b"ENOENT\0"
    assert hostile.ask(XsType.UNWATCH, b"/a\0t\0") == b"ENOENT\0"
    assert hostile.ask(XsType.RESET_WATCHES, b"\0") == b"OK\0"
    assert other.ask(XsType.TRANSACTION_END, b"T\0", number) == b"OK\0"
    assert daemon.served.store.statistics().watches == 1


def test_one_id_for_every_request_confuses_nobody(daemon):
    tool = Tool(daemon)
    for index in range(300):
        tool.ask(XsType.WRITE, b"/a\0%d" % index, req_id=0xFFFFFFFF)
        assert tool.ask(XsType.READ, b"/a\0", req_id=0xFFFFFFFF) == b"%d" % index
    assert {unpack_header(each)[1] for each in tool.heard} == {0xFFFFFFFF}
