"""One network interface of an xl.cfg file, as a guest of Domzero gets it.

Rules: a part that xl would refuse is refused. What it takes and Domzero does not do (a device model, a
script of its own, a VLAN) is no mistake of the file: the interface says so, and is there without it.
Source: docs/man/xl-network-configuration.5, tools/xl/xl_parse.c (parse_nic_config) (facts).
Left out: what those would do. `ip` is the guest's here, which would set it itself, and the script's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from actors.network.mac_address import is_station
from cluster.lab.config.c_number import c_number
from cluster.lab.config.errors import did_you_mean
from cluster.lab.config.guest_network import MTU_MAX, MTU_MIN, NetworkSettings, ip_of
from cluster.lab.config.network_addresses import NETWORK
from cluster.lab.config.vif_rate import parse_vif_rate
from cluster.lab.config.xl_disk import DOM0

SCRIPT: Final = "vif-bridge"
DEVIDS: Final = 255
_PREFIX: Final = 24
_MAC: Final = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_IGNORED: Final = (
    *("accel", "forwarddev", "gatewaydev", "model", "netdev", "trusted", "vifname", "vlan"),
    *("colo_checkpoint_host", "colo_checkpoint_port"),
)


@dataclass(frozen=True, slots=True)
class XlVif:
    """An interface: `devid` if its number is written, the domain that serves it, what has no effect here."""

    settings: NetworkSettings
    line: int
    devid: int | None = None
    backend: str = "dom0"
    ignored: tuple[str, ...] = ()


def parse_xl_vif(text: str, line: int) -> XlVif:
    """The interface that a specification describes; ValueError: what is wrong, a semicolon, what is right."""
    vif = XlVif(NetworkSettings(), line)
    for part in text.split(","):
        given = part.lstrip(" ")
        if not given:
            continue
        key, equals, value = given.partition("=")
        if key in _IGNORED and equals:
            vif = replace(vif, ignored=(*vif.ignored, given))
        elif key in _TAKERS and equals:
            vif = _TAKERS[key](vif, value)
        else:
            known = [*_TAKERS, *_IGNORED]
            raise ValueError(f"{given!r} of a vif is not known; {did_you_mean(key, known)}")
    return vif


def _with(vif: XlVif, **settings: object) -> XlVif:
    return replace(vif, settings=replace(vif.settings, **settings))  # type: ignore[arg-type]


def _type(vif: XlVif, value: str) -> XlVif:
    if value not in {"vif", "ioemu"}:
        raise ValueError(f"a vif of type {value!r}; type=vif, or ioemu")
    return vif if value == "vif" else replace(vif, ignored=(*vif.ignored, f"type={value}"))


def _mac(vif: XlVif, value: str) -> XlVif:
    mac = bytes(int(each, 16) for each in value.split(":")) if _MAC.fullmatch(value) else b""
    if not mac or not is_station(mac):
        raise ValueError(f"{value!r} is no MAC address of an interface; mac=00:16:3e:5e:6c:00")
    return _with(vif, mac=mac.hex(":"))


def _bridge(vif: XlVif, value: str) -> XlVif:
    if not _NAME.fullmatch(value):
        raise ValueError(f"no bridge is called {value!r}; bridge=xenbr0")
    return _with(vif, bridge=value)


def _ip(vif: XlVif, value: str) -> XlVif:
    try:
        address = IPv4Address(value.partition("/")[0])
        bits = NETWORK.prefixlen if address in NETWORK else _PREFIX
        ip = ip_of(value if "/" in value else f"{address}/{bits}")
    except ValueError:
        raise ValueError(f"{value!r} is no IPv4 address of an interface; ip=10.0.0.2") from None
    return _with(vif, ip=ip, antispoof=True)


def _rate(vif: XlVif, value: str) -> XlVif:
    return _with(vif, rate=parse_vif_rate(value).node)


def _mtu(vif: XlVif, value: str) -> XlVif:
    return _with(vif, mtu=_number("mtu", value, MTU_MIN, MTU_MAX))


def _script(vif: XlVif, value: str) -> XlVif:
    if value.rpartition("/")[2] == SCRIPT:
        return vif
    return replace(vif, ignored=(*vif.ignored, f"script={value}"))


def _backend(vif: XlVif, value: str) -> XlVif:
    return replace(vif, backend=DOM0.get(value, value))


def _devid(vif: XlVif, value: str) -> XlVif:
    return replace(vif, devid=_number("devid", value, 0, DEVIDS))


def _number(key: str, text: str, least: int, most: int) -> int:
    right = f"a number between {least} and {most}"
    try:
        number = c_number(text)
    except ValueError:
        raise ValueError(f"{key}={text} of a vif is no number; {right}") from None
    if not least <= number <= most:
        raise ValueError(f"{key} of a vif cannot be {number}; {right}")
    return number


_TAKERS: Final[Mapping[str, Callable[[XlVif, str], XlVif]]] = {
    "type": _type,
    "mac": _mac,
    "bridge": _bridge,
    "ip": _ip,
    "rate": _rate,
    "mtu": _mtu,
    "script": _script,
    "backend": _backend,
    "devid": _devid,
}
