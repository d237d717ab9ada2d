"""The daemon on a kernel: introductions, hostile rings, deaths, a daemon that takes over."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.interface import EvtchnStatus, ShutdownReason
from actors.abi.xs_wire import XsError, XsType, pack_message, unpack_header
from actors.start_info import STORE_GFN
from actors.xenstore.daemon import Xenstored
from tests.xen.guest import Guest
from tests.xenstore.local_client import local_client


class Dom0:
    """A kernel that runs the daemon, and its local client."""

    def __init__(self, xen):
        self.xen, self.kernel = xen, xen.kernels[0]
        self.daemon = Xenstored(self.kernel)
        self.kernel.check = self.daemon.check
        self.xenbus = local_client(self.kernel, self.daemon)
        self.do(self.daemon.start())

    def do(self, coroutine):
        return self.xen.do(0, coroutine)

    def home(self, domid):
        self.do(self.xenbus.write(f"/local/domain/{domid}/name", f"guest{domid}"))
        for path in ("", "/name"):
            self.do(self.xenbus.set_perms(f"/local/domain/{domid}{path}", [f"n{domid}"]))

    def introduce(self, guest, port=None):
        self.do(self.xenbus.introduce(guest.domid, STORE_GFN, port or guest.port))

    def guest(self, domid, **options):
        guest = Guest.create(self.xen, domid, **options)
        self.home(domid)
        self.introduce(guest)
        return guest


@pytest.fixture
def dom0(xen):
    return Dom0(xen)


@pytest.fixture
def reborn(dom0):
    """Kills dom0 with its daemon; another one on the same machine."""

    def make():
        dom0.xen.crash(0)
        return Dom0(dom0.xen)

    return make


def test_a_local_client_needs_no_ring(dom0):
    dom0.do(dom0.xenbus.write("/a/b", "c"))
    assert dom0.do(dom0.xenbus.read("/a/b")) == "c"
    assert dom0.do(dom0.xenbus.is_introduced(0))
    assert dom0.xen.mapped(0) == []


def test_an_introduced_domain_is_served(dom0):
    guest = dom0.guest(5)
    assert guest.do(guest.xenbus.read("name")) == "guest5"
    guest.do(guest.xenbus.write("data", "x"))
    assert dom0.do(dom0.xenbus.read("/local/domain/5/data")) == "x"
    assert dom0.do(dom0.xenbus.is_introduced(5))
    assert dom0.xen.mapped(0) == [(5, dom0.xen.mfn(5, STORE_GFN))]
    assert guest.xenbus.reconnects == 0


def test_answers_longer_than_the_ring_arrive_in_parts(dom0):
    guest = dom0.guest(5)
    dom0.do(dom0.xenbus.write("/local/domain/5/long", "x" * 4000))
    dom0.do(dom0.xenbus.set_perms("/local/domain/5/long", ["n5"]))
    assert guest.do(guest.xenbus.read("long")) == "x" * 4000
    guest.do(guest.xenbus.write("mine", "y" * 2000))
    assert guest.do(guest.xenbus.read("mine")) == "y" * 2000


def test_requests_that_were_in_the_ring_before_the_first_introduction_are_answered(dom0):
    guest = Guest.create(dom0.xen, 5)
    dom0.home(5)
    results = guest.start(guest.xenbus.read("name"))
    assert results == []
    dom0.introduce(guest)
    assert results == ["guest5"]
    assert guest.xenbus.reconnects == 0


@pytest.mark.parametrize(("domid", "port"), [(6, 0), (5, 1), (0, 0)])
def test_a_domain_without_ring_or_port_is_not_introduced(dom0, domid, port):
    guest = Guest.create(dom0.xen, 5)
    with pytest.raises(XenError) as refusal:
        dom0.do(dom0.xenbus.introduce(domid, STORE_GFN, guest.port + port))
    assert refusal.value.errno is Errno.EINVAL
    assert dom0.xen.mapped(0) == []
    assert dom0.do(dom0.xenbus.is_introduced(5)) is False


def test_introducing_again_resets_the_connection(dom0):
    guest = dom0.guest(5)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    guest.sleep()
    dom0.introduce(guest)
    assert dom0.daemon.served.store.statistics().watches == 0
    assert len(dom0.xen.mapped(0)) == 1
    guest.wake()
    assert guest.xenbus.reconnects == 1
    assert dom0.daemon.served.store.statistics().watches == 1


def test_a_refused_second_introduction_ends_the_first(dom0):
    guest = dom0.guest(5)
    with pytest.raises(XenError):
        dom0.introduce(guest, 9)
    assert dom0.xen.mapped(0) == []
    assert not dom0.do(dom0.xenbus.is_introduced(5))


def test_a_released_domain_is_served_no_more(dom0):
    guest = dom0.guest(5)
    dom0.do(dom0.xenbus.release(5))
    assert dom0.xen.mapped(0) == []
    assert dom0.xen.status(5, guest.port)["status"] == EvtchnStatus.unbound
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
    bad, good = dom0.guest(5), dom0.guest(6)
    bad.sleep()
    page = bad.page
    page.reset()
    spoil(page)
    bad.kick()
    assert page.error == error
    page.reset()
    bad.wake()
    assert bad.start(bad.xenbus.read("name")) == []
    assert good.do(good.xenbus.read("name")) == "guest6"
    page.connection = 1
    bad.kick()
    assert (page.error, page.connection) == (0, 0)
    assert bad.do(bad.xenbus.read("name")) == "guest5"


def test_the_servers_own_index_is_not_taken_from_the_page(dom0):
    guest = dom0.guest(5)
    page = guest.page
    page.requests._words[512] = 7
    guest.kick()
    assert (page.error, page.requests.consumer) == (XsError.NONE, page.requests._words[513])
    assert guest.do(guest.xenbus.read("name")) == "guest5"


def test_answers_into_a_ring_that_makes_no_sense_stop_the_service(dom0):
    guest = dom0.guest(5)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    guest.page.responses._words[515] = 3000
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "x"))
    assert guest.page.error == XsError.RINGIDX


def test_a_domain_that_takes_no_answers_is_not_read_from(dom0):
    guest = dom0.guest(5)
    guest.sleep()
    page = guest.page
    request = pack_message(XsType.GET_DOMAIN_PATH, 1, 0, b"5\0")
    for _ in range(40):
        if page.requests.write(request * 50) == 0:
            break
        guest.kick()
    else:
        raise AssertionError("it is read from for ever")
    answers = b""
    while data := page.responses.read():
        answers += data
        guest.kick()
    assert len(answers) % (16 + 16) == 0
    assert page.requests.write(request) == len(request)


def test_watch_events_that_are_not_taken_are_lost_after_a_while(dom0):
    guest = dom0.guest(5)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    guest.sleep()
    for number in range(60):
        dom0.do(dom0.xenbus.write("/local/domain/5/name", str(number)))
    dom0.xen.advance(30_000_000_000)
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "late"))
    client = dom0.daemon.rings.by_domain[5]
    assert len(client._output) <= 2, "60 events waited"
    guest.wake()
    assert guest.do(guest.xenbus.read("name")) == "late"


def test_a_domain_that_floods_events_keeps_no_more_than_a_bound(dom0):
    dom0.kernel.check = dom0.daemon.check_turn  # thousands of looks at the whole store take seconds
    guest = dom0.guest(5)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    guest.sleep()
    for number in range(1100):
        dom0.do(dom0.xenbus.write("/local/domain/5/name", str(number)))
    assert len(dom0.daemon.rings.by_domain[5]._output) <= 2, "the same event waits once"
    for number in range(1100):
        dom0.do(dom0.xenbus.write(f"/local/domain/5/name/{number}", ""))
    assert len(dom0.daemon.rings.by_domain[5]._output) == 1024


def test_the_death_of_a_domain_takes_everything_with_it(dom0):
    seen = []
    dom0.do(dom0.xenbus.watch("@releaseDomain", seen.append))
    guest = dom0.guest(5)
    dom0.guest(6)
    guest.do(guest.xenbus.watch("name", lambda _: None))
    seen.clear()
    dom0.xen.shut_down(5, ShutdownReason.poweroff)
    assert seen == ["@releaseDomain"]
    assert dom0.do(dom0.xenbus.is_introduced(5))
    dom0.xen.destroy(5)
    assert seen == ["@releaseDomain"] * 2
    assert not dom0.do(dom0.xenbus.is_introduced(5))
    assert not dom0.do(dom0.xenbus.exists("/local/domain/5"))
    assert dom0.do(dom0.xenbus.is_introduced(6))
    assert [domid for domid, _ in dom0.xen.mapped(0)] == [6]
    assert dom0.daemon.served.store.statistics().watches == 1


def test_a_dying_domain_lets_go_of_its_page_so_that_it_can_die(dom0):
    dom0.guest(5)
    dom0.xen.destroy(5)
    assert dom0.xen.mapped(0) == []
    assert list(dom0.xen.machine.owned_frames()) == [0]


def test_a_new_daemon_takes_over_the_rings_and_the_clients_reconnect(dom0, reborn):
    guest = dom0.guest(5)
    seen, republished = [], []
    guest.do(guest.xenbus.watch("name", seen.append))
    guest.xenbus.on_reconnect(lambda: republished.append(True))
    seen.clear()
    dom0.xen.sleep(0)
    in_flight = guest.start(guest.xenbus.read("name"))
    assert in_flight == []
    again = reborn()
    assert again.daemon.served.store.statistics().domains == 1
    again.home(5)
    again.introduce(guest)
    assert in_flight == ["guest5"]
    assert seen == ["name"]
    assert republished == [True]
    assert guest.xenbus.reconnects == 1
    again.do(again.xenbus.write("/local/domain/5/name", "other"))
    assert seen == ["name", "name"]


def test_a_transaction_begun_with_the_old_daemon_is_tried_again_with_the_new_one(dom0, reborn):
    guest = dom0.guest(5)
    bodies = []

    async def body(transaction):
        bodies.append(None)
        await transaction.write("data", "x")
        if len(bodies) == 1:
            dom0.xen.sleep(0)
        await transaction.write("more", "y")

    results = guest.start(guest.xenbus.transact(body))
    assert results == []
    again = reborn()
    again.home(5)
    again.introduce(guest)
    assert results == [None]
    assert len(bodies) == 2
    assert again.do(again.xenbus.read("/local/domain/5/more")) == "y"


def test_a_stock_client_never_looks_and_waits_for_ever(dom0, reborn):
    guest = dom0.guest(5, reconnect=False)
    seen = []
    guest.do(guest.xenbus.watch("name", seen.append))
    seen.clear()
    dom0.xen.sleep(0)
    in_flight = guest.start(guest.xenbus.read("name"))
    again = reborn()
    again.home(5)
    again.introduce(guest)
    again.do(again.xenbus.write("/local/domain/5/name", "other"))
    assert in_flight == []
    assert seen == []


def test_a_live_update_keeps_nodes_watches_and_connections(dom0):
    guest, seen = dom0.guest(5), []
    guest.do(guest.xenbus.watch("name", seen.append))
    before = dom0.daemon.served.store
    answers = []
    tool = dom0.daemon.served.connect(answers.append)
    dom0.daemon.served.request(tool, XsType.CONTROL, 7, 0, b"live-update\0-s\0")
    assert [unpack_header(each)[:2] for each in answers] == [(XsType.CONTROL, 7)]
    assert answers[0].endswith(b"OK\0")
    assert dom0.daemon.served.store is not before
    assert dom0.do(dom0.xenbus.read("/local/domain/5/name")) == "guest5"
    dom0.do(dom0.xenbus.write("/local/domain/5/name", "other"))
    assert guest.do(guest.xenbus.read("name")) == "other"
    assert seen == ["name", "name"]
    assert guest.xenbus.reconnects == 0


def test_a_live_update_waits_for_open_transactions_unless_it_is_forced(dom0):
    answers = []
    tool = dom0.daemon.served.connect(answers.append)
    dom0.daemon.served.request(tool, XsType.TRANSACTION_START, 1, 0, b"\0")
    dom0.daemon.served.request(tool, XsType.CONTROL, 2, 0, b"live-update\0-s\0")
    dom0.daemon.served.request(tool, XsType.CONTROL, 3, 0, b"live-update\0-s\0-F\0")
    assert [each[16:] for each in answers[1:]] == [b"BUSY\0", b"OK\0"]
