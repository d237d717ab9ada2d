"""The XenStore client when its server is lost, breaks, or a thread that asked is killed."""

import pytest

from actors.abi.errno import Errno
from actors.abi.xs_wire import XsType, pack_message
from actors.kernel.xs_ring import XsRingBroken
from actors.xenstore.store import XenStore
from tests.kernel.joined_store import Joined


def lose(joined):
    """The server is gone, with what it knew; the next one is there, but the client has not looked."""
    joined.server_owed = joined.client_owed = False
    joined.serve(XenStore())


def test_requests_in_flight_are_sent_again_in_order(joined):
    results = [joined.start(joined.xenbus.write("/a", str(number)), served=False) for number in range(3)]
    lose(joined)
    joined.log_of_requests.clear()
    joined.settle()
    assert results == [[None]] * 3
    assert [payload for _, payload, _ in joined.log_of_requests] == [
        b"/a\0" + b"%d" % each for each in range(3)
    ]
    assert joined.xenbus.reconnects == 1


def test_what_is_asked_during_a_reconnect_waits_for_its_end(joined):
    lose(joined)
    joined.client_owed = False
    joined.xenbus.on_event()
    assert joined.page.connection == 1
    results = joined.start(joined.xenbus.write("/a", "x"), served=False)
    assert joined.page.requests.read() == b""
    joined.settle()
    assert results == [None]


def test_watches_are_registered_again_and_fire_once(joined):
    seen, back = [], []
    joined.do(joined.xenbus.watch("/a", seen.append))
    gone = joined.do(joined.xenbus.watch("/b", seen.append))
    joined.do(joined.xenbus.unwatch(gone))
    joined.xenbus.on_reconnect(lambda: back.append(list(seen)))
    seen.clear()
    pending = joined.start(joined.xenbus.watch("/c", seen.append), served=False)
    lose(joined)
    joined.settle()
    assert len(pending) == 1
    assert sorted(seen) == ["/a", "/c"]
    assert back == [[]]
    assert joined.store.statistics().watches == 2


def test_a_transaction_of_the_lost_server_is_run_again(joined):
    runs = []

    async def body(transaction):
        runs.append(None)
        await transaction.write("/a", "x")
        if len(runs) == 1:
            lose(joined)
            joined.xenbus.on_event()
        await transaction.write("/b", "y")

    assert joined.do(joined.xenbus.transact(body)) is None
    assert len(runs) == 2
    assert joined.do(joined.xenbus.directory("/")) == ["a", "b"]
    assert joined.store.statistics().transactions == 0


def test_a_commit_in_flight_is_run_again(joined):
    runs = []

    async def body(transaction):
        runs.append(None)
        await transaction.write("/a", "x")

    results = joined.start(joined.xenbus.transact(body), served=False)
    for _ in range(2):
        joined.server_owed = False
        joined.server_turn()
        joined.settle(served=False)
    assert len(runs) == 1
    lose(joined)
    joined.settle()
    assert results == [None]
    assert len(runs) == 2


def test_without_reconnect_nobody_looks_and_what_was_in_flight_never_ends():
    joined = Joined(reconnect=False)
    seen = []
    joined.do(joined.xenbus.watch("/a", seen.append))
    results = joined.start(joined.xenbus.write("/a", "x"), served=False)
    lose(joined)
    joined.settle()
    joined.ask_other(XsType.WRITE, b"/a\0y")
    joined.settle()
    assert (results, seen, joined.page.connection) == ([], ["/a"], 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda page: page.responses._words.__setitem__(515, 9999),
        lambda page: page.responses.write(bytes(12) + b"\xff\xff\0\0"),
    ],
)
def test_a_ring_that_makes_no_sense_fails_what_waits_until_another_server_comes(joined, spoil):
    results = joined.start(joined.xenbus.read("/a"), served=False)
    spoil(joined.page)
    joined.xenbus.on_event()
    joined.threads.run(0)
    assert results == [Errno.EIO]
    assert joined.do(joined.xenbus.read("/a")) is Errno.EIO
    assert len(joined.logs) == 1
    lose(joined)
    joined.settle()
    assert joined.do(joined.xenbus.read("/a")) is Errno.ENOENT


def test_an_answer_that_nobody_waits_for_is_noted_and_skipped(joined):
    joined.page.responses.write(pack_message(XsType.READ, 77, 0, b"x"))
    joined.page.responses.write(pack_message(XsType.WATCH_EVENT, 0, 0, b"/a\0unknown\0"))
    joined.xenbus.on_event()
    assert joined.logs == ["xenbus: an answer to request 77, which was not sent"]
    assert joined.do(joined.xenbus.write("/a", "x")) is None


def test_a_ring_that_breaks_during_a_reconnect_forgets_no_request(joined):
    results = [joined.start(joined.xenbus.read(f"/{name}"), served=False) for name in "abc"]
    transport = joined.xenbus._transport
    sent = []

    def send(message):
        sent.append(message)
        if len(sent) == 2:
            raise XsRingBroken("the page makes no sense")

    transport.send = send
    lose(joined)
    joined.settle()
    assert len(sent) == 2
    assert results == [[Errno.EIO], [Errno.EIO], [Errno.EIO]]


def test_a_transaction_whose_number_is_none_breaks_the_connection(joined):
    async def body(transaction):
        await transaction.write("/a", "x")

    results = joined.start(joined.xenbus.transact(body), served=False)
    joined.ring.send(pack_message(XsType.TRANSACTION_START, 1, 0, b"-5\0"), 0)
    joined.ring.settle()
    joined.settle(served=False)
    assert results == [Errno.EIO]
    assert joined.logs == ["xenbus: a transaction with the number b'-5'"]


# A thread that was killed.


def test_what_a_killed_thread_has_asked_is_asked_of_no_other_server(joined):
    killed = joined.start(joined.xenbus.introduce(3, 1, 5), served=False)
    dead = joined.thread
    others = joined.start(joined.xenbus.write("/a", "x"), served=False)
    dead.cancel()
    lose(joined)
    joined.log_of_requests.clear()
    joined.settle()
    assert (killed, others) == ([], [None])
    assert [kind for kind, _, _ in joined.log_of_requests] == [XsType.WRITE]


def test_a_watch_that_a_killed_thread_has_asked_for_is_taken_back(joined):
    joined.start(joined.xenbus.watch("/a", lambda _: None), served=False)
    joined.thread.cancel()
    joined.settle()
    assert joined.store.statistics().watches == 0


def test_a_transaction_that_a_killed_thread_has_asked_for_is_ended(joined):
    async def body(transaction):
        await transaction.write("/a", "x")

    joined.start(joined.xenbus.transact(body), served=False)
    joined.thread.cancel()
    joined.settle()
    assert joined.store.statistics().transactions == 0
    assert joined.do(joined.xenbus.exists("/a")) is False
