"""The programs that an actor can run: by name, from an argument, in an environment.

Rules: a program is made from msgpack data and what is in its environment only, so that the live and the
simulated driver make the very same machines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from actors.devices.gateway import Gateway
from actors.devices.image import Image
from actors.devices.ioapic import IoApic
from actors.devices.switch import Switch
from actors.dom0.control_domain import ControlDomain
from actors.dom0.plan import HostPlan
from actors.domu.guest import Guest
from actors.drivers.driver_domain import DriverDomain
from actors.hypervisor.hypervisor import Hypervisor
from actors.notebook.journal import Journal
from actors.notebook.store_log import StoreLog
from actors.notebook.talk_journal import TalkJournal
from actors.policies import StoreRestart
from actors.runtime.distribution import Distribution
from actors.runtime.machine import Machine
from actors.runtime.memory import Memory
from actors.xenstore.archive import Archive
from actors.xenstore.stub_domain import XenstoreDomain
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.hardware_kind import Argument
from cluster.lab.config.schema import CostsSchema
from cluster.lab.config.switch import SWITCH

UNREAD_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Environment:
    """What a program needs of its host: machine memory, the guests' journals, the disks' images.

    `open_archive` gives what xenstored keeps in one boot of the machine, by the number of the boot.
    """

    memory: Memory
    open_journal: Callable[[str], Journal]
    open_image: Callable[[str, bool], Image]
    open_archive: Callable[[int], Archive]
    open_store_log: Callable[[str], StoreLog]
    open_talk_journal: Callable[[str], TalkJournal]


Make = Callable[[Argument, Environment], Machine]


@dataclass(frozen=True, slots=True)
class Program:
    """One program. `boot`: what its kernel takes to come up in simulated time, if it has one.

    `unread_limit`: it does not read from a peer that leaves more bytes unread; None: from any. The peers of
    the hypervisor, the guests, have no such rule.
    """

    make: Make
    boot: Callable[[CostsSchema], Distribution] | None = None
    unread_limit: int | None = None


def _archive(argument: Argument, environment: Environment) -> Archive | None:
    """What a xenstored keeps that is to outlive it: in this boot, since a machine boots with none."""
    if not StoreRestart(argument["store_restart"]).keeps_after_crash:
        return None
    return environment.open_archive(argument["boot"])


def _hypervisor(argument: Argument, environment: Environment) -> Machine:
    environment.memory.scrub(0, environment.memory.nr_frames)
    return Hypervisor(argument, environment.memory)


def _ioapic(argument: Argument, _: Environment) -> Machine:
    return IoApic(argument)


def _switch(argument: Argument, _: Environment) -> Machine:
    return Switch(argument)


def _gateway(argument: Argument, _: Environment) -> Machine:
    return Gateway(argument)


def _dom0(argument: Argument, environment: Environment) -> Machine:
    plan = HostPlan.parse(argument["plan"])
    archive = _archive(argument, environment) if not plan.store.is_own_domain else None
    spare = argument.get("spare", False)
    return ControlDomain(environment.memory, argument["extents"], plan, archive, spare=spare)


def _guest(argument: Argument, environment: Environment) -> Machine:
    return Guest(
        environment.memory,
        argument["extents"],
        environment.open_journal,
        environment.open_store_log,
        environment.open_talk_journal,
    )


def _driver(argument: Argument, environment: Environment) -> Machine:
    return DriverDomain(environment.memory, argument["extents"])


def _xenstore(argument: Argument, environment: Environment) -> Machine:
    return XenstoreDomain(environment.memory, argument["extents"], archive=_archive(argument, environment))


def _dom0_boot(costs: CostsSchema) -> Distribution:
    return costs.dom0_boot


def _guest_boot(costs: CostsSchema) -> Distribution:
    return costs.guest_boot


PROGRAMS: Final[Mapping[str, Program]] = {
    "hypervisor": Program(_hypervisor, unread_limit=UNREAD_MAX),
    "ioapic": Program(_ioapic),
    **{name: Program(kind.machine) for name, kind in HARDWARE_KINDS.items()},
    SWITCH: Program(_switch),
    GATEWAY: Program(_gateway),
    "dom0": Program(_dom0, _dom0_boot),
    "driver": Program(_driver, _guest_boot),
    "guest": Program(_guest, _guest_boot),
    "xenstore": Program(_xenstore, _guest_boot),
}
