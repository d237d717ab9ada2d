"""The daemon on a kernel: introductions, hostile rings, deaths, a daemon that takes over, the stub domain."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import DominfFlags
from actors.abi.xs_wire import XsError, XsType, pack_message, unpack_header
from actors.kernel.xenbus import Xenbus
from actors.xenstore.daemon import Xenstored
from actors.xenstore.stub_domain import XenstoreDomain


class Dom0:
    """A kernel that runs the daemon, and its local client."""

    def __init__(self, make_xen, xen=None):
        fresh, self.kernel = make_xen()
        self.xen = xen or fresh
        if xen is not None:
            self.kernel = type(self.kernel)(xen.memory, [[0, 0, 64]])
        self.xen.boot(self.kernel)
        self.daemon = Xenstored(self.kernel)
        self.kernel.check = self.daemon.check
        self.xenbus = Xenbus(
            self.kernel.threads, self.daemon.connect_local(), reconnect=True, log=self.xen.logs.append
        )
        self.do(self.daemon.start())

    def do(self, coroutine):
        return self.xen.do(coroutine)

    def home(self, domid):
        self.do(self.xenbus.write(f"/local/domain/{domid}/name", f"guest{domid}"))
        for path in ("", "/name"):
            self.do(self.xenbus.set_perms(f"/local/domain/{domid}{path}", [f"n{domid}"]))

    def guest(self, domid, mfn, **options):
        guest = self.xen.guest(domid, mfn, **options)
        self.home(domid)
        self.do(self.xenbus.introduce(domid, 32, 3))
        guest.settle()
        return guest


@pytest.fixture
def dom0(make_xen):
    return Dom0(make_xen)


@pytest.fixture
def reborn(make_xen, dom0):
    """Kills the daemon with its kernel; another one on the same machine."""

    def make():
        dom0.xen.maps.clear()
        for each in dom0.xen.domains.values():
            each.bound = 0
        return Dom0(make_xen, dom0.xen)

    return make


def test_a_local_client_needs_no_ring(dom0):
    dom0.do(dom0.xenbus.write("/a/b", "c"))
    assert dom0.do(dom0.xenbus.read("/a/b")) == "c"
    assert dom0.do(dom0.xenbus.is_introduced(0))
    assert dom0.xen.maps == {}


def test_an_introduced_domain_is_served(dom0):
    guest = dom0.guest(5, 100)
    assert guest.do(guest.xenbus.read("name")) == "guest5"
    guest.do(guest.xenbus.write("data", "x"))
    assert dom0.do(dom0.xenbus.read("/local/domain/5/data")) == "x"
    assert dom0.do(dom0.xenbus.is_introduced(5))
    assert list(dom0.xen.maps.values()) == [(5, 100)]
    assert guest.xenbus.reconnects == 0


def test_answers_longer_than_the_ring_arrive_in_parts(dom0):
    guest = dom0.guest(5, 100)
    dom0.do(dom0.xenbus.write("/local/domain/5/long", "x" * 4000))
    dom0.do(dom0.xenbus.set_perms("/local/domain/5/long", ["n5"]))
    assert guest.do(guest.xenbus.read("long")) == "x" * 4000
    guest.do(guest.xenbus.write("mine", "y" * 2000))
    assert guest.do(guest.xenbus.read("mine")) == "y" * 2000


def test_requests_that_were_in_the_ring_before_the_first_introduction_are_answered(dom0):
    guest = dom0.xen.guest(5, 100)
    dom0.home(5)
    results = guest.start(guest.xenbus.read("name"))
    assert results == []
    dom0.do(dom0.xenbus.introduce(5, 32, 3))
    guest.settle()
    assert results == ["guest5"]
    assert guest.xenbus.reconnects == 0


@pytest.mark.parametrize(("domid", "port"), [(6, 3), (5, 4), (0, 3)])
def test_a_domain_without_ring_or_port_is_not_introduced(dom0, domid, port):
    dom0.xen.guest(5, 100)
    with pytest.raises(XenError) as refusal:
        dom0.do(dom0.xenbus.introduce(domid, 32, port))
    assert refusal.value.errno is Errno.EINVAL
    assert dom0.xen.maps == {}
    assert dom0.do(dom0.xenbus.is_introduced(5)) is False


def test_introducing_again_resets_the_connection(dom0):
    guest = dom0.guest(5, 100)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    dom0.do(dom0.xenbus.introduce(5, 32, 3))
    assert dom0.daemon.store.statistics().watches == 0
    assert len(dom0.xen.maps) == 1
    guest.settle()
    assert guest.xenbus.reconnects == 1
    assert dom0.daemon.store.statistics().watches == 1


def test_a_refused_second_introduction_ends_the_first(dom0):
    dom0.guest(5, 100)
    with pytest.raises(XenError):
        dom0.do(dom0.xenbus.introduce(5, 32, 9))
    assert dom0.xen.maps == {}
    assert not dom0.do(dom0.xenbus.is_introduced(5))


def test_a_released_domain_is_served_no_more(dom0):
    guest = dom0.guest(5, 100)
    dom0.do(dom0.xenbus.release(5))
    dom0.xen.handle(None)
    assert dom0.xen.maps == {}
    assert dom0.xen.closed == [dom0.xen.domains[5].bound]
    dom0.xen.domains[5].bound = 0
    assert guest.start(guest.xenbus.read("name")) == []


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda ring: ring.requests._words.__setitem__(513, 5000), XsError.RINGIDX),
        (lambda ring: ring.requests.write(bytes(12) + b"\x01\x10\0\0"), XsError.PROTO),
        (lambda ring: ring.requests.write(b"\xff" * 1024), XsError.PROTO),
    ],
)
def test_a_ring_that_makes_no_sense_is_not_served_and_nobody_else_notices(dom0, spoil, error):
    bad, good = dom0.guest(5, 100), dom0.guest(6, 101)
    page = dom0.xen.page(100)
    page.reset()
    spoil(page)
    dom0.xen.event(dom0.xen.domains[5].bound)
    assert page.error == error
    page.reset()
    assert bad.start(bad.xenbus.read("name")) == []
    assert good.do(good.xenbus.read("name")) == "guest6"
    page.connection = 1
    dom0.xen.event(dom0.xen.domains[5].bound)
    assert (page.error, page.connection) == (0, 0)
    assert bad.do(bad.xenbus.read("name")) == "guest5"


def test_the_servers_own_index_is_not_taken_from_the_page(dom0):
    guest = dom0.guest(5, 100)
    page = dom0.xen.page(100)
    page.requests._words[512] = 7
    dom0.xen.event(dom0.xen.domains[5].bound)
    assert (page.error, page.requests.consumer) == (XsError.NONE, page.requests._words[513])
    assert guest.do(guest.xenbus.read("name")) == "guest5"


def test_answers_into_a_ring_that_makes_no_sense_stop_the_service(dom0):
    guest = dom0.guest(5, 100)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    dom0.xen.page(100).responses._words[515] = 3000
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "x"))
    assert dom0.xen.page(100).error == XsError.RINGIDX


def test_a_domain_that_takes_no_answers_is_not_read_from(dom0):
    dom0.guest(5, 100)
    page, port = dom0.xen.page(100), dom0.xen.domains[5].bound
    request = pack_message(XsType.GET_DOMAIN_PATH, 1, 0, b"5\0")
    for _ in range(40):
        if page.requests.write(request * 50) == 0:
            break
        dom0.xen.event(port)
    else:
        raise AssertionError("it is read from for ever")
    answers = b""
    while data := page.responses.read():
        answers += data
        dom0.xen.event(port)
    assert len(answers) % (16 + 16) == 0
    assert page.requests.write(request) == len(request)


def test_watch_events_that_are_not_taken_are_lost_after_a_while(dom0):
    guest = dom0.guest(5, 100)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    for number in range(60):
        dom0.do(dom0.xenbus.write("/local/domain/5/name", str(number)))
    dom0.xen.now_ns = 30_000_000_000
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "late"))
    client = dom0.daemon._rings[5]
    assert client._output.discarded > 0
    assert len(client._output) <= 2
    assert guest.do(guest.xenbus.read("name")) == "late"


def test_a_domain_that_floods_events_keeps_no_more_than_a_bound(dom0):
    guest = dom0.guest(5, 100)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    for number in range(1100):
        dom0.do(dom0.xenbus.write("/local/domain/5/name", str(number)))
    assert len(dom0.daemon._rings[5]._output) <= 2, "the same event waits once"
    for number in range(1100):
        dom0.do(dom0.xenbus.write(f"/local/domain/5/name/{number}", ""))
    assert len(dom0.daemon._rings[5]._output) == 1024


def test_the_death_of_a_domain_takes_everything_with_it(dom0):
    seen = []
    dom0.do(dom0.xenbus.watch("@releaseDomain", seen.append))
    guest = dom0.guest(5, 100)
    dom0.guest(6, 101)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    seen.clear()
    dom0.xen.domains[5].flags = int(DominfFlags.shutdown)
    dom0.xen.virq()
    dom0.xen.virq()
    assert seen == ["@releaseDomain"]
    assert dom0.do(dom0.xenbus.is_introduced(5))
    del dom0.xen.domains[5]
    dom0.xen.virq()
    assert seen == ["@releaseDomain"] * 2
    assert not dom0.do(dom0.xenbus.is_introduced(5))
    assert not dom0.do(dom0.xenbus.exists("/local/domain/5"))
    assert dom0.do(dom0.xenbus.is_introduced(6))
    assert list(dom0.xen.maps.values()) == [(6, 101)]
    assert dom0.daemon.store.statistics().watches == 1


def test_a_dying_domain_lets_go_of_its_page_so_that_it_can_die(dom0):
    dom0.guest(5, 100)
    dom0.xen.domains[5].flags = int(DominfFlags.dying)
    dom0.xen.virq()
    assert dom0.xen.maps == {}


def test_a_new_daemon_takes_over_the_rings_and_the_clients_reconnect(dom0, reborn):
    guest = dom0.guest(5, 100)
    seen, republished = [], []
    guest.do(guest.xenbus.watch("name", seen.append))
    guest.settle()
    guest.xenbus.on_reconnect(lambda: republished.append(True))
    seen.clear()
    dom0.xen.domains[5].bound = 0
    in_flight = guest.start(guest.xenbus.read("name"))
    assert in_flight == []
    again = reborn()
    assert again.daemon.store.statistics().domains == 1
    again.home(5)
    again.do(again.xenbus.introduce(5, 32, 3))
    guest.settle()
    assert in_flight == ["guest5"]
    assert seen == ["name"]
    assert republished == [True]
    assert guest.xenbus.reconnects == 1
    again.do(again.xenbus.write("/local/domain/5/name", "other"))
    guest.settle()
    assert seen == ["name", "name"]


def test_a_transaction_begun_with_the_old_daemon_is_tried_again_with_the_new_one(dom0, reborn):
    guest = dom0.guest(5, 100)
    bodies = []

    async def body(transaction):
        bodies.append(None)
        await transaction.write("data", "x")
        if len(bodies) == 1:
            dom0.xen.domains[5].bound = 0
        await transaction.write("more", "y")

    results = guest.start(guest.xenbus.transact(body))
    assert results == []
    again = reborn()
    again.home(5)
    again.do(again.xenbus.introduce(5, 32, 3))
    guest.settle()
    assert results == [None]
    assert len(bodies) == 2
    assert again.do(again.xenbus.read("/local/domain/5/more")) == "y"


def test_a_stock_client_never_looks_and_waits_for_ever(dom0, reborn):
    guest = dom0.guest(5, 100, reconnect=False)
    seen = []
    guest.do(guest.xenbus.watch("name", seen.append))
    guest.settle()
    seen.clear()
    dom0.xen.domains[5].bound = 0
    in_flight = guest.start(guest.xenbus.read("name"))
    again = reborn()
    again.home(5)
    again.do(again.xenbus.introduce(5, 32, 3))
    guest.settle()
    again.do(again.xenbus.write("/local/domain/5/name", "other"))
    guest.settle()
    assert in_flight == []
    assert seen == []


# The stub domain.


@pytest.fixture
def stub(make_xen):
    """A stub domain with port 1 for domain 0, not yet booted."""
    xen, kernel = make_xen(XenstoreDomain, store_port=1, store_domid=2)
    return xen, kernel


def control(xen, mfn):
    """A domain 0 that has bound the stub's port and granted its page."""
    guest = xen.guest(0, mfn)
    xen.domains[0].bound = 1
    xen.unbound.discard(1)
    return guest


