"""Disks that are detached and attached while their guest works, in every order, with crashes in between."""

from itertools import permutations, product
from random import Random

import pytest

VBD = "host0/web-0/xvda"
DETACH = {"kind": "block-detach", "target": VBD}
ATTACH = {"kind": "block-attach", "target": VBD}
CRASH = {"kind": "crash", "target": "host0/dom0"}
KILL = {"kind": "toolstack-kill", "target": "host0/dom0", "duration": "300us"}
STORAGE = {"kind": "crash", "target": "host0/storage"}
LOSE = {"kind": "xenstored-kill", "target": "host0/xenstored"}
STORES = {
    "dies": {"domain": "dom0", "restart": "lose"},
    "lives": {"domain": "stubdom", "restart": "lose"},
    "persists": {"domain": "dom0", "restart": "persist"},
}


@pytest.fixture
def case(scenarios, variant):
    def make(*faults: dict[str, object], store: str = "lives", **changes: object):
        return variant(
            scenarios["renegotiate-dom0-crash"],
            host={"memory": "96MiB", "xenstore": STORES[store]} | changes.pop("host", {}),
            work=changes.pop("work", {"rate": "400/s", "read_share": 0.3}),
            latency={"read": "500us", "write": "500us"},
            faults=faults,
            survivors=None,
            **changes,
        )

    return make


def schedule(kinds, gaps_us, begin_us=60_000):
    """These faults, one after the other, so far apart."""
    at_us, faults = begin_us, []
    for kind, gap_us in zip(kinds, gaps_us, strict=True):
        at_us += gap_us
        faults.append({**kind, "at": f"{at_us}us", "optional": True})
    return faults


def log(run, name: str = "dom0") -> str:
    return (run.directory / "logs" / f"host0-{name}.log").read_text()


def disk_state(run, name: str = "web-0") -> str:
    (guest_id,) = (each.guest_id for each in run.supervisor.lab.guests.values() if each.name == name)
    return run.supervisor.lab.readings.frontends[guest_id, "vbd"]["xvda"].state


def survived(run) -> list[object]:
    return [each["survived"] for each in run.report.to_dict()["guests"]]


def test_a_disk_that_is_detached_fails_what_is_asked_until_it_is_attached_again(case, laboratory) -> None:
    run = laboratory.simulate(case(*schedule([DETACH, ATTACH], [0, 50_000])))

    assert run.report.verdict.value == "held", run.story()
    assert survived(run) == [True, True]
    guest, other = run.report.guests
    assert guest.errors > 0
    assert other.errors == 0
    assert 40_000_000 < guest.outage_max_ns < 60_000_000
    assert "xl: xvda detached from web-0" in log(run)
    assert "xl: xvda attached to web-0" in log(run)
    assert "does not close" not in log(run)


def test_a_detachment_that_is_over_attaches_the_disk_again(case, laboratory) -> None:
    run = laboratory.simulate(case({**DETACH, "at": "60ms", "duration": "30ms"}))

    assert run.report.verdict.value == "held", run.story()
    (target,) = run.report.to_dict()["fault_targets"]
    assert target["ended_at_ns"] is not None
    assert target["recovered_at_ns"] > target["ended_at_ns"]


def test_a_disk_that_is_detached_for_good_is_away(case, laboratory) -> None:
    run = laboratory.simulate(case({**DETACH, "at": "60ms"}, settle="1s"))

    assert survived(run) == [False, True]
    assert run.check("leaks") == "held"
    assert disk_state(run) == "Closed"


@pytest.mark.parametrize("store", ["lives", "persists"])
def test_a_new_dom0_leaves_away_what_was_detached_if_the_store_lives(store: str, case, laboratory) -> None:
    for gap_us in (0, 100, 300, 1000, 3000, 30_000):
        faults = schedule([DETACH, CRASH], [0, gap_us])
        run = laboratory.simulate(case(*faults, store=store, settle="1s"), out=f"gap-{gap_us}")

        assert run.check("ledger") == "held", run.story()
        assert survived(run)[1] is True
        # An order that dom0 had not begun to do when it died is done by nobody.
        began = "xl: xvda detached" in log(run) or survived(run)[0] is False
        assert began is (gap_us > 0) or gap_us <= 300, gap_us
        if began:
            assert disk_state(run) == "Closed"


def test_a_store_that_dies_with_dom0_forgets_what_was_detached(case, laboratory) -> None:
    for gap_us in (0, 300, 3000, 30_000):
        faults = schedule([DETACH, CRASH], [0, gap_us])
        run = laboratory.simulate(case(*faults, store="dies"), out=f"gap-{gap_us}")

        assert run.report.verdict.value == "held", f"{gap_us}: {run.story()}"
        assert survived(run) == [True, True]


def test_a_store_that_dies_alone_forgets_nothing(case, laboratory) -> None:
    for gap_us in (0, 300, 3000, 30_000):
        faults = schedule([DETACH, LOSE], [0, gap_us])
        run = laboratory.simulate(case(*faults, store="dies", settle="1s"), out=f"gap-{gap_us}")

        assert survived(run) == [False, True], f"{gap_us}: {run.story()}"
        assert disk_state(run) == "Closed"
        assert run.check("leaks") == "held"


