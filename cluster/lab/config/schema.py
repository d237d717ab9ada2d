"""The words of a configuration file: which keys there are, what they take, and what they default to.

Rules: strict types, unknown keys refused; what a value may be is in `values.py`.
What takes more than one key to decide is in `checks.py`.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetPydanticSchema, create_model

from actors.policies import Frontend, Hwdom, Reconnect, StorePlace, StoreRestart
from actors.runtime.distribution import Distribution
from cluster.lab.config.architecture import ARCHITECTURES, DEFAULT, Architecture
from cluster.lab.config.shutdown_actions import ACTION_DEFAULTS
from cluster.lab.config.values import (
    DEPTH_MAX,
    DISKS_MAX,
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
    Vdev,
    Vitals,
    VolumeSize,
    Watchdog,
    WriteBack,
    Xen,
    of_form,
)
from cluster.lab.faults.kinds import OPTIONS


class Strict(BaseModel):
    """What all parts of the schema have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RunSchema(Strict):
    """How long the workload runs, and how long recovery may take at its end."""

    duration: Duration = 6_000_000_000
    settle: Duration = 10_000_000_000


class CostsSchema(Strict):
    """What each kind of step takes in simulated time; where the figures come from stands in docs/time.md."""

    hypercall: Cost = Distribution("lognormal", (600, 1_500))
    upcall: Cost = Distribution("lognormal", (2_600, 10_000))
    context_switch: Cost = Distribution("lognormal", (4_000, 12_000))
    mmio_read: Cost = Distribution("lognormal", (2_000, 6_000))
    mmio_write: Cost = Distribution("uniform", (50, 300))
    xenstore: Cost = Distribution("lognormal", (20_000, 200_000))
    disk_read: Cost = Distribution("lognormal", (80_000, 250_000))
    disk_write: Cost = Distribution("lognormal", (20_000, 100_000))
    disk_flush: Cost = Distribution("lognormal", (500_000, 5_000_000))
    process_boot: Cost = Distribution("constant", (3_000_000,))
    dom0_boot: Cost = Distribution("constant", (0,))
    guest_boot: Cost = Distribution("constant", (0,))
    link: LinkCost = Distribution("uniform", (200, 2_000))


class Dom0Schema(Strict):
    """Domain 0."""

    memory: Dom0Memory = 512 << 20
    vcpus: Vcpus = 1
    built_for: Releases | None = None


class DriverDomainSchema(Strict):
    """A domain other than dom0 that drives disks of the host, and serves them."""

    name: str
    memory: GuestMemory = 64 << 20
    vcpus: Vcpus = 1
    on_poweroff: Action = ACTION_DEFAULTS["on_poweroff"]
    on_reboot: Action = ACTION_DEFAULTS["on_reboot"]
    on_watchdog: Action | None = None
    on_crash: Action = "restart"
    on_soft_reset: ResetAction = ACTION_DEFAULTS["on_soft_reset"]
    disks: Annotated[list[str], Field(min_length=1)]


class LatencySchema(Strict):
    """How long a disk takes for a command, beyond what the machine needs anyway."""

    read: Duration = 0
    write: Duration = 0
    flush: Duration = 0


class DiskSchema(Strict):
    """A physical disk of a host."""

    name: Name
    trigger: Literal["edge", "level"] = "level"
    write_cache: bool = True
    write_back: WriteBack = 200_000_000
    ignores_flush: bool = False
    latency: LatencySchema = LatencySchema()


class GuestDiskSchema(Strict):
    """A virtual disk of a guest: `size`: an image is made for the run; `image`: one that exists."""

    vdev: Vdev
    size: VolumeSize | None = None
    image: str | None = None
    disk: str | None = None
    backend: str = "dom0"
    mode: Literal["rw", "ro"] = "rw"


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
    disks: list[GuestDiskSchema] | None = None
    scratch: dict[str, VolumeSize] = {}
    workload: WorkloadSchema | None = None
    store: StoreWorkSchema | None = None


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
    disks: Annotated[list[DiskSchema], Field(max_length=DISKS_MAX)] = []
    driver_domains: list[DriverDomainSchema] = []
    guests: list[GuestSchema] = []

    @property
    def chosen(self) -> Architecture:
        """The named architecture with what is written beside its name; guests may have other frontends."""
        row = ARCHITECTURES[self.architecture]
        return replace(
            row,
            hwdom=self.hwdom or row.hwdom,
            store=self.xenstore.domain or row.store,
            store_restart=self.xenstore.restart or row.store_restart,
            reconnect=self.reconnect or row.reconnect,
            driver_domains=bool(self.driver_domains),
        )

    def driven(self) -> dict[str, str]:
        """Each disk that a driver domain has, and whose it is."""
        return {disk: each.name for each in self.driver_domains for disk in each.disks}

    def first_disks(self) -> dict[str, str]:
        """The first disk of dom0, if it has any, and of each driver domain."""
        driven = self.driven()
        dom0s = [each.name for each in self.disks if each.name not in driven]
        first = {"dom0": dom0s[0]} if dom0s else {}
        return first | {each.name: each.disks[0] for each in self.driver_domains}


class WhenSchema(Strict):
    """A state of the protocol, of a domain or of another fault that a fault waits for."""

    vbd: str | None = None
    domain: str | None = None
    fault: Annotated[int, Field(ge=1)] | None = None
    state: str
    end: Literal["frontend", "backend"] = "frontend"
    nth: Annotated[int, Field(ge=1)] = 1
    since: Literal["workload", "boot"] = "workload"


class FaultWords(Strict):
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


_OPTION_KEYS: dict[str, Any] = {each.name: (of_form(each.takes) | None, None) for each in OPTIONS.values()}
FaultSchema = create_model("FaultSchema", __base__=FaultWords, __doc__=FaultWords.__doc__, **_OPTION_KEYS)
"""The same with the options of all kinds as keys; which its kind has is looked at in `fault_words.py`."""


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


class ClusterSchema(Strict):
    """A whole file."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] = 1
    run: RunSchema = RunSchema()
    costs: CostsSchema = CostsSchema()
    hosts: Annotated[list[HostSchema], Field(min_length=1)]
    faults: list[Annotated[FaultWords, GetPydanticSchema(lambda _, schema: schema(FaultSchema))]] = []
    expect: ExpectSchema = ExpectSchema()
    metrics: MetricsSchema = MetricsSchema()
