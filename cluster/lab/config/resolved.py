"""A configuration with everything decided: what the supervisor, dom0 and the guests are given.

Rules: frozen; dicts in here are msgpack data (numbers, text, bytes, lists and dicts of them) and are
copied by whoever hands them on. Sizes in pages or sectors, times in nanoseconds.
"""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface
from pathlib import Path

from actors.address import Address, domain_actor
from actors.dom0.plan import DomainPlan, HostPlan
from actors.drivers.driver_configuration import DriverConfiguration
from actors.drivers.hardware import Given
from actors.policies import Links
from cluster.lab.config.architecture import Architecture
from cluster.lab.config.errors import Finding
from cluster.lab.config.gateway import GATEWAY, guest_interfaces
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.hardware_kind import Hardware
from cluster.lab.config.quantities import duration_text
from cluster.lab.config.resolved_domains import ResolvedDriverDomain, ResolvedGuest
from cluster.lab.config.schema import CostsSchema, ExpectSchema, MetricsSchema
from cluster.lab.config.source_file import SourceFile
from cluster.lab.config.switch import SwitchSchema
from cluster.lab.config.volume import Volume

Data = dict[str, object]
RECOVERY_BOX_FRAMES = 16
"""Room for about a thousand devices."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A state that a fault waits for: the `nth` time that `subject` is in it.

    `what` is `frontend` or `backend` (the subject a device, HOST/GUEST/DEVICE), `domain` (HOST/NAME), or
    `fault` (the place of another fault in the list, as text).
    """

    what: str
    subject: str
    state: str
    nth: int = 1
    since_boot: bool = False

    @property
    def is_of_device(self) -> bool:
        """Whether it waits for what an end of a device writes of itself."""
        return self.what in {"frontend", "backend"}

    def __str__(self) -> str:
        times = f", time {self.nth}" if self.nth > 1 else ""
        return f"{self.what} {self.subject} is {self.state}{times}"


@dataclass(frozen=True, slots=True)
class ResolvedFault:
    """A fault (`docs/faults.md`): `count` times, from `at_ns` after the workload began or by a trigger.

    `targets` are all that match; `select` says how many of them are taken each time (`one`, `all`, `fixed`,
    `random`), with `select_count`. `number` is its place in the list, from 1; 0 was done by hand.
    `duration_ns` is None for one that lasts until the guests stop working. An `optional` one need not happen.
    """

    kind: str
    targets: tuple[str, ...]
    at_ns: int | None
    every_ns: int = 0
    count: int = 1
    number: int = 0
    trigger: Trigger | None = None
    after_ns: int = 0
    select: str = "all"
    select_count: int = 0
    duration_ns: int | None = None
    probability: float = 1.0
    seed: int | None = None
    optional: bool = False
    options: Data = field(default_factory=dict)

    def label(self, occurrence: int) -> str:
        """How one time of it is written: `2` is fault 2, `2.3` its third time if it has several."""
        return f"{self.number}.{occurrence}" if self.count > 1 else str(self.number)

    @property
    def cause(self) -> str:
        """Why it comes when it does, for people."""
        if self.trigger is not None:
            return f"when {self.trigger}"
        return "by hand" if self.at_ns is None else f"at {duration_text(self.at_ns)}"


