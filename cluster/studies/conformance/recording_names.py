"""The names of a recording and the numbers of the wire, both ways.

Rules: `$a.port` is what step `a` got, `SELF` and `DOMU` are domains, a list of names is a set of
flags, `unknown_N` is the number N. A name that stands for nothing is a ValueError that says what would be
right; `recording_check` finds them all before anything is replayed.
Source: docs/conformance.md; Xen's public headers.
"""

from enum import IntEnum
from typing import Final

from actors.abi.control import CpupoolOp, SchedopInfo
from actors.abi.errno import Errno
from actors.abi.hypercalls import COMMANDS, Hypercall
from actors.abi.interface import DominfFlags, EvtchnStatus, GrantStatus
from actors.abi.types import DOMID_SELF
from cluster.lab.config.errors import did_you_mean
from cluster.studies.conformance.recording import RecordedCall, Values

UNKNOWN_COMMAND: Final = 99
FLAGS: Final = {
    "source_gref": 1,
    "dest_gref": 2,
    "device_map": 1,
    "host_map": 2,
    "readonly": 4,
    "application_map": 8,
    "will_share": 1,
    "hvm": 1,
    "hap": 2,
    "s3_integrity": 4,
    "oos_off": 8,
    "xs_domain": 16,
    "iommu": 32,
}
PREFIXES: Final = ("gntmap_", "gntcopy_", "bind_pirq__", "xen_domctl_cdf_")
STATUSES: Final = {"event_channel_op": EvtchnStatus, "grant_table_op": GrantStatus}
STATE_FIELDS: Final = ("dying", "shutdown", "paused", "blocked", "running")
OPERATIONS: Final[dict[tuple[str, str, str], type[IntEnum]]] = {
    ("domctl", "scheduler_op", "cmd"): SchedopInfo,
    ("sysctl", "scheduler_op", "cmd"): SchedopInfo,
    ("sysctl", "cpupool_op", "op"): CpupoolOp,
}
DOMAINS: Final = ("SELF", "DOMU")


class MissingResultError(Exception):
    """A value refers to a field that `step` did not get."""

    def __init__(self, reference: str, step: str) -> None:
        super().__init__(f"{reference}: no such result")
        self.step = step


class Names:
    """Translates the steps of one case; `outs` are the fields that its steps have got so far."""

    def __init__(self, domu: int | None, outs: dict[str, Values]) -> None:
        self._domu = domu
        self._outs = outs

    def numbers(self, step: RecordedCall) -> tuple[int, int]:
        """The hypercall's number and its command's."""
        return call_numbers(step)

    def arguments(self, step: RecordedCall) -> Values:
        """The arguments as they go over the wire. MissingResultError as `value`."""
        arguments = {name: self._argument(step, name, value) for name, value in step.arguments.items()}
        if step.hypercall == "multicall":
            arguments["calls"] = multicall_entries(step)
        elif step.hypercall == "console_io" and "len" in arguments:
            length = arguments.pop("len")
            arguments |= {"count": length, "buf": "." * (length if isinstance(length, int) else 0)}
        return arguments

    def value(self, value: object) -> object:
        """A value of the recording. MissingResultError for a reference to a field that a step did not get."""
        found = reference(value)
        if found is not None:
            step, name = found
            if name not in self._outs.get(step, {}):
                raise MissingResultError(str(value), step)
            return self._outs[step][name]
        if value == "SELF":
            return int(DOMID_SELF)
        if value == "DOMU":
            assert self._domu is not None, "only the platform's own case has no domU"
            return self._domu
        return ret_number(value) if isinstance(value, str) and value.startswith("-E") else value

    def ret(self, step: RecordedCall) -> int:
        """The recorded `ret` as a number."""
        return step.ret if isinstance(step.ret, int) else ret_number(step.ret)

    def shown(self, step: RecordedCall, out: Values) -> Values:
        """The fields of a reply as a recording writes them."""
        shown = dict(out)
        status, flags = out.get("status"), out.get("flags")
        statuses = STATUSES.get(step.hypercall)
        if statuses is not None and isinstance(status, int):
            shown["status"] = statuses(status).name
        if step.hypercall == "domctl" and isinstance(flags, int):
            shown |= {name: bool(flags & DominfFlags[name]) for name in STATE_FIELDS}
        return shown

    def _argument(self, step: RecordedCall, name: str, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._argument(step, key, each) for key, each in value.items()}
        if name == "flags" and isinstance(value, str | list):
            return flags_number(value)
        if isinstance(value, list):
            return [self._argument(step, name, each) for each in value]
        known = operations(step, name)
        return known[value] if isinstance(value, str) and value in known else self.value(value)


