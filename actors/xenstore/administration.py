"""Requests about domains, features, quotas, and the daemon itself.

Rules: as for every request: checked first, then done. What only the daemon can do (a live update, a line
in its log) is handed out as an event.
Source: docs/misc/xenstore.txt, tools/xenstored/{control,domain}.c.
Left out: `CONTROL memreport`, which is about the C daemon's memory.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_FIRST_RESERVED, DOMID_SELF
from actors.abi.xs_wire import XsFeature
from actors.xenstore.connections import Connection
from actors.xenstore.numbers import atoi, unsigned
from actors.xenstore.quotas import NAMES
from actors.xenstore.requests import OK, Printed, Requests, exactly, number_of, one, several
from actors.xenstore.tree import View

FEATURES: Final = int(XsFeature.RECONNECTION | XsFeature.ERROR | XsFeature.WATCH_DEPTH)
"""What this server can."""

_TEXT_MAX: Final = 200


def domain_path(_: Requests, __: Connection, ___: View, payload: bytes) -> bytes:
    """GET_DOMAIN_PATH domid: of a domain that need not exist."""
    return b"/local/domain/%d\0" % unsigned(one(payload))


def is_introduced(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """IS_DOMAIN_INTRODUCED domid; DOMID_SELF is."""
    domid = unsigned(one(payload))
    return b"T\0" if domid == DOMID_SELF or domid in requests.introduced else b"F\0"


def resume(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """RESUME domid: its next shutdown is told again. ENOENT if it is not introduced, EINVAL for domain 0."""
    domid = _introduced(requests, another_of(payload))
    requests.shut_down.pop(domid, None)
    return OK


def set_target(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """SET_TARGET domid target: a domain may do what another may. ENOENT if either is not introduced."""
    domid, target = (_introduced(requests, unsigned(each)) for each in several(payload, at_least=2)[:2])
    for connection in requests.connections.values():
        if connection.domid == domid:
            connection.target = target
    _tell(requests, f"target/{domid}", target)
    return OK


def get_feature(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """GET_FEATURE, or GET_FEATURE domid: feature bits of the server, or those that a domain sees."""
    if payload in {b"", b"\0"}:
        return b"%d\0" % FEATURES
    return b"%d\0" % requests.features.get(domid_of(one(payload)), FEATURES)


def set_feature(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """SET_FEATURE domid value: what a domain sees once it is introduced. EINVAL for bits we cannot."""
    name, bits = exactly(payload, 2)
    domid, value = domid_of(name), number_of(bits)
    if value & ~FEATURES:
        raise XenError(Errno.EINVAL, f"features {value:#x} of {FEATURES:#x}")
    requests.features[domid] = value
    _tell(requests, f"feature/{domid}", value)
    return OK


def get_quota(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """GET_QUOTA: the names; GET_QUOTA quota: its default; GET_QUOTA domid quota: a domain's. EINVAL."""
    if payload in {b"", b"\0"}:
        return " ".join(NAMES).encode() + b"\0"
    domid, name = _whose(several(payload, at_least=1))
    return b"%d\0" % requests.quotas.get(domid, name)


def set_quota(requests: Requests, _: Connection, __: View, payload: bytes) -> bytes:
    """SET_QUOTA quota value, or domid quota value; a value of 0 is no limit. EINVAL."""
    *whose, value = several(payload, at_least=2)
    _set_quota(requests, whose, number_of(value))
    return OK


def control(requests: Requests, client: Connection, _: View, payload: bytes) -> bytes:
    """CONTROL command argument...; EINVAL for a command or arguments that there are not."""
    command, *arguments = several(payload, at_least=1)
    perform = _COMMANDS.get(command)
    if perform is None:
        raise XenError(Errno.EINVAL, f"control command {command[:_TEXT_MAX]!r}")
    return perform(requests, client, arguments)


def introduction_of(payload: bytes) -> tuple[int, int]:
    """(domid, port) of INTRODUCE domid gfn port; the gfn is not used, since grant 1 is mapped. EINVAL."""
    domid, _, port = (unsigned(each) for each in several(payload, at_least=3)[:3])
    if port == 0 or domid >= DOMID_FIRST_RESERVED:
        raise XenError(Errno.EINVAL, f"domain {domid}, port {port}")
    return domid, port


