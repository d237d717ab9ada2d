"""The XenStore client, joined to a store over a ring page in memory; both ends are asserted."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XsType, pack_message
from actors.kernel.grants import Mapping
from actors.kernel.threads import Threads
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing, XsRingBroken
from actors.xenstore.requests import Outgoing
from actors.xenstore.ring_client import RingClient
from actors.xenstore.store import Store


class Joined:
    """A client and a store with a ring page between them, and nothing else."""

    def __init__(self, *, reconnect=True):
        view = memoryview(bytearray(4096))
        words = view.cast("I")
        self.page = XsRing(view, words)
        self.logs, self.log_of_requests = [], []
        self.client_owed = self.server_owed = False
        self.threads = Threads()
        self.xenbus = Xenbus(
            self.threads,
            RingTransport(XsRing(view, words), self.kick_server),
            reconnect=reconnect,
            log=self.logs.append,
        )
        self.serve(Store())

    def serve(self, store):
        """A server takes the ring over."""
        self.store = store
        self.connection, _ = store.introduce(0, privileged=True)
        self.ring = RingClient(0, self.page, Mapping(1, 1), None)
        self.ring.notify = self.kick_client
        self.ring.take_over(store.features(0))
        self.other = store.connect(0, privileged=True)

    def kick_server(self):
        self.server_owed = True

    def kick_client(self):
        self.client_owed = True

    def server_turn(self):
        if self.ring.wants_reconnect:
            self.store.reset(self.connection)
            self.ring.renew()
            self.ring.settle()
            return
        self.ring.settle()
        while requests := self.ring.requests():
            for each in requests:
                self.log_of_requests.append((each.kind, each.payload, each.tx_id))
                self.send(
                    self.store.handle(self.connection, each.kind, each.req_id, each.tx_id, each.payload)
                )
            self.ring.settle()

    def send(self, outputs):
        for output in outputs:
            if isinstance(output, Outgoing) and output.connection == self.connection:
                self.ring.send(output.message, 0)

    def ask_other(self, kind, payload):
        """Another client does something."""
        self.send(self.store.handle(self.other, kind, 1, 0, payload))
        self.ring.settle()

    def settle(self, *, served=True):
        self.threads.run(0)
        while self.client_owed or (served and self.server_owed):
            if self.client_owed:
                self.client_owed = False
                self.xenbus.on_event()
            elif self.server_owed:
                self.server_owed = False
                self.server_turn()
            self.threads.run(0)
        self.store.check()

    def start(self, coroutine, *, served=True):
        results = []

        async def body():
            try:
                results.append(await coroutine)
            except XenError as error:
                results.append(error.errno)

        results_thread = self.threads.spawn("test", body())
        self.settle(served=served)
        self.thread = results_thread
        return results

    def do(self, coroutine):
        (result,) = self.start(coroutine)
        return result


@pytest.fixture
def joined():
    return Joined()


def test_every_operation_reaches_the_store_and_its_answer_comes_back(joined):
    xenbus, do = joined.xenbus, joined.do
    assert do(xenbus.write("/a/b", "välue")) is None
    assert do(xenbus.read("/a/b")) == "välue"
    assert do(xenbus.mkdir("/a/c")) is None
    assert do(xenbus.directory("/a")) == ["b", "c"]
    assert do(xenbus.directory("/a/c")) == []
    assert do(xenbus.set_perms("/a/b", ["n0", "r5"])) is None
    assert do(xenbus.request(XsType.GET_PERMS, b"/a/b\0")) == b"n0\0r5\0"
    assert do(xenbus.rm("/a/c")) is None
    assert do(xenbus.exists("/a/c")) is False
    assert do(xenbus.exists("/a/b")) is True
    assert do(xenbus.read_or("/a/c", "default")) == "default"
    assert do(xenbus.read_or("/a/b", "default")) == "välue"
    assert do(xenbus.is_introduced(0)) is True
    assert do(xenbus.release(9)) is Errno.ENOENT
    assert joined.store.tree.get("/a/b").value == "välue".encode()


def test_refusals_come_back_by_name(joined):
    assert joined.do(joined.xenbus.read("/absent")) is Errno.ENOENT
    assert joined.do(joined.xenbus.read("bad//path")) is Errno.EINVAL
    assert joined.do(joined.xenbus.write("/a", "x" * XENSTORE_PAYLOAD_MAX)) is Errno.EINVAL
    assert joined.do(joined.xenbus.read_or("bad//path", "")) is Errno.EINVAL
    assert joined.do(joined.xenbus.exists("bad//path")) is Errno.EINVAL


def test_bytes_that_are_no_text_survive(joined):
    joined.ask_other(XsType.WRITE, b"/a\0\xff\xfe\0")
    value = joined.do(joined.xenbus.read("/a"))
    joined.do(joined.xenbus.write("/b", value))
    assert joined.store.tree.get("/b").value == b"\xff\xfe\0"


def test_requests_are_pipelined_and_more_than_the_ring_holds_follow_when_there_is_room(joined):
    results = [
        joined.start(joined.xenbus.write(f"/n/{number}", "x" * 200), served=False) for number in range(20)
    ]
    assert all(each == [] for each in results)
    joined.settle()
    assert results == [[None]] * 20
    assert len(joined.do(joined.xenbus.directory("/n"))) == 20


def test_a_watch_calls_back_at_once_and_on_changes_until_it_is_taken_back(joined):
    seen = []
    watch = joined.do(joined.xenbus.watch("/a", seen.append))
    assert seen == ["/a"]
    joined.ask_other(XsType.WRITE, b"/a/b\0x")
    joined.settle()
    assert seen == ["/a", "/a/b"]
    joined.do(joined.xenbus.unwatch(watch))
    joined.do(joined.xenbus.unwatch(watch))
    joined.ask_other(XsType.WRITE, b"/a/b\0y")
    joined.settle()
    assert seen == ["/a", "/a/b"]
    assert joined.store.statistics().watches == 0


def test_a_callback_may_take_back_its_watch_and_start_threads(joined):
    seen = []

    async def first(path):
        seen.append(await joined.xenbus.read_or(path, "absent"))

    def changed(path):
        seen.append(path)
        joined.threads.spawn("first", first(path))

    joined.do(joined.xenbus.watch("/a", changed))
    assert seen == ["/a", "absent"]


def test_tokens_are_the_clients_own_to_choose_but_only_once(joined):
    assert joined.do(joined.xenbus.watch("/a", lambda _: None, token="t")).token == "t"
    assert joined.do(joined.xenbus.watch("/b", lambda _: None, token="t")) is Errno.EEXIST
    assert joined.do(joined.xenbus.watch("bad//", lambda _: None, token="u")) is Errno.EINVAL
    assert joined.do(joined.xenbus.watch("/b", lambda _: None, token="u")).token == "u"


def test_a_transaction_is_run_again_while_others_interfere(joined):
    joined.do(joined.xenbus.write("/counter", "1"))
    runs = []

    async def body(transaction):
        value = int(await transaction.read("/counter"))
        runs.append(value)
        if len(runs) < 3:
            joined.ask_other(XsType.WRITE, b"/counter\0%d" % (value + 10))
        await transaction.write("/counter", str(value + 1))
        await transaction.switch_state("/device", XenbusState.Connected)
        return value

    assert joined.do(joined.xenbus.transact(body)) == 21
    assert runs == [1, 11, 21]
    assert joined.do(joined.xenbus.read("/counter")) == "22"
    assert joined.store.statistics().transactions == 0


def test_a_transaction_whose_body_raises_is_aborted(joined):
    async def body(transaction):
        await transaction.write("/a", "x")
        await transaction.read("/absent")

    assert joined.do(joined.xenbus.transact(body)) is Errno.ENOENT
    joined.settle()
    assert joined.do(joined.xenbus.exists("/a")) is False
    assert joined.store.statistics().transactions == 0


def test_a_cancelled_thread_leaves_no_transaction_and_no_watch(joined):
    async def body(transaction):
        await transaction.write("/a", "x")
        await joined.xenbus.wait_for_state("/device", {XenbusState.Closed})

    assert joined.start(joined.xenbus.transact(body)) == []
    numbers = joined.store.statistics()
    assert (numbers.transactions, numbers.watches) == (1, 1)
    joined.thread.cancel()
    joined.settle()
    numbers = joined.store.statistics()
    assert (numbers.transactions, numbers.watches) == (0, 0)


def test_states_are_read_written_and_waited_for(joined):
    xenbus = joined.xenbus
    assert joined.do(xenbus.read_state("/device")) is XenbusState.Unknown
    waiting = joined.start(xenbus.wait_for_state("/device", {XenbusState.InitWait, XenbusState.Connected}))
    joined.do(xenbus.switch_state("/device", XenbusState.Initialising))
    assert waiting == []
    joined.ask_other(XsType.WRITE, b"/device/state\0" + b"2")
    joined.settle()
    assert waiting == [XenbusState.InitWait]
    assert joined.store.statistics().watches == 0
    joined.do(xenbus.write("/device/state", "nonsense"))
    assert joined.do(xenbus.read_state("/device")) is XenbusState.Unknown


# Another server.


def lose(joined):
    """The server is gone, with what it knew; the next one is there, but the client has not looked."""
    joined.server_owed = joined.client_owed = False
    joined.serve(Store())


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