def test_a_stub_serves_the_domain_0_that_was_there_before_it(stub):
    xen, kernel = stub
    dom0 = control(xen, 100)
    xen.boot(kernel)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    assert dom0.do(dom0.xenbus.read("/tool")) == "x"


def test_a_stub_serves_a_domain_0_that_knocks(stub):
    xen, kernel = stub
    xen.unbound.add(1)
    xen.boot(kernel)
    dom0 = control(xen, 100)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    guest = xen.guest(5, 101)
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "guest"))
    dom0.do(dom0.xenbus.set_perms("/local/domain/5/name", ["n5"]))
    dom0.do(dom0.xenbus.introduce(5, 32, 3))
    assert guest.do(guest.xenbus.read("name")) == "guest"


@pytest.mark.parametrize("notice", ["after its death", "when the next has bound", "never told"])
def test_a_stub_outlives_domain_0(stub, notice):
    xen, kernel = stub
    xen.virq_refused = notice == "never told"
    xen.boot(kernel)
    dom0 = control(xen, 100)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    dom0.do(dom0.xenbus.watch("/tool", lambda _: None))
    xen.domains[0].mfn = 0
    xen.unbound.add(1)
    if notice == "after its death":
        xen.virq()
        assert xen.maps == {}
        assert kernel.statistics().connections == 0
    dom0 = control(xen, 110)
    if notice == "when the next has bound":
        xen.virq()
    assert dom0.do(dom0.xenbus.read("/tool")) == "x"
    assert list(xen.maps.values()) == [(0, 110)]
    assert xen.closed == []
    assert kernel.statistics().watches == 0


