"""Values of a run as JSON and back, the same on both sides: the resolved configuration, the judge's notes.

Numbers, texts, lists and maps with text keys are themselves. Whatever else there is is a map whose key `$`
says what it is: a class of the table below with its fields or its value, a `tuple`, `bytes`, a `Path`, or a
`dict` that has other keys.
Rules: only classes of the table are kept, and only these are made again, so a file can name nothing else.
Files of such values are sealed: one that is not as it was written is not read.
"""

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from pydantic import BaseModel

from actors.dom0.shutdown_actions import ShutdownActions
from actors.domu.store_client import StoreSpec
from actors.domu.talk.talk_spec import TalkSpec
from actors.domu.workload import WorkloadSpec
from actors.notebook.talk_header import TalkKind, TalkRole
from actors.policies import Frontend, Hwdom, Links, Reconnect, Spare, StorePlace, StoreRestart
from actors.runtime.distribution import Distribution
from cluster.lab.config.architecture import Architecture
from cluster.lab.config.errors import Finding
from cluster.lab.config.guest_devices import GUEST_DEVICES
from cluster.lab.config.guest_network import NetworkSettings
from cluster.lab.config.hardware_kind import Hardware
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault, ResolvedHost, Trigger
from cluster.lab.config.resolved_domains import ResolvedDriverDomain, ResolvedGuest
from cluster.lab.config.schema import CostsSchema, ExpectSchema, MetricsSchema
from cluster.lab.config.switch import SwitchSchema
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.unfired_fault import UnfiredFault
from cluster.lab.experiment.breaking.waiter import Waiter
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.experiment.lives import Lives
from cluster.lab.verdict.run_facts import HostFacts

CLASSES: Final[dict[str, type]] = {
    each.__name__: each
    for each in (
        *(ResolvedCluster, ResolvedHost, ResolvedFault, Hardware, Trigger, Finding),
        *(each.resolved for each in GUEST_DEVICES.values()),
        *(CostsSchema, Distribution, ExpectSchema, MetricsSchema, SwitchSchema),
        *(ClockGap, FaultTarget, GuestRecord, HostFacts, Injection, Lives, NetworkSettings),
        *(ResolvedDriverDomain, ResolvedGuest, ShutdownActions, StoreSpec, TalkKind, TalkRole),
        *(TalkSpec, UnfiredFault, Waiter, WorkloadSpec),
        *(Architecture, Frontend, Hwdom, Links, Reconnect, Spare, StorePlace, StoreRestart),
    )
}
KIND: Final = "$"
_PLAIN: Final = (bool, int, float, str)
_SEAL: Final = re.compile(r'\{"sha256": "([0-9a-f]{64})",\n')


class KeptError(ValueError):
    """A run directory does not hold what is wanted of it; the text says what, and what would be right."""


class OtherVersionError(KeptError):
    """It is as it was written, but by a version that kept other values than this one."""


def plain(value: object) -> object:
    """A value as data for JSON."""
    if isinstance(value, Enum):
        return {KIND: _name_of(value), "value": value.value}
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and key != KIND for key in value):
            return {key: plain(each) for key, each in value.items()}
        return {KIND: "dict", "of": [[plain(key), plain(each)] for key, each in value.items()]}
    if isinstance(value, tuple):
        return {KIND: "tuple", "of": [plain(each) for each in value]}
    if isinstance(value, bytes):
        return {KIND: "bytes", "hex": value.hex()}
    if isinstance(value, Path):
        return {KIND: "Path", "path": str(value)}
    return {KIND: _name_of(value), **{key: plain(getattr(value, key)) for key in _names(type(value))}}


def value_of(data: object) -> object:
    """The value that `plain` made the data of. KeptError if it has made no such data."""
    if isinstance(data, list):
        return [value_of(each) for each in data]
    if not isinstance(data, dict):
        return data
    values = {key: value_of(each) for key, each in data.items() if key != KIND}
    if KIND not in data:
        return values
    try:
        return _made(data[KIND], values)
    except (KeyError, TypeError, ValueError) as error:
        raise OtherVersionError(f"no {data[KIND]!r} that this version knows: {error}") from error


def sealed(text: str) -> str:
    """The text of a JSON object with the SHA-256 of all that follows in its first line."""
    assert text.startswith("{"), "a JSON object is sealed"
    return f'{{"sha256": "{_digest(text[1:])}",\n{text[1:]}'


def opened(text: str) -> dict[str, Any]:
    """The object that was sealed. KeptError if that is not what it was."""
    match = _SEAL.match(text)
    if match is None or match[1] != _digest(text[match.end() :]):
        raise KeptError("it was changed after it had been written, or is cut off")
    return cast("dict[str, Any]", json.loads(text))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _made(kind: str, values: dict[str, object]) -> object:
    others: dict[str, Callable[[], object]] = {
        "tuple": lambda: tuple(cast("list[object]", values["of"])),
        "dict": lambda: {key: each for key, each in cast("list[list[object]]", values["of"])},  # noqa: C416
        "bytes": lambda: bytes.fromhex(cast("str", values["hex"])),
        "Path": lambda: Path(cast("str", values["path"])),
    }
    if kind in others:
        return others[kind]()
    made = CLASSES[kind]
    if issubclass(made, BaseModel):
        needed = {key for key, each in made.model_fields.items() if each.is_required()}
        if not needed <= values.keys() <= made.model_fields.keys():  # a later key has its default
            raise ValueError(f"its keys are {', '.join(_names(made))}")
        return cast("Callable[..., object]", made.model_construct)(**values)
    return made(**values)


def _name_of(value: object) -> str:
    name = type(value).__name__
    assert CLASSES.get(name) is type(value), f"{name} is not in the table of what is kept"
    return name


def _names(kind: type) -> list[str]:
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    assert is_dataclass(kind), f"{kind.__name__} has no fields"
    return [each.name for each in fields(kind)]
