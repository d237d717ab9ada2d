"""The names of a recording and the numbers of the wire, both ways.

Rules: `$a.port` is what step `a` got, `SELF` and `DOMU` are domains, a list of names is a set of
flags, `unknown_N` is the number N. Source: the README of the conformance suite; Xen's public headers.
"""

from typing import Final

from actors.abi.errno import Errno
from actors.abi.hypercalls import COMMANDS, Hypercall
from actors.abi.interface import DominfFlags, EvtchnStatus, GrantStatus
from actors.abi.types import DOMID_SELF
from cluster.conformance.recording import Step, Values

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

    def numbers(self, step: Step) -> tuple[int, int]:
        """The hypercall's number and its command's. KeyError or ValueError for a name that is none."""
        number = _hypercall(step.hypercall)
        return number, _command(number, step.command)

    def arguments(self, step: Step) -> Values:
        """The arguments as they go over the wire. KeyError, ValueError."""
        arguments = {name: self._argument(name, value) for name, value in step.arguments.items()}
        if step.hypercall == "multicall":
            calls = step.arguments.get("calls")
            if not isinstance(calls, list):
                raise ValueError("calls must be an array")
            arguments["calls"] = [_entry(str(each)) for each in calls]
        elif step.hypercall == "console_io" and "len" in arguments:
            length = arguments.pop("len")
            arguments |= {"count": length, "buf": "." * (length if isinstance(length, int) else 0)}
        return arguments

    def value(self, value: object) -> object:
        """A value of the recording. MissingResultError for a reference to a field that a step did not get."""
        if value == "SELF":
            return int(DOMID_SELF)
        if value == "DOMU":
            if self._domu is None:
                raise KeyError("there is no domU")
            return self._domu
        if isinstance(value, str) and value.startswith("$"):
            step, _, name = value[1:].partition(".")
            if name not in self._outs.get(step, {}):
                raise MissingResultError(value, step)
            return self._outs[step][name]
        return ret_number(value) if isinstance(value, str) and value.startswith("-E") else value

    def ret(self, step: Step) -> int:
        """The recorded `ret` as a number. KeyError for an unknown error."""
        return step.ret if isinstance(step.ret, int) else ret_number(step.ret)

    def shown(self, step: Step, out: Values) -> Values:
        """The fields of a reply as a recording writes them."""
        shown = dict(out)
        status, flags = out.get("status"), out.get("flags")
        statuses = STATUSES.get(step.hypercall)
        if statuses is not None and isinstance(status, int):
            shown["status"] = statuses(status).name
        if step.hypercall == "domctl" and isinstance(flags, int):
            shown |= {name: bool(flags & DominfFlags[name]) for name in STATE_FIELDS}
        return shown

    def _argument(self, name: str, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._argument(key, each) for key, each in value.items()}
        if name == "flags" and isinstance(value, str | list):
            return sum(_flag(each) for each in ([value] if isinstance(value, str) else value))
        return self.value(value)


def ret_number(text: str) -> int:
    """`-EINVAL` as a number. KeyError for an unknown error."""
    return -int(Errno[text.removeprefix("-")])


def ret_name(ret: int) -> str:
    """A returned value as a recording writes it."""
    known = {int(each) for each in Errno}
    return f"-{Errno(-ret).name}" if -ret in known else str(ret)


def _flag(name: object) -> int:
    text = str(name).lower()
    for prefix in PREFIXES:
        text = text.removeprefix(prefix)
    return FLAGS[text]


def _hypercall(name: str) -> int:
    prefix, _, number = name.replace(" ", "_").rpartition("_")
    if prefix == "hypercall":
        return int(number)
    return int(Hypercall[name])


def _command(number: int, name: str) -> int:
    commands = COMMANDS.get(Hypercall(number)) if number in {int(each) for each in Hypercall} else None
    if name.startswith("unknown"):
        digits = name.removeprefix("unknown").removeprefix("_")
        return int(digits) if digits else UNKNOWN_COMMAND
    if name.isdecimal():
        return int(name)
    if commands is None:
        return 0
    return int(commands[f"{name}_" if name == "yield" else name])


def _entry(text: str) -> Values:
    name, _, command = text.partition(".")
    number = _hypercall(name)
    return {"op": number, "cmd": _command(number, command) if command else 0, "args": {}}
