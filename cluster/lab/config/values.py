"""What the values of a configuration file can be: names, sizes, times, rates, distributions.

Rules: a refusal reads "what was wrong; what would be right".
"""

from types import GenericAlias
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from actors.abi.types import PAGE_SIZE, SECTOR_SIZE
from actors.messages import CODEC
from actors.network.mac_address import is_station, parse_mac
from actors.runtime.distribution import Distribution
from cluster.lab.config.architecture import ARCHITECTURES
from cluster.lab.config.domain_name import check_plain_name
from cluster.lab.config.errors import did_you_mean
from cluster.lab.config.quantities import (
    bits_per_second,
    duration_ns,
    rate_per_second,
    size_bytes,
    size_text,
)
from cluster.lab.config.shutdown_actions import check_action, check_reset_action
from cluster.lab.config.virtual_device import virtual_device_number
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.option import Factor, Form, Names, Time

BLOCK_MAX: Final = 1 << 20
DEPTH_MAX: Final = 256
PORT_MAX: Final = 65535
VCPUS_MAX: Final = 32
GUESTS_MAX: Final = 10_000
STORE_NODES_MAX: Final = 64
INTERVAL_MIN: Final = 100_000_000
NAME_MAX: Final = 40
MESSAGES: Final = tuple(sorted(each.__name__ for each in CODEC.rows))
_DOM0_MEMORY_MIN: Final = 16 << 20
_GUEST_MEMORY_MIN: Final = 4 << 20


def _name(text: str) -> str:
    check_plain_name(text, NAME_MAX)
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


def _mac(text: str) -> str:
    try:
        mac = parse_mac(text)
    except ValueError:
        raise ValueError(f"{text!r} is no MAC address; six bytes as in 00:16:3e:5e:6c:00") from None
    if not is_station(mac):
        raise ValueError(f"{text!r} is no address of one station; an even first byte, not all 0")
    return mac.hex(":")


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


def _not_that_often(what: str) -> AfterValidator:
    def check(duration: int) -> int:
        if 0 < duration < INTERVAL_MIN:
            raise ValueError(f"{what} that often; 100ms or more, or 0s for never")
        return duration

    return AfterValidator(check)


def _write_back(duration: int) -> int:
    if not duration:
        raise ValueError("a disk that keeps nothing back has no cache; `write_cache: false` says so")
    return duration


def _survivors(value: object) -> object:
    named = isinstance(value, str) and value in {"all", "none"}
    if named or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"{value!r} survivors cannot be counted; all, none or a number")


def _fault_kind(name: str) -> str:
    if name not in FAULT_KINDS:
        raise ValueError(f"there is no fault {name!r}; {did_you_mean(name, list(FAULT_KINDS))}")
    return name


def _architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise ValueError(f"{name!r} is not known; {did_you_mean(name, list(ARCHITECTURES))}")
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


def _releases(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("a release is there twice; name each once")
    return names


# Of a cluster, a host or a disk; those of domains are looked at in `checks.py`, wherever they come from.
Name = Annotated[str, AfterValidator(_name)]
Size = Annotated[int, BeforeValidator(size_bytes)]
VolumeSize = Annotated[Size, _whole(SECTOR_SIZE, "a sector")]
Memory = Annotated[Size, _whole(PAGE_SIZE, "a page")]
Duration = Annotated[int, BeforeValidator(duration_ns)]
Rate = Annotated[float, BeforeValidator(rate_per_second)]
BitRate = Annotated[int, BeforeValidator(bits_per_second)]
Mac = Annotated[str, AfterValidator(_mac)]
Vdev = Annotated[str, AfterValidator(_vdev)]
Cost = Annotated[Distribution, BeforeValidator(_cost)]
Limit = Annotated[int, Field(ge=0)]
Block = Annotated[Size, AfterValidator(_block)]
Dom0Memory = Annotated[Memory, _at_least(_DOM0_MEMORY_MIN)]
GuestMemory = Annotated[Memory, _at_least(_GUEST_MEMORY_MIN)]
AboveZero = Annotated[Duration, AfterValidator(_above_zero)]
Watchdog = Annotated[Duration, AfterValidator(_watchdog)]
Interval = Annotated[Duration, _not_that_often("statistics are not read")]
Vitals = Annotated[Duration, _not_that_often("vitals are not published")]
WriteBack = Annotated[Duration, AfterValidator(_write_back)]
LinkCost = Annotated[Cost, AfterValidator(_not_instant)]
Vcpus = Annotated[int, Field(ge=1, le=VCPUS_MAX)]
Port = Annotated[int, Field(ge=0, le=PORT_MAX)]
Kind = Annotated[str, AfterValidator(_fault_kind)]
ArchitectureName = Annotated[str, AfterValidator(_architecture)]
Selection = Annotated[str | dict[str, int], AfterValidator(_select)]
MessageName = Annotated[str, AfterValidator(_message)]
Survivors = Annotated[int | Literal["all", "none"], BeforeValidator(_survivors)]
Action = Annotated[str, AfterValidator(check_action)]
ResetAction = Annotated[str, AfterValidator(check_reset_action)]
Xen = Annotated[Literal["3.4", "4.17"], BeforeValidator(_version)]
Releases = Annotated[list[Xen], Field(min_length=1), AfterValidator(_releases)]


def of_form(form: Form) -> Any:  # noqa: ANN401 (an annotation)
    """What a value of this form can be."""
    match form:
        case Time(above_zero=above_zero):
            return AboveZero if above_zero else Duration
        case Factor(least=least, most=most):
            return Annotated[float, Field(ge=least, le=most, strict=False)]
        case Names(known=()):
            return list[MessageName]
        case Names(known=known):
            return GenericAlias(list, Literal.__getitem__(known))