def another_of(payload: bytes) -> int:
    """The domain of RELEASE domid or RESUME domid. EINVAL for domain 0, as which any other text is read."""
    domid = unsigned(one(payload))
    if domid == 0:
        raise XenError(Errno.EINVAL, "not domain 0")
    return domid


def domid_of(data: bytes) -> int:
    """A domain id as a request about features or quotas names it. EINVAL."""
    domid = number_of(data)
    if domid >= DOMID_FIRST_RESERVED:
        raise XenError(Errno.EINVAL, f"domain {domid}")
    return domid


def _introduced(requests: Requests, domid: int) -> int:
    if domid not in requests.introduced:
        raise XenError(Errno.ENOENT, f"domain {domid} is not introduced")
    return domid


def _whose(parts: list[bytes]) -> tuple[int | None, str]:
    if len(parts) > 2:
        raise XenError(Errno.EINVAL, f"{len(parts)} parts name no quota")
    return (domid_of(parts[0]) if len(parts) == 2 else None), parts[-1].decode("latin-1")


def _set_quota(requests: Requests, whose: list[bytes], value: int) -> None:
    domid, name = _whose(whose)
    requests.quotas.set(domid, name, value)
    for connection in requests.connections.values():
        connection.quotas = requests.quotas.of(connection.domid)
    _tell(requests, f"quota/{'' if domid is None else domid}/{name}", value)


def _tell(requests: Requests, name: str, value: int) -> None:
    if requests.journal is not None:
        requests.journal.setting(name, value)


# The commands of CONTROL.

Command = Callable[[Requests, Connection, list[bytes]], bytes]


def _no(arguments: list[bytes]) -> None:
    if arguments:
        raise XenError(Errno.EINVAL, "a command without arguments")


def _check(requests: Requests, _: Connection, arguments: list[bytes]) -> bytes:
    _no(arguments)
    requests.tree.check()
    requests.watches.check()
    return OK


def _help(_: Requests, __: Connection, arguments: list[bytes]) -> bytes:
    _no(arguments)
    return _HELP.encode() + b"\0"


def _log(requests: Requests, _: Connection, arguments: list[bytes]) -> bytes:
    if arguments not in ([b"on"], [b"off"]):
        raise XenError(Errno.EINVAL, "log on or log off")
    requests.log_requests = arguments == [b"on"]
    return OK


def _print(requests: Requests, _: Connection, arguments: list[bytes]) -> bytes:
    if len(arguments) != 1:
        raise XenError(Errno.EINVAL, "print <string>")
    requests.events.append(Printed(arguments[-1].decode("latin-1")[:_TEXT_MAX]))
    return OK


def _quota(requests: Requests, _: Connection, arguments: list[bytes]) -> bytes:
    if arguments[:1] == [b"set"]:
        return _set_control_quota(requests, arguments[1:])
    if len(arguments) > 1:
        raise XenError(Errno.EINVAL, "quota [set <name> <value> | <domid>]")
    domid = _introduced(requests, unsigned(arguments[0])) if arguments else None
    names = _control_names(requests).items()
    lines = [f"{shown:<17}: {requests.quotas.get(domid, name):>8}" for shown, name in names]
    if domid is not None:
        lines.insert(0, f"Domain {domid}: {requests.tree.owned(domid)} nodes")
    return "".join(f"{each}\n" for each in lines).encode() + b"\0"


def _set_control_quota(requests: Requests, arguments: list[bytes]) -> bytes:
    if len(arguments) != 2 or (value := atoi(arguments[1])) < 1:
        raise XenError(Errno.EINVAL, "quota set <name> <value>, which is at least 1")
    shown = arguments[0].decode("latin-1")
    name = _control_names(requests).get(shown)
    if name is None:
        raise XenError(Errno.EINVAL, f"quota {shown!r}; there are {', '.join(_control_names(requests))}")
    _set_quota(requests, [name.encode()], value)
    return OK


def _control_names(requests: Requests) -> dict[str, str]:
    """What CONTROL calls the quotas, and what they are called on the wire: the same since 4.18."""
    older = requests.release.number < (4, 18)
    return {"permissions" if older and each == "node-permissions" else each: each for each in NAMES}


_COMMANDS: Final[dict[bytes, Command]] = {
    b"check": _check,
    b"help": _help,
    b"log": _log,
    b"print": _print,
    b"quota": _quota,
}
_HELP: Final = """\
check
help
live-update [-c <parameters>] [-a] [-s [-t <seconds>] [-F]]
log on|off
print <string>
quota [set <name> <value> | <domid>]
"""