def test_a_stub_hears_of_the_deaths_of_others(stub):
    xen, kernel = stub
    xen.boot(kernel)
    dom0 = control(xen, 100)
    seen = []
    for domid, mfn in ((5, 101), (6, 102), (7, 103)):
        xen.guest(domid, mfn)
        dom0.do(dom0.xenbus.introduce(domid, 32, 3))
    dom0.do(dom0.xenbus.watch("@releaseDomain", seen.append))
    del xen.domains[5]
    xen.domains[6].flags = int(DominfFlags.dying)
    xen.virq()
    dom0.settle()
    assert seen == ["@releaseDomain"] * 3
    assert sorted(xen.maps.values()) == [(0, 100), (7, 103)]
    xen.domains[7].flags = int(DominfFlags.shutdown)
    xen.virq()
    dom0.settle()
    assert len(seen) == 4
    assert dom0.do(dom0.xenbus.is_introduced(7))


def test_a_domain_0_that_has_bound_but_granted_nothing_yet_is_found_when_it_knocks(stub):
    xen, kernel = stub
    xen.boot(kernel)
    dom0 = control(xen, 0)
    xen.event(1)
    assert kernel.statistics().connections == 0
    dom0 = control(xen, 100)
    dom0.do(dom0.xenbus.write("/tool", "x"))