def reference(value: object) -> tuple[str, str] | None:
    """Step and field of `$step.field`; None for what is no reference."""
    if not isinstance(value, str) or not value.startswith("$"):
        return None
    step, _, name = value[1:].partition(".")
    return step, name


def ret_number(text: str) -> int:
    """`-EINVAL` as a number. ValueError for an unknown error."""
    name = text.removeprefix("-")
    if name not in Errno.__members__:
        raise ValueError(f"{text!r} is no error of Xen; {did_you_mean(name, list(Errno.__members__))}")
    return -int(Errno[name])


def ret_name(ret: int) -> str:
    """A returned value as a recording writes it."""
    known = {int(each) for each in Errno}
    return f"-{Errno(-ret).name}" if -ret in known else str(ret)


def operations(step: RecordedCall, name: str) -> dict[str, int]:
    """The names that an argument may have instead of its number, as `getinfo`."""
    known = OPERATIONS.get((step.hypercall, step.command, name))
    return {} if known is None else {each.name.lower(): int(each) for each in known}


def flags_number(value: str | list[object]) -> int:
    """A flag or a list of them as a number."""
    return sum(_flag(each) for each in ([value] if isinstance(value, str) else value))


def _flag(name: object) -> int:
    text = str(name).lower()
    for prefix in PREFIXES:
        text = text.removeprefix(prefix)
    if text not in FLAGS:
        raise ValueError(
            f"no flag {name!r}; {did_you_mean(text, list(FLAGS))} (or all of them as one number)"
        )
    return FLAGS[text]


def call_numbers(step: RecordedCall) -> tuple[int, int]:
    """The number of a step's hypercall and of its command."""
    number = _hypercall(step.hypercall)
    return number, _command(number, step.hypercall, step.command)


def _hypercall(name: str) -> int:
    prefix, _, number = name.replace(" ", "_").rpartition("_")
    if prefix == "hypercall" and number.isdecimal():
        return int(number)
    if name not in Hypercall.__members__:
        near = did_you_mean(name, list(Hypercall.__members__))
        raise ValueError(f"no hypercall {name!r}; {near} (any other is written hypercall_N, N its number)")
    return int(Hypercall[name])


def _command(number: int, hypercall: str, name: str) -> int:
    commands = COMMANDS.get(Hypercall(number)) if number in {int(each) for each in Hypercall} else None
    if name.startswith("unknown"):
        digits = name.removeprefix("unknown").removeprefix("_")
        if digits and not digits.isdecimal():
            raise ValueError(f"cmd is {name!r}; unknown_N has a number for N")
        return int(digits) if digits else UNKNOWN_COMMAND
    if name.isdecimal():
        return int(name)
    known = [] if commands is None else [each.rstrip("_") for each in commands.__members__]
    if commands is None and name:
        raise ValueError(f"{hypercall} has no commands by name; leave cmd out, or give its number as a text")
    if commands is None:
        return 0
    if not name:
        raise ValueError(f"{hypercall} needs cmd, one of {', '.join(known)}")
    if name not in known:
        near = did_you_mean(name, known)
        raise ValueError(
            f'{hypercall} has no command {name!r}; {near} (any other is written as its number, "20")'
        )
    return int(commands[f"{name}_" if name == "yield" else name])


def multicall_entries(step: RecordedCall) -> list[Values]:
    """The entries of a multicall; none of another hypercall."""
    if step.hypercall != "multicall":
        return []
    calls = step.arguments.get("calls")
    if not isinstance(calls, list) or not all(isinstance(each, str) for each in calls):
        raise ValueError('multicall has calls, an array of names as "sched_op.yield"')
    return [_entry(each) for each in calls]


def _entry(text: str) -> Values:
    name, _, command = text.partition(".")
    number = _hypercall(name)
    return {"op": number, "cmd": _command(number, name, command) if command else 0, "args": {}}