ORDERS = [
    *permutations([DETACH, ATTACH, CRASH]),
    *permutations([DETACH, ATTACH, KILL]),
    (DETACH, CRASH, ATTACH, DETACH, CRASH),
    (DETACH, ATTACH, DETACH, ATTACH, CRASH),
    (DETACH, CRASH, CRASH, ATTACH, KILL),
    (DETACH, DETACH, LOSE, ATTACH, ATTACH),
]


@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
@pytest.mark.parametrize("store", STORES)
def test_whatever_the_order_and_the_crashes_a_disk_that_is_attached_in_the_end_serves(
    store: str, reconnect: str, case, laboratory
) -> None:
    random = Random(f"{store}:{reconnect}")
    for number, (order, wide) in enumerate(product(ORDERS, (400, 4000))):
        gaps_us = [random.randrange(wide) for _ in order]
        last = {**ATTACH, "at": "200ms", "optional": True}
        scenario = case(*schedule(order, gaps_us), last, store=store, host={"reconnect": reconnect})
        run = laboratory.simulate(scenario, out=f"order-{number}", invariants=number % 4 == 0)

        story = f"{[each['kind'] for each in order]} {gaps_us}: {run.story()}"
        assert run.report.verdict.value == "held", story
        assert survived(run) == [True, True], story


def test_a_disk_of_a_driver_domain_is_detached_and_attached(scenarios, variant, laboratory) -> None:
    orders = [*permutations([DETACH, ATTACH, STORAGE]), (DETACH, CRASH, ATTACH)]
    for number, order in enumerate(orders):
        last = {**ATTACH, "at": "200ms", "optional": True}
        faults = (*schedule(order, [0, 700, 700]), last)
        scenario = variant(scenarios["driver-domain-crash"], faults=faults, survivors=None)
        run = laboratory.simulate(scenario, out=f"order-{number}")

        assert run.report.verdict.value == "held", f"{order}: {run.story()}"
        assert survived(run) == [True, True]


FOUND = [
    ("dies", (DETACH, CRASH, ATTACH), (1570, 995, 2419), False, 60_000),
    ("lives", (DETACH, CRASH, CRASH, ATTACH, KILL), (2838, 1711, 334, 2484, 2032), False, 60_000),
    ("dies", (DETACH, CRASH, ATTACH), (0, 700, 700), True, 60_000),
    ("dies", (CRASH, STORAGE, LOSE, CRASH, DETACH, KILL), (287, 365, 275, 132, 344, 346), True, 60_000),
    ("dies", (DETACH, KILL, LOSE, KILL, CRASH), (1013, 74, 625, 809, 576), True, 0),
    ("lives", (LOSE, DETACH, DETACH, DETACH, LOSE, STORAGE), (431, 77, 1085, 838, 451, 1972), True, 60_000),
    ("lives", (STORAGE, DETACH), (10, 76), True, 0),
    ("persists", (KILL, STORAGE, KILL, KILL, DETACH, ATTACH), (29, 60, 25, 43, 26, 61), True, 60_000),
]
"""(store, order, gaps, whether a driver domain serves, when it begins) that were wrong once."""


@pytest.mark.parametrize(("store", "order", "gaps_us", "driver", "begin_us"), FOUND)
def test_what_was_found_by_search_serves_in_the_end(
    store: str, order, gaps_us, begin_us: int, case, laboratory, *, driver: bool
) -> None:
    host = {"driver_domains": [{"name": "storage", "memory": "4MiB", "disks": ["sda"]}]} if driver else {}
    disk = {"vdev": "xvda", "size": "128KiB"} | ({"backend": "storage"} if driver else {})
    last = {**ATTACH, "at": "200ms", "optional": True}
    faults = (*schedule(order, gaps_us, begin_us), last)
    run = laboratory.simulate(case(*faults, store=store, host=host, guest={"disks": [disk]}))

    assert run.report.verdict.value == "held", run.story()
    assert survived(run) == [True, True]


def test_a_guest_that_is_hung_is_detached_by_force(case, laboratory) -> None:
    hang = {"kind": "hang", "target": "host0/web-0", "at": "50ms", "duration": "11s"}
    scenario = case({**DETACH, "at": "60ms"}, hang, duration="12s", work={"rate": "20/s"}, settle="1s")
    run = laboratory.simulate(scenario)

    text = log(run)
    assert text.count("xl: xvda of web-0 does not close within 10 s") == 1, "without its frontend it closes"
    assert "xl: xvda detached from web-0" in text
    assert disk_state(run) == "Closed"
    assert run.check("leaks") == "held"


def test_a_guest_that_boots_while_its_disk_is_detached_goes_on_when_it_is_attached(case, laboratory) -> None:
    when = {"vbd": VBD, "state": "Initialised", "since": "boot"}
    detach = {**DETACH, "when": when, "duration": "20ms"}
    run = laboratory.simulate(case(detach))

    assert run.report.verdict.value == "held", run.story()
    assert survived(run) == [True, True]
