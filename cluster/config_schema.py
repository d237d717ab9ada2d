"""The words of a configuration file: which keys there are, what they take, and what they default to.

Rules: strict types, unknown keys refused; a refusal reads "what was wrong; what would be right".
What takes more than one key to decide is in `config_checks.py`.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from actors.abi.types import PAGE_SIZE, SECTOR_SIZE
from actors.messages import CODEC
from actors.runtime.distribution import Distribution
from cluster.config_errors import did_you_mean
from cluster.fault_kinds import FAULT_KINDS
from cluster.quantities import duration_ns, rate_per_second, size_bytes, size_text
from cluster.virtual_device import virtual_device_number

BLOCK_MAX: Final = 1 << 20
DEPTH_MAX: Final = 256
PORT_MAX: Final = 65535
VCPUS_MAX: Final = 32
GUESTS_MAX: Final = 10_000
DISKS_MAX: Final = 8
STORE_NODES_MAX: Final = 64
INTERVAL_MIN: Final = 100_000_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
MESSAGES: Final = tuple(sorted(each.__name__ for each in CODEC.rows))
_DOM0_MEMORY_MIN: Final = 16 << 20
_GUEST_MEMORY_MIN: Final = 4 << 20


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name; letters, digits, - _ . and at most 40 of them")
    return text


def _whole(unit: int, what: str) -> AfterValidator:
    def check(size: int) -> int:
        if size <= 0 or size % unit:
            raise ValueError(
                f"{size_text(size)} is not a multiple of {what}; a whole number of {unit}B, above 0"
            )
        return size

    return AfterValidator(check)


def _at_least(least: int) -> AfterValidator:
    def check(size: int) -> int:
        if size < least:
            raise ValueError(f"{size_text(size)} is too little; at least {size_text(least)}")
        return size

    return AfterValidator(check)


def _vdev(text: str) -> str:
    virtual_device_number(text)
    return text


def _version(value: object) -> object:
    if isinstance(value, float | int) and not isinstance(value, bool):
        raise ValueError(f'{value} is a number here; write it in quotes: "{value}"')  # noqa: TRY004
    return value


def _block(size: int) -> int:
    if not 0 < size <= BLOCK_MAX or size % SECTOR_SIZE:
        raise ValueError(f"a block of {size_text(size)} is not possible; a multiple of 512B up to 1MiB")
    return size


def _watchdog(duration: int) -> int:
    if duration % 1_000_000_000:
        raise ValueError("the watchdog counts whole seconds; write 2s, or 0s for none")
    return duration


def _interval(duration: int) -> int:
    if 0 < duration < INTERVAL_MIN:
        raise ValueError("statistics are not read that often; 100ms or more, or 0s for never")
    return duration


def _vitals(duration: int) -> int:
    if 0 < duration < INTERVAL_MIN:
        raise ValueError("vitals are not published that often; 100ms or more, or 0s for never")
    return duration


def _write_back(duration: int) -> int:
    if not duration:
        raise ValueError("a disk that keeps nothing back has no cache; `write_cache: false` says so")
    return duration


def _survivors(value: object) -> object:
    if value in {"all", "none"} or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"{value!r} survivors cannot be counted; all, none or a number")


def _fault_kind(name: str) -> str:
    if name not in FAULT_KINDS:
        raise ValueError(f"there is no fault {name!r}; {did_you_mean(name, list(FAULT_KINDS))}")
    return name


def _select(value: str | dict[str, int]) -> str | dict[str, int]:
    if isinstance(value, str) and value in {"one", "all"}:
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((how, count),) = value.items()
        if how in {"fixed", "random"} and count >= 1:
            return value
    raise ValueError(f"{value!r} selects nothing; one, all, {{fixed: 2}} or {{random: 3}}")


def _message(name: str) -> str:
    if name not in MESSAGES:
        raise ValueError(f"there is no message {name!r}; {did_you_mean(name, list(MESSAGES))}")
    return name


def _above_zero(duration: int) -> int:
    if duration <= 0:
        raise ValueError("nothing is not possible here; more than 0ns")
    return duration


def _cost(value: object) -> Distribution:
    if isinstance(value, Distribution):
        return value
    if not isinstance(value, dict):
        return Distribution("constant", (duration_ns(value),))
    if len(value) != 1:
        raise ValueError("one distribution is wanted; 5us, {uniform: [1us, 9us]} or {lognormal: ..}")
    ((kind, given),) = value.items()
    if kind == "uniform" and isinstance(given, list):
        parameters = [duration_ns(each) for each in given]
    elif kind == "exponential":
        parameters = [duration_ns(given)]
    elif kind == "lognormal" and isinstance(given, dict) and set(given) == {"median", "p99"}:
        parameters = [duration_ns(given["median"]), duration_ns(given["p99"])]
    else:
        known = "{uniform: [1us, 9us]}, {exponential: 5us} or {lognormal: {median: 5us, p99: 20us}}"
        raise ValueError(f"{value!r} is no distribution; {known}")
    return Distribution(kind, tuple(parameters))


def _not_instant(cost: Distribution) -> Distribution:
    if not cost.parameters[-1]:
        raise ValueError("nothing is instant; a link takes 1ns or more, or time would stand still")
    return cost


Name = Annotated[str, AfterValidator(_name)]
Size = Annotated[int, BeforeValidator(size_bytes)]
VolumeSize = Annotated[Size, _whole(SECTOR_SIZE, "a sector")]
Memory = Annotated[Size, _whole(PAGE_SIZE, "a page")]
Duration = Annotated[int, BeforeValidator(duration_ns)]
Rate = Annotated[float, BeforeValidator(rate_per_second)]
Vdev = Annotated[str, AfterValidator(_vdev)]
Cost = Annotated[Distribution, BeforeValidator(_cost)]
Limit = Annotated[int, Field(ge=0)]
Xen = Annotated[Literal["3.4", "4.17"], BeforeValidator(_version)]


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
    link: Annotated[Cost, AfterValidator(_not_instant)] = Distribution("uniform", (200, 2_000))


def _releases(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("a release is there twice; name each once")
    return names


class Dom0Schema(Strict):
    """Domain 0."""

    memory: Annotated[Memory, _at_least(_DOM0_MEMORY_MIN)] = 512 << 20
    vcpus: Annotated[int, Field(ge=1, le=VCPUS_MAX)] = 1
    built_for: Annotated[list[Xen], Field(min_length=1), AfterValidator(_releases)] | None = None


class DriverDomainSchema(Strict):
    """A domain other than dom0 that drives disks of the host, and serves them."""

    name: Name
    memory: Annotated[Memory, _at_least(_GUEST_MEMORY_MIN)] = 64 << 20
    vcpus: Annotated[int, Field(ge=1, le=VCPUS_MAX)] = 1
    on_crash: Literal["destroy", "restart", "preserve"] = "restart"
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
    write_back: Annotated[Duration, AfterValidator(_write_back)] = 200_000_000
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
    block: Annotated[Size, AfterValidator(_block)] = 4096
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

    name: Name | None = None
    xl: str | None = None
    count: Annotated[int, Field(ge=1, le=GUESTS_MAX)] | None = None
    memory: Annotated[Memory, _at_least(_GUEST_MEMORY_MIN)] | None = None
    maxmem: Memory | None = None
    vcpus: Annotated[int, Field(ge=1, le=VCPUS_MAX)] | None = None
    on_crash: Literal["destroy", "restart", "preserve"] | None = None
    frontend: Literal["reconnect", "stock-linux"] = "reconnect"
    vitals: Annotated[Duration, AfterValidator(_vitals)] = 1_000_000_000
    disk: str | None = None
    disks: list[GuestDiskSchema] | None = None
    scratch: dict[str, VolumeSize] = {}
    workload: WorkloadSchema | None = None
    store: StoreWorkSchema | None = None


class XenstoreSchema(Strict):
    """Where xenstored lives, and what it keeps when it is started again."""

    domain: Literal["dom0", "stubdom"] = "dom0"
    restart: Literal["lose", "live-update", "persist"] = "lose"


def _xenstore(value: object) -> object:
    if isinstance(value, str):
        if value not in {"dom0", "stubdom"}:
            right = "dom0, stubdom, or {domain: dom0, restart: persist}"
            raise ValueError(f"xenstored cannot live in {value!r}; {right}")
        return {"domain": value}
    return value


class HostSchema(Strict):
    """One simulated host."""

    name: Name
    xen: Xen = "4.17"
    memory: Memory = 2 << 30
    hwdom: Literal["reboot", "restart", "halt"] = "restart"
    xenstore: Annotated[XenstoreSchema, BeforeValidator(_xenstore)] = XenstoreSchema()
    reconnect: Literal["renegotiate", "resume"] = "renegotiate"
    watchdog: Annotated[Duration, AfterValidator(_watchdog)] = 2_000_000_000
    metrics_port: Annotated[int, Field(ge=0, le=PORT_MAX)] = 0
    dom0: Dom0Schema = Dom0Schema()
    pack: list[list[str]] = []
    transport: Literal["unix", "tcp"] = "unix"
    disks: Annotated[list[DiskSchema], Field(max_length=DISKS_MAX)] = []
    driver_domains: list[DriverDomainSchema] = []
    guests: list[GuestSchema] = []

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


class FaultSchema(Strict):
    """Something that breaks: what, which targets, when, how often, for how long."""

    kind: Annotated[str, AfterValidator(_fault_kind)]
    target: str | list[str]
    select: Annotated[str | dict[str, int], AfterValidator(_select)] = "all"
    at: Duration | None = None
    when: WhenSchema | None = None
    after: Duration | None = None
    every: Duration | None = None
    count: Annotated[int, Field(ge=2, le=100_000)] | None = None
    duration: Duration | None = None
    probability: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] | None = None
    optional: bool = False
    operations: list[Literal["read", "write", "flush"]] | None = None
    interval: Annotated[Duration, AfterValidator(_above_zero)] | None = None
    delay: Duration | None = None
    jitter: Duration | None = None
    messages: list[Annotated[str, AfterValidator(_message)]] | None = None
    factor: Annotated[float, Field(ge=1.5, le=1000, strict=False)] | None = None


class MetricsSchema(Strict):
    """How often the actors' statistics are read, and whether each guest has series of its own."""

    interval: Annotated[Duration, AfterValidator(_interval)] = 1_000_000_000
    guests: Literal["each", "sum"] = "each"


class ExpectSchema(Strict):
    """What the author of the file predicts; only what is written is judged."""

    survivors: Annotated[int | Literal["all", "none"], BeforeValidator(_survivors)] | None = None
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
    faults: list[FaultSchema] = []
    expect: ExpectSchema = ExpectSchema()
    metrics: MetricsSchema = MetricsSchema()
