"""A daemon that takes another's place on the same machine: what it keeps by an archive."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.releases import RELEASES
from actors.abi.xs_wire import XsConnection, XsType, unpack_header
from actors.kernel.kernel import SUPERVISOR
from actors.kernel.store import read_or
from actors.kernel.xenbus import LocalTransport, Xenbus
from actors.messages import CannotGoOn
from actors.start_info import STORE_GFN
from actors.xenstore.archive import ArchiveError, UnreadableArchive
from actors.xenstore.daemon import Xenstored
from actors.xenstore.memory_archive import MemoryArchive
from actors.xenstore.ring_client import RingClient
from tests.xen.guest import Guest


class Full(MemoryArchive):
    """An archive on a disk that is full now and then."""

    full = False
    refusals = 0

    def commit(self, batch):
        if self.full:
            self.refusals += 1
            raise ArchiveError("database or disk is full")
        super().commit(batch)


class Host:
    """A kernel with a daemon, its local client, and an archive that outlives both."""

    def __init__(self, xen, release=RELEASES["4.17"]):
        self.xen, self.kernel = xen, xen.kernels[0]
        self.kernel.xen.release = release
        self.archive = Full()
        self.fresh = []
        self.kernel.store_began = lambda: self.fresh.append(1)
        self.daemon = Xenstored(self.kernel, archive=self.archive)
        self.do(self.daemon.start())
        self.local = LocalTransport()
        self.daemon.served.connect_kernel(self.local)
        self.xenbus = Xenbus(self.kernel.threads, self.local, reconnect=True, log=self.kernel.log)

    @property
    def logs(self):
        return self.xen.consoles[0]

    def do(self, coroutine):
        return self.xen.do(0, coroutine)

    def guest(self, domid, **options):
        guest = Guest.create(self.xen, domid, **options)
        self.do(self.xenbus.write(f"/local/domain/{domid}/name", f"guest{domid}"))
        for path in ("", "/name"):
            self.do(self.xenbus.set_perms(f"/local/domain/{domid}{path}", [f"n{domid}"]))
        self.do(self.xenbus.introduce(domid, STORE_GFN, guest.port))
        return guest

    def kill(self):
        """The daemon dies where it stands, as a process does."""
        self.local.cut()
        ended = self.daemon.die()
        self.xen.run()
        assert ended.done
        assert self.xen.mapped(0) == []

    def restart(self):
        self.kill()
        self.daemon = Xenstored(self.kernel, archive=self.archive)
        self.do(self.daemon.start())
        self.daemon.served.connect_kernel(self.local)
        self.xen.run()
        self.daemon.check()


@pytest.fixture
def host(xen, later):
    return Host(xen, later.store.release)


def dump(daemon):
    return {
        path: (node.value, node.permissions, tuple(node.children), node.generation)
        for path, node in daemon.served.store.tree.rows()
    }


def test_only_the_first_daemon_begins_empty(host):
    host.restart()
    host.restart()
    assert host.fresh == [1]
    assert host.daemon.restored


def test_nodes_come_back_with_permissions_children_and_generations(host):
    host.guest(5)
    for name in ("z", "a", "m"):
        host.do(host.xenbus.write(f"/tool/{name}", name))
    host.do(host.xenbus.rm("/tool/a"))
    host.do(host.xenbus.write("/tool/a", "again"))
    before = dump(host.daemon)
    host.restart()
    assert dump(host.daemon) == before
    assert host.do(host.xenbus.directory("/tool")) == ["z", "m", "a"]
    host.do(host.xenbus.write("/tool/z", "y"))
    generations = [each[3] for each in dump(host.daemon).values()]
    assert len(set(generations)) == len(generations), "a generation was given twice"


def test_a_guest_notices_nothing(host):
    guest, seen = host.guest(5), []
    guest.do(guest.xenbus.watch("name", seen.append))
    guest.do(guest.xenbus.watch("far", seen.append))
    host.restart()
    assert guest.xenbus.reconnects == 0
    host.do(host.xenbus.write("/local/domain/5/name", "other"))
    assert guest.do(guest.xenbus.read("name")) == "other"
    assert seen == ["name", "far", "name"]
    assert host.do(host.xenbus.is_introduced(5))


def test_a_stock_guest_goes_on_too(host):
    guest = host.guest(5, reconnect=False)
    host.restart()
    guest.do(guest.xenbus.write("data", "x"))
    assert host.do(host.xenbus.read("/local/domain/5/data")) == "x"


def test_what_is_asked_while_no_daemon_runs_is_answered_by_the_next(host):
    guest = host.guest(5)
    host.kill()
    results = guest.start(guest.xenbus.write("data", "x"))
    assert results == []
    host.restart()
    assert results == [None]
    assert host.do(host.xenbus.read("/local/domain/5/data")) == "x"


def test_nobody_misses_what_another_asked_while_no_daemon_ran(host):
    first, second, seen = host.guest(5), host.guest(6), []
    first.do(first.xenbus.write("data", "x"))
    first.do(first.xenbus.set_perms("data", ["n5", "r6"]))
    second.do(second.xenbus.watch("/local/domain/5/data", seen.append))
    host.kill()
    first.start(first.xenbus.write("data", "y"))
    host.restart()
    assert seen == ["/local/domain/5/data"] * 2


def test_an_open_transaction_is_to_be_begun_again(host):
    guest = host.guest(5)
    runs = []

    async def body(transaction):
        runs.append(await transaction.read("name"))
        if len(runs) == 1:
            host.restart()
        await transaction.write("twice", "x" * len(runs))

    guest.do(guest.xenbus.transact(body))
    assert len(runs) == 2
    assert host.do(host.xenbus.read("/local/domain/5/twice")) == "xx"
    assert guest.xenbus.reconnects == 0


def test_a_domain_that_died_meanwhile_leaves_nothing(host):
    host.guest(5)
    guest, seen = host.guest(6), []
    host.do(host.xenbus.set_perms("@releaseDomain", ["n0", "r6"]))
    guest.do(guest.xenbus.watch("@releaseDomain", seen.append))
    host.kill()
    host.xen.destroy(5)
    host.restart()
    assert seen == ["@releaseDomain"] * 2
    assert not host.do(host.xenbus.exists("/local/domain/5/name"))
    assert [domid for domid, _ in host.xen.mapped(0)] == [6]
    host.restart()
    assert not host.do(host.xenbus.is_introduced(5))


def test_quotas_features_and_targets_are_kept(host):
    guest = host.guest(5)
    host.guest(6)
    host.do(host.xenbus.request(XsType.SET_QUOTA, b"5\0watches\0" + b"1\0"))
    host.do(host.xenbus.request(XsType.SET_FEATURE, b"5\0" + b"1\0"))
    host.do(host.xenbus.request(XsType.SET_TARGET, b"5\0" + b"6\0"))
    host.restart()
    assert guest.do(guest.xenbus.read("/local/domain/6/name")) == "guest6"
    assert host.do(host.xenbus.request(XsType.GET_FEATURE, b"5\0")) == b"1\0"
    for path in "ab":
        guest.do(guest.xenbus.watch(path, lambda _: None))
    with pytest.raises(XenError) as refusal:
        guest.do(guest.xenbus.watch("c", lambda _: None))
    assert refusal.value.errno is Errno.E2BIG


def test_nobody_is_told_what_the_archive_cannot_keep_until_it_can(host):
    guest = host.guest(5)
    answers = []
    tool = host.daemon.served.connect(answers.append)
    host.archive.full = True
    results = guest.start(guest.xenbus.write("data", "x"))
    host.daemon.served.request(tool, XsType.WRITE, 9, 0, b"/tool/a\0b")
    host.xen.run()
    assert (results, answers) == ([], [])
    assert len([line for line in host.logs if "full" in line]) == 1
    host.archive.full = False
    host.xen.now_ns = host.kernel.next_deadline_ns()
    host.xen.run()
    assert results == [None]
    assert unpack_header(answers[0])[:2] == (XsType.WRITE, 9)
    host.restart()
    assert host.do(host.xenbus.read("/tool/a")) == "b"


def test_an_archive_that_cannot_keep_something_is_asked_again_once_in_a_while(host):
    tool = host.daemon.served.connect(lambda _: None)
    host.archive.full = True
    for number in range(20):
        host.daemon.served.request(tool, XsType.WRITE, number, 0, b"/tool/a\0b")
        host.xen.now_ns += 1_000_000
        host.xen.run()
    host.archive.refusals = 0
    end_ns = host.xen.now_ns + 1_000_000_000
    while (due_ns := host.kernel.next_deadline_ns()) <= end_ns:
        host.xen.now_ns = due_ns
        host.xen.run()
    assert 0 < host.archive.refusals <= 10


class Cut(Exception):  # noqa: N818 (it names what happens)
    """The process ends here."""


POINTS = {
    "before the commit": (Full, "commit", False),
    "after the commit": (Full, "commit", True),
    "before the answers are written": (RingClient, "_write", False),
    "before the requests are given up": (RingClient, "_consume", False),
    "after the requests are given up": (RingClient, "_consume", True),
}


@pytest.fixture(params=POINTS, ids=[each.replace(" ", "-") for each in POINTS])
def cut(request, monkeypatch):
    """Ends the process at a point of the next turn."""
    owner, name, after = POINTS[request.param]
    original = getattr(owner, name)

    def arm():
        def dying(self, *arguments):
            monkeypatch.setattr(owner, name, original)
            if after:
                original(self, *arguments)
            raise Cut

        monkeypatch.setattr(owner, name, dying)

    return arm


def outcome(answer):
    """None, or the error."""
    try:
        answer.result()
    except XenError as error:
        return error.errno
    return None


async def count(transaction):
    number = int(await read_or(transaction, "count", "0"))
    await transaction.write("count", str(number + 1))


def test_a_daemon_killed_at_any_point_does_nothing_twice_and_leaves_nothing_out(host, cut):
    guest, seen = host.guest(5), []
    guest.do(guest.xenbus.write("count", "0"))
    guest.do(guest.xenbus.watch("count", seen.append))
    for _ in range(3):
        guest.do(guest.xenbus.transact(count))
    events = len(seen)
    number = int(guest.do(guest.xenbus.request(XsType.TRANSACTION_START, b"\0")).rstrip(b"\0"))
    guest.do(guest.xenbus.issue(XsType.READ, b"count\0", number))
    guest.do(guest.xenbus.issue(XsType.WRITE, b"count\0" + b"4", number))
    cut()
    answer = guest.xenbus.issue(XsType.TRANSACTION_END, b"T\0", number)
    with pytest.raises(Cut):
        host.xen.run()
    host.restart()
    committed = outcome(answer) is None
    assert outcome(answer) in {None, Errno.EAGAIN}
    assert guest.do(guest.xenbus.read("count")) == ("4" if committed else "3")
    assert len(seen) - events == committed, "a watch event was lost, or came twice"
    assert guest.xenbus.reconnects == 0
    assert not [line for line in guest.logs if "was not sent" in line], "an answer came twice"


def test_long_requests_and_answers_survive_in_the_middle(host):
    guest = host.guest(5)
    long = "x" * 2000
    answer = guest.xenbus.request(XsType.WRITE, b"long\0" + long.encode())
    guest.sleep()
    guest.kick()
    assert guest.page.server_holds
    host.restart()
    guest.wake()
    assert answer.result() == b"OK\0"
    answer = guest.xenbus.request(XsType.READ, b"long\0")
    guest.sleep()
    guest.kick()
    assert not answer.done
    host.restart()
    guest.wake()
    assert answer.result() == long.encode()
    assert guest.xenbus.reconnects == 0


def test_a_ring_that_cannot_be_gone_on_with_has_to_reconnect(host):
    guest = host.guest(5)
    guest.do(guest.xenbus.write("data", "x"))
    host.kill()
    guest.page.server_holds = True
    host.archive._rings.clear()
    host.restart()
    assert guest.xenbus.reconnects == 1
    assert guest.do(guest.xenbus.read("data")) == "x"


def test_a_ring_that_was_served_no_more_is_not_served_by_the_next(host):
    guest = host.guest(5)
    guest.sleep()
    page = guest.page
    page.requests.write(b"\xff" * 1024)
    guest.kick()
    assert page.error
    host.restart()
    assert page.error
    page.reset()
    guest.wake()
    assert guest.start(guest.xenbus.read("name")) == []
    page.connection = XsConnection.RECONNECT
    guest.kick()
    assert not page.error
    assert guest.do(guest.xenbus.read("name")) == "guest5"


def test_a_reconnect_that_was_wanted_is_done_by_the_next_daemon(host):
    guest = host.guest(5)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    host.kill()
    guest.sleep()
    guest.page.connection = XsConnection.RECONNECT
    host.restart()
    assert guest.page.connection == XsConnection.CONNECTED
    assert host.daemon.served.store.statistics().watches == 0


def test_a_hostile_page_costs_its_own_domain_only(host):
    guest, good = host.guest(5), host.guest(6)
    guest.sleep()
    host.kill()
    page = guest.page
    for index in range(512, 516):
        page.requests._words[index] = 0x7FFF_0000 + index * 4096
    host.restart()
    assert good.do(good.xenbus.read("name")) == "guest6"


def test_a_killed_daemon_without_an_archive_leaves_nothing(xen):
    host = Host(xen)
    guest = host.guest(5)
    host.archive = None
    host.restart()
    assert not host.daemon.restored
    assert host.fresh == [1, 1]
    assert guest.start(guest.xenbus.read("name")) == []
    assert not host.do(host.xenbus.exists("/local/domain/5/name"))


def test_a_daemon_that_cannot_read_what_was_kept_says_so_to_the_experimenter_and_serves_nobody(xen):
    why = "store.db: file is not a database"
    daemon = Xenstored(xen.kernels[0], archive=UnreadableArchive(why))
    assert xen.start(0, daemon.start()) == []
    assert xen.told == [(0, SUPERVISOR, CannotGoOn(f"xenstored cannot be started: {why}"))]