@dataclass(frozen=True, slots=True)
class ResolvedHost:
    """One host, and the guests that are created there; `hardware` in the order of its lines.

    `tells_states`: a fault waits for the state of a device, so domains tell of theirs.
    """

    name: str
    seed: int
    xen: str
    built_for: tuple[str, ...]
    memory_pages: int
    architecture: Architecture
    watchdog_s: int
    metrics_port: int
    dom0_pages: int
    dom0_vcpus: int
    pack: tuple[tuple[str, ...], ...]
    transport: str
    hardware: tuple[Hardware, ...]
    guests: tuple[ResolvedGuest, ...]
    driver_domains: tuple[ResolvedDriverDomain, ...] = ()
    links: Links = Links.hypervisor
    tells_states: bool = False

    @property
    def volumes(self) -> list[Volume]:
        """The disks of all guests."""
        return [volume for guest in self.guests for volume in guest.volumes]

    def devices_of(self, device_class: str) -> list[ResolvedDevice]:
        """The devices of a class of all guests."""
        return [each for each in self.devices if each.device_class == device_class]

    @property
    def devices(self) -> list[ResolvedDevice]:
        """The devices of all guests."""
        return [each for guest in self.guests for each in guest.devices]

    def device_at(self, target: str) -> ResolvedDevice:
        """The device of a guest whose target is this; there is one."""
        return next(each for each in self.devices if each.target == target)

    def ends_machine(self, name: str) -> bool:
        """Whether it is a driver domain that stands for a part of the hypervisor, and fails with it."""
        return self.architecture.drivers_end_machine and name in self.drivers

    @property
    def nr_frames(self) -> int:
        """Frames of machine memory."""
        return self.memory_pages

    def hardware_of(self, program: str) -> list[Hardware]:
        """The devices of one kind."""
        return [each for each in self.hardware if each.program == program]

    @property
    def wired(self) -> list[Hardware]:
        """The devices with a wire to the switch."""
        return [each for each in self.hardware if HARDWARE_KINDS[each.program].is_wired]

    def device(self, name: str) -> Hardware | None:
        """A device by name, or None if there is none."""
        return next((each for each in self.hardware if each.name == name), None)

    def argument_of(self, device: Hardware) -> Data:
        """What the program of a device is told."""
        carried = [each for guest in self.guests for each in guest.devices if each.lies_on == device.name]
        return {
            **device.argument,
            **HARDWARE_KINDS[device.program].carried(carried),
            "driver": domain_actor(self.domid_of(device.driver)),
        }

    @property
    def drivers(self) -> list[str]:
        """The names of the driver domains."""
        return [each.name for each in self.driver_domains]

    def driven_by(self, name: str) -> list[str]:
        """The devices that a domain drives."""
        return [each.name for each in self.hardware if each.driver == name]

    def domid_of(self, driver: str) -> int:
        """The number of dom0 or of a driver domain, which is always the same."""
        return next((each.domid for each in self.driver_domains if each.name == driver), 0)

    def hypervisor_argument(self) -> Data:
        """What the hypervisor is booted with."""
        return {
            "xen": self.xen,
            "hwdom": self.architecture.hwdom.value,
            "dom0_memory_pages": self.dom0_pages,
            "dom0_vcpus": self.dom0_vcpus,
            **({"dom0_spare": True} if self.architecture.spare.is_there else {}),
            **({"recovery_box_frames": RECOVERY_BOX_FRAMES} if self.architecture.hands_over else {}),
            **({"direct_links": True} if self.links.are_direct else {}),
        }

    def dom0_plan(self) -> HostPlan:
        """What dom0 finds on its own disk."""
        return HostPlan(
            domains=(*map(self._driver_plan, self.driver_domains), *map(self._guest_plan, self.guests)),
            store=self.architecture.store,
            store_restart=self.architecture.store_restart,
            reconnect=self.architecture.reconnect,
            watchdog_s=self.watchdog_s,
            built_for=self.built_for,
            drives=self._drives("dom0"),
            tells_states=self.tells_states,
        )

    def _driver_plan(self, driver: ResolvedDriverDomain) -> DomainPlan:
        drives = self._drives(driver.name)
        policy = self.architecture.reconnect
        told = DriverConfiguration(driver.name, drives, policy, self.watchdog_s, self.tells_states)
        lines = tuple(line for lines in drives.values() for line in lines)
        return replace(driver.plan(told.cmd_line()), domid=driver.domid, drives=lines)

    def _guest_plan(self, guest: ResolvedGuest) -> DomainPlan:
        devices = tuple(each.plan(self.domid_of(each.backend)) for each in guest.devices)
        told = guest.configuration(self.seed, tells_states=self.tells_states)
        return replace(guest.plan(told.cmd_line()), devices=devices)

    def _drives(self, driver: str) -> Given:
        """The devices that a domain drives, by kind."""
        return {
            kind.key: tuple(each.line for each in self.hardware_of(program) if each.driver == driver)
            for program, kind in HARDWARE_KINDS.items()
        }


@dataclass(frozen=True, slots=True)
class ResolvedCluster:
    """A whole configuration. `remarks` are no errors: what was ignored, and where.

    `sources`: the files that it was read from, first the one at `path`.
    """

    name: str
    path: Path
    sha256: str
    seed: int
    duration_ns: int
    settle_ns: int
    generated_faults_max: int
    metrics: MetricsSchema
    hosts: tuple[ResolvedHost, ...]
    faults: list[ResolvedFault]
    expect: ExpectSchema
    remarks: tuple[Finding, ...]
    costs: CostsSchema = field(default_factory=CostsSchema)
    switch: SwitchSchema = field(default_factory=SwitchSchema)
    sources: tuple[SourceFile, ...] = ()

    @property
    def guests(self) -> list[ResolvedGuest]:
        """The guests of all hosts, by their ids from the first one on."""
        return [guest for host in self.hosts for guest in host.guests]

    @property
    def wired(self) -> list[str]:
        """The addresses of all devices with a wire: ports of the switch, which there is if there are any."""
        return [str(Address(host.name, each.name)) for host in self.hosts for each in host.wired]

    def switch_argument(self) -> Data:
        """What the switch is told."""
        ports = [*self.wired, GATEWAY] if self.has_gateway else self.wired
        return self.switch.argument(ports, self.seed)

    @property
    def guest_interfaces(self) -> dict[str, IPv4Interface]:
        """The network interfaces of all guests that have an address, by name, as `host0/web-0/vif0`."""
        return guest_interfaces(self.guests)

    @property
    def has_gateway(self) -> bool:
        """Whether the outside can reach guests."""
        return bool(self.wired and self.guest_interfaces)

    def host(self, name: str) -> ResolvedHost:
        """A host by name; KeyError if there is none."""
        for each in self.hosts:
            if each.name == name:
                return each
        raise KeyError(name)

    def with_seed(self, seed: int) -> "ResolvedCluster":
        """The same cluster with another seed."""
        return replace(self, seed=seed, hosts=tuple(replace(each, seed=seed) for each in self.hosts))

    def without_faults(self) -> "ResolvedCluster":
        """The same cluster with nothing that is done to it."""
        return replace(self, faults=[])

    def placed(self, images: Path) -> "ResolvedCluster":
        """The same cluster with the images that the run makes in this folder."""
        return replace(self, hosts=tuple(_placed(each, images) for each in self.hosts))


def _placed(host: ResolvedHost, images: Path) -> ResolvedHost:
    guests = (
        replace(each, devices=tuple(device.placed(images, host.name) for device in each.devices))
        for each in host.guests
    )
    return replace(host, guests=tuple(guests))