def test_another_domain_cannot_pass_for_domain_0(stub):
    xen, kernel = stub
    xen.boot(kernel)
    dom0 = control(xen, 100)
    dom0.do(dom0.xenbus.write("/tool", "x"))
    guest = xen.guest(5, 101)
    dom0.do(dom0.xenbus.introduce(5, 32, 3))
    for refused in (guest.xenbus.introduce(6, 32, 3), guest.xenbus.release(5), guest.xenbus.read("/tool")):
        with pytest.raises(XenError) as refusal:
            guest.do(refused)
        assert refusal.value.errno is Errno.EACCES


def test_a_live_update_keeps_nodes_watches_and_connections(dom0):
    guest, seen = dom0.guest(5, 100), []
    guest.do(guest.xenbus.watch("name", seen.append))
    before = dom0.daemon.store
    answers = []
    tool = dom0.daemon.connect_tool(answers.append)
    dom0.daemon.request(tool, XsType.CONTROL, 7, 0, b"live-update\0-s\0")
    assert [unpack_header(each)[:2] for each in answers] == [(XsType.CONTROL, 7)]
    assert answers[0].endswith(b"OK\0")
    assert dom0.daemon.store is not before
    assert dom0.do(dom0.xenbus.read("/local/domain/5/name")) == "guest5"
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "other"))
    assert guest.do(guest.xenbus.read("name")) == "other"
    assert seen == ["name", "name"]
    assert guest.xenbus.reconnects == 0


def test_a_live_update_waits_for_open_transactions_unless_it_is_forced(dom0):
    answers = []
    tool = dom0.daemon.connect_tool(answers.append)
    dom0.daemon.request(tool, XsType.TRANSACTION_START, 1, 0, b"\0")
    dom0.daemon.request(tool, XsType.CONTROL, 2, 0, b"live-update\0-s\0")
    dom0.daemon.request(tool, XsType.CONTROL, 3, 0, b"live-update\0-s\0-F\0")
    assert [each[16:] for each in answers[1:]] == [b"BUSY\0", b"OK\0"]
