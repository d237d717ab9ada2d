"""What steps take in simulated time: as it is written in a configuration, and as it is charged."""

from collections.abc import Callable
from random import Random

import pytest

from actors.messages import Hypercall, MmioRead, MmioWrite, Upcall
from actors.runtime.distribution import Distribution
from actors.runtime.machine import DeadlinePassed, Event, Received
from actors.runtime.simulated_actor import SimulatedActor
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.schema import CostsSchema
from cluster.running.drivers.step_costs import StepCosts

Load = Callable[..., ResolvedCluster]
FLAT = {
    name: Distribution("constant", (number,)) for number, name in enumerate(CostsSchema.model_fields, start=1)
}
CALL = Received("dom1", Hypercall(1, 32, 4, {}))
UPCALL = Received("xen", Upcall([3]))


def cost_of(address: str, event: Event, *works: str, idle: bool = True) -> int:
    """How long an actor is busy with an event that comes when it is idle, or just then is no more."""
    charge = StepCosts(CostsSchema(**FLAT)).charge(address, None, Random(1))
    actor = SimulatedActor(address, None, None, 0)
    actor.charge = charge
    actor.busy_until_ns = 0 if idle else 5
    if charge is not None and isinstance(event, Received) and type(event.message) in charge.messages:
        actor.take(type(event.message), charge, 5)
    for _ in works:
        actor.work()
    return actor.spent_ns


@pytest.mark.parametrize(
    ("address", "event", "works", "idle", "names"),
    [
        ("host0/hypervisor", CALL, (), True, ["hypercall"]),
        ("host0/hypervisor", DeadlinePassed(), (), True, []),
        ("host0/dom1", UPCALL, (), True, ["upcall", "context_switch"]),
        ("host0/dom1", UPCALL, (), False, ["upcall"]),
        ("host0/dom0", UPCALL, ("xenstore", "xenstore"), False, ["upcall", "xenstore", "xenstore"]),
        ("host0/dom1", DeadlinePassed(), (), True, []),
        ("host0/sda", Received("dom0", MmioWrite(0, 1)), (), True, ["mmio_write"]),
        ("host0/ioapic", Received("xen", MmioRead(1, 0)), (), True, ["mmio_read"]),
        ("supervisor", CALL, (), True, []),
    ],
)
def test_a_step_costs_what_its_kind_costs(address, event, works, idle, names) -> None:
    assert cost_of(address, event, *works, idle=idle) == sum(FLAT[name].parameters[0] for name in names)


def test_an_event_of_a_virtualised_domain_costs_an_exit_when_it_comes_and_one_when_it_is_done() -> None:
    random, costs = Random(1), StepCosts(CostsSchema(**FLAT), {"host0/dom0"})
    exits = {
        address: costs.charge(address, None, random).messages[Upcall]() - FLAT["upcall"].parameters[0]
        for address in ("host0/dom0", "host0/dom1")
    }

    assert exits == {"host0/dom0": 2 * FLAT["exit"].parameters[0], "host0/dom1": 0}


def test_a_kernel_takes_its_boot_beyond_its_process() -> None:
    costs = StepCosts(CostsSchema(**FLAT))
    boot = {name: FLAT[name].parameters[0] for name in ("process_boot", "dom0_boot", "guest_boot")}

    assert costs.spawn_delay("disk", Random(1)) == boot["process_boot"]
    assert costs.spawn_delay("dom0", Random(1)) == boot["process_boot"] + boot["dom0_boot"]
    assert costs.spawn_delay("guest", Random(1)) == boot["process_boot"] + boot["guest_boot"]


def test_a_disk_is_told_its_service_times_and_a_seed_of_its_own() -> None:
    told = StepCosts(CostsSchema(**FLAT)).of_device("disk", "host0/sda", 7)

    assert told["seed"] == "7:host0/sda"
    assert {name: row[1] for name, row in told["service"].items()} == {
        name: list(FLAT[f"disk_{name}"].parameters) for name in ("read", "write", "flush")
    }


def test_every_form_of_a_cost_is_understood(load: Load) -> None:
    text = (
        "costs: {hypercall: 1us, upcall: {uniform: [1us, 9us]}, context_switch: {exponential: 5us}, "
        "disk_read: {lognormal: {median: 80us, p99: 1ms}}}\nhosts:"
    )
    costs = load(("hosts:", text)).costs

    assert costs.hypercall == Distribution("constant", (1000,))
    assert costs.upcall == Distribution("uniform", (1000, 9000))
    assert costs.context_switch == Distribution("exponential", (5000,))
    assert costs.disk_read == Distribution("lognormal", (80_000, 1_000_000))
    assert costs.disk_write == CostsSchema().disk_write


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ("{hypercal: 1us}", "unknown key 'hypercal'; did you mean hypercall?"),
        ("{hypercall: 5}", "hypercall: 5 has no unit; write it as in"),
        ("{hypercall: {normal: 5us}}", "hypercall: {'normal': '5us'} is no distribution;"),
        ("{hypercall: {uniform: [9us, 1us]}}", "hypercall: uniform of (9000, 1000) is no distribution"),
        ("{hypercall: {uniform: [1us]}}", "hypercall: uniform of (1000,) is no distribution"),
        ("{hypercall: {lognormal: {median: 0us, p99: 1us}}}", "a median above 0"),
        ("{hypercall: {uniform: [1us, 2us], exponential: 1us}}", "one distribution is wanted;"),
        ("{link: 0ns}", "link: nothing is instant; a link takes 1ns or more"),
    ],
)
def test_a_wrong_cost_is_refused_with_its_line(costs: str, said: str, refuse) -> None:
    found = refuse(("hosts:", f"costs: {costs}\nhosts:"))

    assert found.startswith("test.yaml:3: "), found
    assert said in found
