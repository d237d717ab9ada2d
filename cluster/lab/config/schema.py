"""The words of a configuration file: which keys there are, what they take, and what they default to.

Rules: what a value may be is in `values.py`. Keys that follow from a table (of hardware, of devices of
guests, of faults) are made of its rows, and are read by methods that take a row.
What takes more than one key to decide is in `checks.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import accumulate
from types import GenericAlias
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, create_model

from actors.policies import Frontend, Hwdom, Links, Reconnect, Spare, StorePlace, StoreRestart
from actors.runtime.distribution import Distribution
from cluster.lab.config.architecture import ARCHITECTURES, DEFAULT, Architecture
from cluster.lab.config.guest_device import GuestDeviceKind, GuestDeviceSchema
from cluster.lab.config.guest_devices import GUEST_DEVICES
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.hardware_kind import FIRST_LINE, Hardware, HardwareKind, HardwareSchema
from cluster.lab.config.shutdown_actions import ACTION_DEFAULTS
from cluster.lab.config.strict import Strict
from cluster.lab.config.switch import SwitchSchema
from cluster.lab.config.talk_schema import TALKS_MAX, TalkSchema
from cluster.lab.config.values import (
    DEPTH_MAX,
    GUESTS_MAX,
    STORE_NODES_MAX,
    Action,
    ArchitectureName,
    Block,
    Cost,
    Dom0Memory,
    Duration,
    GuestMemory,
    Interval,
    Kind,
    Limit,
    LinkCost,
    Memory,
    Name,
    Port,
    Rate,
    Releases,
    ResetAction,
    Selection,
    Survivors,
    Vcpus,
    Vitals,
    VolumeSize,
    Watchdog,
    Xen,
    of_form,
)
from cluster.lab.config.yaml_source import Where
from cluster.lab.faults.kinds import OPTIONS

S = TypeVar("S", bound=Strict)


def with_keys(keys: Mapping[str, Any]) -> Callable[[type[S]], type[S]]:
    """Gives a part of the schema the keys that the rows of a table make."""
    return lambda part: create_model(part.__name__, __base__=part, __doc__=part.__doc__, **keys)


class RunSchema(Strict):
    """How long the workload runs, how long recovery may take then, and how much a sweep breaks."""

    duration: Duration = 6_000_000_000
    settle: Duration = 10_000_000_000
    faults: Annotated[int, Field(ge=1, le=20)] = 5


@with_keys(
    {
        f"{program}_{command}": (Cost, takes)
        for program, kind in HARDWARE_KINDS.items()
        for command, takes in kind.service.items()
    }
)
class CostsSchema(Strict):
    """What each kind of step takes in simulated time; where the figures come from stands in docs/time.md."""

    hypercall: Cost = Distribution("lognormal", (600, 1_500))
    upcall: Cost = Distribution("lognormal", (2_600, 10_000))
    context_switch: Cost = Distribution("lognormal", (4_000, 12_000))
    exit: Cost = Distribution("lognormal", (680, 1_500))
    mmio_read: Cost = Distribution("lognormal", (2_000, 6_000))
    mmio_write: Cost = Distribution("uniform", (50, 300))
    xenstore: Cost = Distribution("lognormal", (20_000, 200_000))
    process_boot: Cost = Distribution("constant", (3_000_000,))
    dom0_boot: Cost = Distribution("constant", (0,))
    guest_boot: Cost = Distribution("constant", (0,))
    link: LinkCost = Distribution("uniform", (200, 2_000))

    def of_device(self, program: str) -> dict[str, Distribution]:
        """What each command takes that a device of this kind is given."""
        return {each: getattr(self, f"{program}_{each}") for each in HARDWARE_KINDS[program].service}


class Dom0Schema(Strict):
    """Domain 0."""

    memory: Dom0Memory = 512 << 20
    vcpus: Vcpus = 1
    spare: Annotated[Spare, Field(strict=False)] | None = None
    built_for: Releases | None = None


@with_keys(
    {each.key: (Annotated[list[str], Field(min_length=1)] | None, None) for each in HARDWARE_KINDS.values()}
)
class DriverDomainSchema(Strict):
    """A domain other than dom0 that drives devices of the host, and serves them."""

    name: str
    memory: GuestMemory = 64 << 20
    vcpus: Vcpus = 1
    on_poweroff: Action = ACTION_DEFAULTS["on_poweroff"]
    on_reboot: Action = ACTION_DEFAULTS["on_reboot"]
    on_watchdog: Action | None = None
    on_crash: Action = "restart"
    on_soft_reset: ResetAction = ACTION_DEFAULTS["on_soft_reset"]

    def drives(self, kind: HardwareKind) -> list[str]:
        """The devices of one kind that it has."""
        return getattr(self, kind.key) or []


class WorkloadSchema(Strict):
    """What a guest does with each of its disks."""

    kind: Literal["random", "sequential", "checksum"] = "random"
    block: Block = 4096
    depth: Annotated[int, Field(ge=1, le=DEPTH_MAX)] = 1
    read_share: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.5
    flush_every: Limit = 0
    rate: Rate | None = None
    requests: Annotated[int, Field(ge=1)] | None = None
    verify: bool = True


class StoreWorkSchema(Strict):
    """What a guest does with XenStore: writes of nodes of its own, each read back before the next."""

    nodes: Annotated[int, Field(ge=1, le=STORE_NODES_MAX)] = 4
    rate: Rate = 20.0


@with_keys(
    {
        each.device_class.plural: (GenericAlias(list, each.schema) | None, None)
        for each in GUEST_DEVICES.values()
    }
)
class GuestSchema(Strict):
    """One guest, or `count` of them; inline, or out of an xl.cfg file (`xl`)."""

    name: str | None = None
    xl: str | None = None
    count: Annotated[int, Field(ge=1, le=GUESTS_MAX)] | None = None
    memory: GuestMemory | None = None
    maxmem: Memory | None = None
    vcpus: Vcpus | None = None
    on_poweroff: Action | None = None
    on_reboot: Action | None = None
    on_watchdog: Action | None = None
    on_crash: Action | None = None
    on_soft_reset: ResetAction | None = None
    frontend: Annotated[Frontend, Field(strict=False)] | None = None
    vitals: Vitals = 1_000_000_000
    disk: str | None = None
    scratch: dict[str, VolumeSize] = {}
    workload: WorkloadSchema | None = None
    store: StoreWorkSchema | None = None
    talks: Annotated[list[TalkSchema], Field(max_length=TALKS_MAX)] = []

    def devices(self, kind: GuestDeviceKind, where: Where) -> list[tuple[Where, GuestDeviceSchema]]:
        """Its devices of one class, and where they stand if the guest stands at `where`."""
        key = kind.device_class.plural
        return [((*where, key, index), each) for index, each in enumerate(getattr(self, key) or [])]


class XenstoreSchema(Strict):
    """Where xenstored lives, and what it keeps when it is started again."""

    domain: Annotated[StorePlace, Field(strict=False)] | None = None
    restart: Annotated[StoreRestart, Field(strict=False)] | None = None


def _xenstore(value: object) -> object:
    if isinstance(value, str):
        if value not in set(StorePlace):
            right = "dom0, stubdom, or {domain: dom0, restart: persist}"
            raise ValueError(f"xenstored cannot live in {value!r}; {right}")
        return {"domain": value}
    return value


@with_keys(
    {
        each.key: (GenericAlias(list, each.schema), Field(default=[], max_length=each.most))
        for each in HARDWARE_KINDS.values()
    }
)
class HostSchema(Strict):
    """One simulated host."""

    name: Name
    xen: Xen = "4.17"
    memory: Memory = 2 << 30
    architecture: ArchitectureName = DEFAULT
    hwdom: Annotated[Hwdom, Field(strict=False)] | None = None
    xenstore: Annotated[XenstoreSchema, BeforeValidator(_xenstore)] = XenstoreSchema()
    reconnect: Annotated[Reconnect, Field(strict=False)] | None = None
    watchdog: Watchdog = 2_000_000_000
    metrics_port: Port = 0
    dom0: Dom0Schema = Dom0Schema()
    pack: list[list[str]] = []
    transport: Literal["unix", "tcp"] = "unix"
    links: Annotated[Links, Field(strict=False)] = Links.hypervisor
    driver_domains: list[DriverDomainSchema] = []
    guests: list[GuestSchema] = []

    @property
    def chosen(self) -> Architecture:
        """The named architecture with what is written beside its name; guests may have other frontends."""
        row = ARCHITECTURES[self.architecture]
        return replace(
            row,
            hwdom=self.hwdom or row.hwdom,
            spare=self.dom0.spare or row.spare,
            store=self.xenstore.domain or row.store,
            store_restart=self.xenstore.restart or row.store_restart,
            reconnect=self.reconnect or row.reconnect,
            driver_domains=bool(self.driver_domains),
        )

    def devices(self, kind: HardwareKind) -> list[HardwareSchema]:
        """Its devices of one kind."""
        return list(getattr(self, kind.key))

    def driven(self, *programs: str) -> dict[str, str]:
        """Each device that a driver domain has, of these kinds or of any, and whose it is."""
        kinds = [HARDWARE_KINDS[each] for each in programs or HARDWARE_KINDS]
        return {
            name: each.name for each in self.driver_domains for kind in kinds for name in each.drives(kind)
        }

    def first(self, program: str) -> dict[str, str]:
        """The first device of a kind that dom0 has, if it has any, and each driver domain."""
        kind, driven = HARDWARE_KINDS[program], self.driven()
        first = {driven.get(each.name, "dom0"): each.name for each in reversed(self.devices(kind))}
        return first | {each.name: drives[0] for each in self.driver_domains if (drives := each.drives(kind))}

    @property
    def hardware(self) -> tuple[Hardware, ...]:
        """What it has, each on lines of its own."""
        driven = self.driven()
        devices = [
            (program, each.placed(self.name))
            for program, kind in HARDWARE_KINDS.items()
            for each in self.devices(kind)
        ]
        firsts = accumulate((each.lines for _, each in devices), initial=FIRST_LINE)
        return tuple(
            Hardware(
                each.name,
                program,
                first,
                each.trigger,
                each.argument(),
                driven.get(each.name, "dom0"),
                each.lines,
                each.told(),
            )
            for first, (program, each) in zip(firsts, devices, strict=False)
        )


@with_keys(dict.fromkeys(GUEST_DEVICES, (str | None, None)))
class WhenSchema(Strict):
    """A state of the protocol, of a domain or of another fault that a fault waits for."""

    domain: str | None = None
    fault: Annotated[int, Field(ge=1)] | None = None
    state: str
    end: Literal["frontend", "backend"] = "frontend"
    nth: Annotated[int, Field(ge=1)] = 1
    since: Literal["workload", "boot"] = "workload"

    @property
    def given(self) -> dict[str, str]:
        """What it waits for: the target, by the key that names it."""
        keys = (*GUEST_DEVICES, "domain", "fault")
        return {key: str(value) for key in keys if (value := getattr(self, key)) is not None}


@with_keys({each.name: (of_form(each.takes) | None, None) for each in OPTIONS.values()})
class FaultSchema(Strict):
    """Something that breaks: what, which targets, when, how often, for how long."""

    kind: Kind
    target: str | list[str]
    select: Selection = "all"
    at: Duration | None = None
    when: WhenSchema | None = None
    after: Duration | None = None
    every: Duration | None = None
    count: Annotated[int, Field(ge=2, le=100_000)] | None = None
    duration: Duration | None = None
    probability: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] | None = None
    optional: bool = False

    def option(self, name: str) -> Any:  # noqa: ANN401 (it is what the option's form says)
        """An option of a kind as it was given, or None."""
        return getattr(self, name)


class MetricsSchema(Strict):
    """How often the actors' statistics are read, and whether each guest has series of its own."""

    interval: Interval = 1_000_000_000
    guests: Literal["each", "sum"] = "each"


class ExpectSchema(Strict):
    """What the author of the file predicts; only what is written is judged."""

    survivors: Survivors | None = None
    outage_max: Duration | None = None
    lost: Limit | None = None
    stale: Limit | None = None
    torn: Limit | None = None
    misdirected: Limit | None = None
    errors: Limit | None = None
    connections_reset: Limit | None = None
    misdelivered: Limit | None = None
    datagrams_lost: Limit | None = None
    silence_max: Duration | None = None


class ClusterSchema(Strict):
    """A whole file."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] = 1
    run: RunSchema = RunSchema()
    costs: CostsSchema = CostsSchema()
    switch: SwitchSchema = SwitchSchema()
    hosts: Annotated[list[HostSchema], Field(min_length=1)]
    faults: list[FaultSchema] = []
    expect: ExpectSchema = ExpectSchema()
    metrics: MetricsSchema = MetricsSchema()
