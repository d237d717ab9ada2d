import pickle

import pytest

from actors.policies import Frontend
from cluster.studies.campaign.planted import planted
from cluster.studies.matrix.cell import Cell
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.schema import MatrixFile
from cluster.studies.matrix.tally import tallies


@pytest.fixture
def plan(matrix) -> MatrixPlan:
    return MatrixPlan(MatrixFile.read(matrix()))


def test_every_combination_is_a_cell_and_one_without_a_fault_comes_first(plan: MatrixPlan) -> None:
    assert [str(each) for each in plan.cells][:7] == [
        "xen-2009/none/reconnect",
        "xen-2009/none/stock-linux",
        "xen-2009/dom0-crash/reconnect",
        "xen-2009/dom0-crash/stock-linux",
        "xen-2009/driver-crash/reconnect",
        "xen-2009/driver-crash/stock-linux",
        "driver-domains/none/reconnect",
    ]
    assert len(plan.cells) == 2 * 3 * 2


def test_seeds_go_round_the_cells_and_all_cells_have_the_same(plan: MatrixPlan) -> None:
    numbers = plan.numbers(plan.cells[2:4])

    assert [plan.place(each) for each in numbers] == [
        (plan.cells[2], 3), (plan.cells[3], 3), (plan.cells[2], 4), (plan.cells[3], 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "driver", "drivers"), [("xen-2009", "dom0", 0), ("driver-domains", "storage", 1)]
)
def test_the_driver_is_who_drives_the_disk(plan, architecture: str, driver: str, drivers: int) -> None:
    case = Cell(architecture, "driver-crash", Frontend.stock_linux).case(plan.file, 3)
    cluster = case.cluster()
    (host,) = cluster.hosts

    assert case.tree()["hosts"][0]["architecture"] == architecture
    assert len(host.drivers) == drivers
    assert [each["target"] for each in case.faults] == [f"host0/{driver}"]
    assert [each.backend for each in host.guests[0].devices] == [driver]
    assert host.guests[0].frontend is Frontend.stock_linux


def test_when_a_fault_strikes_follows_from_the_seed_and_lies_in_the_window(plan: MatrixPlan) -> None:
    cell = plan.cells[2]
    times = [cell.case(plan.file, seed).faults[0]["at"] for seed in (3, 3, 4)]

    assert times[0] == times[1] != times[2]
    assert all(20_000 <= int(str(each).removesuffix("us")) <= 30_000 for each in times)


def test_guests_of_a_cell_without_a_fault_ask_as_fast_as_they_can(plan: MatrixPlan) -> None:
    (guest,) = plan.case(0).cluster().guests
    assert guest.workload.rate == 0


def test_a_trial_is_the_same_wherever_it_is_run(plan: MatrixPlan) -> None:
    number = plan.numbers(plan.cells[2:3])[0]
    here, there = (each.record(number) for each in (plan, pickle.loads(pickle.dumps(plan))))
    for record in (here, there):
        record["work"].pop("cpu_s")

    assert here == there


def fates(plan: MatrixPlan, *names: str) -> dict[str, str]:
    cells = [each for each in plan.cells if str(each) in names]
    found = tallies(plan.record(each) for each in plan.numbers(cells))
    return {"/".join(names): f"{each.fates.word} {each.verdict}" for names, each in found.items()}


def test_what_becomes_of_guests_follows_from_the_architecture(plan: MatrixPlan) -> None:
    wanted = {
        "xen-2009/dom0-crash/reconnect": "dies held",
        "driver-domains/dom0-crash/reconnect": "lives held",
        "driver-domains/driver-crash/reconnect": "lives held",
        "driver-domains/driver-crash/stock-linux": "hangs held",
    }
    assert fates(plan, *wanted) == wanted


def test_drivers_of_the_hypervisor_fail_with_it_and_device_models_with_their_guest(matrix) -> None:
    path = matrix(
        ("[xen-2009, driver-domains]", "[monolithic, linux-as-hypervisor]"),
        ("{kind: crash, target: host0/$driver}", "{kind: backend-crash, target: host0/web-0/xvda}"),
        ("name: web\n", "name: web\n        count: 2\n"),
    )
    wanted = {
        "monolithic/dom0-crash/reconnect": "lives held",
        "monolithic/driver-crash/reconnect": "dies held",
        "linux-as-hypervisor/dom0-crash/reconnect": "dies held",
        "linux-as-hypervisor/driver-crash/reconnect": "mixed held",
    }
    assert fates(MatrixPlan(MatrixFile.read(path)), *wanted) == wanted


def test_a_lost_write_fails_the_cell_whatever_became_of_its_guests(plan: MatrixPlan) -> None:
    name = "driver-domains/driver-crash/reconnect"
    with planted("leak-port"):
        assert fates(plan, name) == {name: "lives failed"}


def test_guests_that_nobody_can_shut_down_any_more_are_stuck(plan: MatrixPlan) -> None:
    (cell,) = [each for each in plan.cells if str(each) == "driver-domains/dom0-crash/stock-linux"]
    record = plan.record(plan.numbers([cell])[0])

    assert (record["verdict"], record["fates"]["survived"], record["fates"]["stuck"]) == ("held", 1, 1)
