"""The XenStore client, joined to a store over a ring page in memory; both ends are asserted."""

from actors.abi.errno import Errno
from actors.abi.interface import XenbusState
from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XsType
from actors.kernel.store import read_or, read_state, state_text, write_device


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
    assert do(read_or(xenbus, "/a/c", "default")) == "default"
    assert do(read_or(xenbus, "/a/b", "default")) == "välue"
    assert do(xenbus.is_introduced(0)) is True
    assert do(xenbus.release(9)) is Errno.ENOENT
    assert joined.store.tree.get("/a/b").value == "välue".encode()


def test_refusals_come_back_by_name(joined):
    assert joined.do(joined.xenbus.read("/absent")) is Errno.ENOENT
    assert joined.do(joined.xenbus.read("bad//path")) is Errno.EINVAL
    assert joined.do(joined.xenbus.write("/a", "x" * XENSTORE_PAYLOAD_MAX)) is Errno.EINVAL
    assert joined.do(read_or(joined.xenbus, "bad//path", "")) is Errno.EINVAL
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


def test_what_is_read_all_at_once_is_asked_before_the_first_answer_and_lacks_what_is_not_there(joined):
    joined.do(joined.xenbus.write_all({"/a": "1", "/b": "2"}))
    results = joined.start(joined.xenbus.read_all(["/b", "/absent", "/a"]), served=False)
    assert results == []
    joined.log_of_requests.clear()
    joined.settle()
    assert [payload for _, payload, _ in joined.log_of_requests] == [b"/b\0", b"/absent\0", b"/a\0"]
    assert results == [{"/b": "2", "/a": "1"}]
    assert joined.do(joined.xenbus.read_all(["/a", "bad//path"])) is Errno.EINVAL


def test_a_look_has_seen_what_was_changed_before_it_was_answered_and_nothing_later(joined):
    seen, told = [], []
    joined.do(joined.xenbus.watch("/a", lambda _: told.append((joined.xenbus.told_event, list(seen)))))
    assert told == [(1, [])]
    found = joined.start(joined.xenbus.look(["/a", "/absent"], seen.append), served=False)
    joined.ask_other(XsType.WRITE, b"/a\0before")
    joined.server_turn()
    joined.settle()
    assert (found, seen) == ([{"/a": "before"}], [2])
    assert told[1] == (2, [2]), "whoever is called back knows already that it was seen"
    joined.ask_other(XsType.WRITE, b"/a\0after")
    joined.settle()
    assert told[2] == (3, [2])


def test_of_what_is_written_all_at_once_a_refusal_is_told_whatever_became_of_the_rest(joined):
    assert joined.do(joined.xenbus.write_all({"/a": "1", "bad//path": "2", "/c": "3"})) is Errno.EINVAL
    assert joined.do(joined.xenbus.read_all(["/a", "/c"])) == {"/a": "1", "/c": "3"}


def test_a_device_is_written_in_one_transaction_whose_end_waits_for_what_it_ends(joined):
    written = write_device(joined.xenbus, "/d", {"ring-ref": "8", "port": "3"}, XenbusState.Initialised)
    assert joined.start(written) == [None]
    assert [(kind, payload) for kind, payload, _ in joined.log_of_requests] == [
        (XsType.TRANSACTION_START, b"\0"),
        (XsType.WRITE, b"/d/ring-ref\x008"),
        (XsType.WRITE, b"/d/port\x003"),
        (XsType.WRITE, b"/d/state\x003"),
        (XsType.TRANSACTION_END, b"T\0"),
    ]
    refused = joined.do(write_device(joined.xenbus, "/d", {"bad//key": "8"}, XenbusState.Connected))
    assert refused is Errno.EINVAL
    assert joined.log_of_requests[-1][:2] == (XsType.TRANSACTION_END, b"F\0")
    assert joined.do(read_state(joined.xenbus, "/d")) is XenbusState.Initialised, "not without its keys"


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
        seen.append(await read_or(joined.xenbus, path, "absent"))

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
        await transaction.write("/device/state", state_text(XenbusState.Connected))
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
    assert joined.do(read_state(xenbus, "/device")) is XenbusState.Unknown
    waiting = joined.start(xenbus.wait_for_state("/device", {XenbusState.InitWait, XenbusState.Connected}))
    joined.do(xenbus.write("/device/state", state_text(XenbusState.Initialising)))
    assert waiting == []
    joined.ask_other(XsType.WRITE, b"/device/state\0" + b"2")
    joined.settle()
    assert waiting == [XenbusState.InitWait]
    assert joined.store.statistics().watches == 0
    joined.do(xenbus.write("/device/state", "nonsense"))
    assert joined.do(read_state(xenbus, "/device")) is XenbusState.Unknown
