"""What the steps of actors cost in simulated time, by the kind of actor and what it takes.

Rules: every actor draws from a stream of its own. What an actor computes by itself costs nothing: the table
of `docs/time.md` says which steps there are, and nothing else takes time.
"""

from collections.abc import Set
from random import Random
from typing import Final

from actors.address import Address
from actors.event_messages import Notify
from actors.messages import Hypercall, MmioRead, MmioWrite, Upcall
from actors.runtime.distribution import Draw
from actors.runtime.machine import Machine
from actors.runtime.simulated_actor import Charge
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.resolved import Data
from cluster.lab.config.schema import CostsSchema
from cluster.lab.experiment.host_board import HYPERVISOR, SUPERVISOR
from cluster.running.drivers.programs import PROGRAMS

EXITS_OF_AN_INTERRUPT: Final = 2
"""Its arrival and its end, each of which a virtualised kernel without an APIC of its own leaves to Xen."""


class StepCosts:
    """The costs of one configuration, as the simulated driver asks for them.

    `virtualised`: the domains, by address, that are fully virtualised.
    """

    def __init__(self, costs: CostsSchema, virtualised: Set[str] = frozenset()) -> None:
        self._costs = costs
        self._virtualised = virtualised

    def charge(self, address: str, machine: Machine, random: Random) -> Charge | None:  # noqa: ARG002
        """What the steps of an actor cost; None if nothing that it does takes time."""
        costs, actor = self._costs, Address.parse(address)
        if address == SUPERVISOR:
            return None
        if actor.actor == HYPERVISOR:
            return Charge({Hypercall: costs.hypercall.drawn_from(random)})
        if actor.is_domain:
            upcall, switch = costs.upcall.drawn_from(random), costs.context_switch.drawn_from(random)
            if address in self._virtualised:
                upcall = _with_exits(upcall, costs.exit.drawn_from(random))
            return Charge(
                {Upcall: upcall, Notify: upcall},
                when_idle={Upcall: switch, Notify: switch},
                work=costs.xenstore.drawn_from(random),
            )
        reads, writes = costs.mmio_read.drawn_from(random), costs.mmio_write.drawn_from(random)
        return Charge({MmioRead: reads, MmioWrite: writes})

    def latency(self, _source: str, _destination: str, random: Random) -> Draw:
        """What a frame takes on its way; each direction of a link draws from a stream of its own."""
        return self._costs.link.drawn_from(random)

    def spawn_delay(self, program: str, random: Random) -> int:
        """What it takes until a process runs, and the kernel in it."""
        costs = self._costs
        delay_ns = costs.process_boot.drawn_from(random)()
        boot = PROGRAMS[program].boot
        return delay_ns if boot is None else delay_ns + boot(costs).drawn_from(random)()

    def of_device(self, program: str, address: str, seed: int) -> Data:
        """What the argument of a device gets for its service times; nothing if this is no device."""
        if program not in HARDWARE_KINDS:
            return {}
        rows: Data = {name: each.row() for name, each in self._costs.of_device(program).items()}
        return {"service": rows, "seed": f"{seed}:{address}"}


def _with_exits(upcall: Draw, leave: Draw) -> Draw:
    """What an event costs that comes as an interrupt."""
    return lambda: upcall() + sum(leave() for _ in range(EXITS_OF_AN_INTERRUPT))
