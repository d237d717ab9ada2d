"""Frontend and backend joined: data goes both ways, and survives the death of dom0 between any two stores."""

from contextlib import suppress
from itertools import chain, combinations, product
from random import Random

import pytest

from actors.abi.interface import XenbusState
from tests.block.worker import block

READ, WRITE, FLUSH = 0, 1, 3
BACK = "/local/domain/0/backend/vbd/1/51712"
FRONT = "/local/domain/1/device/vbd/51712"


class Killed(BaseException):
    """The process of dom0 died here."""


class Budget:
    """How many more stores into the ring page a backend lives for; `tore`: whether the last one was cut."""

    def __init__(self, stores, *, torn):
        self.stores, self.torn, self.tore = stores, torn, False


class DyingView:
    """A view of the ring page that kills whoever has used up the budget, perhaps in mid-store."""

    def __init__(self, view, budget):
        self._view, self._budget = view, budget

    def __getitem__(self, key):
        return self._view[key]

    def __setitem__(self, key, value):
        if self._budget.stores == 0:
            if self._budget.torn and isinstance(key, slice):
                self._budget.tore = True
                half = key.start + len(value) // 2
                self._view[key.start : half] = value[: half - key.start]
            raise Killed
        self._budget.stores -= 1
        self._view[key] = value


def make_mortal(back, budget):
    queue = back._queue
    queue._ring._words = DyingView(queue._ring._words, budget)
    journal = queue._journal
    journal._words = DyingView(journal._words, budget)
    journal._page = DyingView(journal._page, budget)


def run_until_killed(pair):
    with suppress(Killed):
        pair.world.run()


@pytest.fixture(params=[True, False], ids=["persistent", "granted-each-time"])
def pair(request, make_pair):
    pair = make_pair()
    return pair if request.param else pair.grant_each_time()


def test_what_is_written_is_read_back(pair):
    pair.world.call(pair.guest, pair.front.write(8, block(1)))
    assert pair.world.call(pair.guest, pair.front.read(8, 8)) == block(1)
    assert pair.volume.data[8 * 512 : 16 * 512] == block(1)
    assert pair.front.sectors == pair.volume.sectors


@pytest.mark.parametrize("sectors", [1, 7, 8, 9, 88, 89, 1000])
def test_io_of_any_size_arrives_whole(pair, sectors):
    data = Random(sectors).randbytes(sectors * 512)
    pair.world.call(pair.guest, pair.front.write(3, data))
    assert pair.world.call(pair.guest, pair.front.read(3, sectors)) == data
    assert pair.volume.data[3 * 512 : (3 + sectors) * 512] == data


def test_many_at_once_are_all_answered(pair):
    answers = [pair.submit(WRITE, 8 * number, block(number), 8) for number in range(200)]
    pair.world.run()
    assert answers == [[(0, None)]] * 200
    reads = [pair.submit(READ, 8 * number, None, 8) for number in range(200)]
    pair.world.run()
    assert reads == [[(0, block(number))] for number in range(200)]
    pair.front.check()
    pair.back.check()


def test_a_flush_reaches_the_disk_after_the_writes_before_it(pair):
    pair.submit(WRITE, 0, block(1), 8)
    pair.submit(FLUSH, 0, None, 0)
    pair.submit(WRITE, 8, block(2), 8)
    pair.world.run()
    assert pair.volume.done == [(WRITE, 0), (FLUSH, 0), (WRITE, 8)]


def test_disconnecting_leaves_no_grant_port_or_mapping(pair):
    pair.world.call(pair.guest, pair.front.write(8, block(1, 88)))
    pair.world.call(pair.guest, pair.front.disconnect())
    pair.world.run()
    assert (pair.guest.ports, pair.dom0.ports, pair.world.mapped) == ({}, {}, [])
    assert pair.guest.kernel.grants.granted == pair.dom0.kernel.grants.mapped == 0
    assert pair.front.state is pair.back.state is XenbusState.Closed


def test_what_was_in_flight_is_asked_again_in_order_before_anything_newer(pair):
    pair.volume.hold = True
    answers = [pair.submit(WRITE, 8 * number, block(number), 8) for number in range(40)]
    pair.world.run()
    assert len(pair.volume.held) == 32
    pair.world.kill(pair.dom0)
    answers.append(pair.submit(WRITE, 8 * 40, block(40), 8))
    pair.world.run()
    pair.volume.hold = False
    pair.volume.done.clear()
    pair.dom0_again()
    assert pair.volume.done == [(WRITE, 8 * number) for number in range(41)]
    assert answers == [[(0, None)]] * 41
    statistics = pair.front.statistics()
    assert (statistics.reconnects, statistics.replayed, statistics.in_flight) == (1, 32, 0)
    assert pair.back.statistics().renegotiations == 1


def test_a_backend_that_resumes_is_not_noticed_by_its_frontend(make_pair):
    pair = make_pair("resume")
    ring = pair.world.nodes[f"{FRONT}/ring-ref"]
    pair.volume.hold = True
    answers = [pair.submit(WRITE, 8 * number, block(number), 8) for number in range(40)]
    pair.world.run()
    pair.world.kill(pair.dom0)
    pair.world.run()
    pair.volume.hold = False
    pair.dom0_again("resume")
    assert answers == [[(0, None)]] * 40
    assert pair.world.nodes[f"{FRONT}/ring-ref"] == ring
    assert pair.back.statistics().resumes == 1
    statistics = pair.front.statistics()
    assert (statistics.reconnects, statistics.replayed) == (0, 0)


def recorder(order, number):
    return lambda status, data: order.append((number, status, bytes(data) if data else None))


REQUESTS = [(WRITE, 0, 1), (WRITE, 0, 2), (READ, 8, 0), (WRITE, 16, 3)]
SUBSETS = list(chain.from_iterable(combinations(range(4), count) for count in range(5)))


@pytest.mark.parametrize("completed", SUBSETS, ids=str)
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "granted-each-time"])
def test_a_death_after_any_store_of_the_publication_is_survived_by_resume(make_pair, completed, persistent):
    budget = None
    for stores, torn in product(range(4 * len(completed) + 3), [True, False]):
        if not torn and not budget.tore:
            continue  # nothing could be torn: it has died there
        pair = make_pair("resume")
        if not persistent:
            pair.grant_each_time()
        pair.volume.data[8 * 512 : 16 * 512] = block(9)
        pair.volume.hold = True
        order = []
        for number, (operation, sector, value) in enumerate(REQUESTS):
            pair.front.submit(
                operation, sector, block(value) if operation == WRITE else None, 8,
                recorder(order, number),
            )  # fmt: skip
        pair.world.run()
        budget = Budget(stores, torn=torn)
        make_mortal(pair.back, budget)
        for already, number in enumerate(completed):
            try:
                pair.volume.complete(number - already)
            except Killed:
                break
        else:
            run_until_killed(pair)
        pair.world.kill(pair.dom0)
        pair.world.run()
        pair.volume.hold = False
        pair.dom0_again("resume")
        assert sorted(row[0] for row in order) == [0, 1, 2, 3], "each is answered exactly once"
        assert {row[1] for row in order} == {0}
        assert [row[2] for row in order if row[0] == 2] == [block(9)]
        assert pair.volume.data[: 8 * 512] == block(2)
        assert pair.volume.data[16 * 512 : 24 * 512] == block(3)
        assert pair.back.statistics().resumes == 1
        pair.front.check()


@pytest.mark.parametrize("completed", SUBSETS, ids=str)
def test_a_death_after_any_completions_is_survived_by_renegotiate(pair, completed):
    pair.volume.hold = True
    order = []
    for number, (operation, sector, value) in enumerate(REQUESTS):
        pair.front.submit(
            operation, sector, block(value) if operation == WRITE else None, 8,
            recorder(order, number),
        )  # fmt: skip
    pair.world.run()
    for already, number in enumerate(completed):
        pair.volume.complete(number - already)
    pair.world.run()
    pair.world.kill(pair.dom0)
    pair.world.run()
    pair.volume.hold = False
    pair.dom0_again()
    assert sorted(row[:2] for row in order) == [(number, 0) for number in range(4)]
    last = [row[0] for row in order if row[0] < 2][-1]
    assert pair.volume.data[: 8 * 512] == block(REQUESTS[last][2])
    assert pair.volume.data[16 * 512 : 24 * 512] == block(3)


def test_a_guest_that_dies_leaves_nothing_in_dom0(make_pair):
    pair = make_pair()
    pair.world.call(pair.guest, pair.front.write(0, block(1, 88)))
    pair.world.kill(pair.guest)
    pair.world.remove(BACK)
    pair.world.remove("/local/domain/1")
    pair.world.run()
    assert (pair.world.mapped, pair.dom0.ports, pair.world.watches) == ([], {}, [])
    assert pair.dom0.kernel.grants.mapped == 0


def test_a_stock_frontend_hangs_when_its_backend_renegotiates(make_pair):
    pair = make_pair(front_policy="stock-linux")
    pair.volume.hold = True
    answers = pair.submit(WRITE, 0, block(1), 8)
    pair.world.run()
    pair.crash()
    pair.world.advance(3_600_000_000_000)
    assert answers == []
    assert pair.back.state is XenbusState.InitWait
    assert pair.front.state is XenbusState.Connected


def test_a_stock_frontend_survives_a_backend_that_resumes(make_pair):
    pair = make_pair("resume", front_policy="stock-linux")
    pair.volume.hold = True
    answers = pair.submit(WRITE, 0, block(1), 8)
    pair.world.run()
    pair.volume.hold = False
    pair.crash("resume")
    assert answers == [(0, None)]


def test_a_stock_frontend_hangs_when_its_backend_vanishes(make_pair):
    pair = make_pair(front_policy="stock-linux")
    pair.volume.hold = True
    answers = pair.submit(WRITE, 0, block(1), 8)
    pair.world.run()
    pair.world.kill(pair.dom0)
    pair.world.remove(BACK)
    pair.world.advance(3_600_000_000_000)
    assert answers == []
    assert pair.front.state is XenbusState.Connected


def test_a_damaged_request_is_restored_only_at_its_own_index(make_pair):
    pair = make_pair("resume")
    words = pair.back._queue._journal._words
    for number in range(40):
        pair.world.call(pair.guest, pair.front.write(8 * number, block(number)))
    assert words[5] == 39
    assert words[2] == 40
    pair.crash("resume")
    pair.world.call(pair.guest, pair.front.write(0, block(77)))
    assert pair.volume.data[:4096] == block(77)
