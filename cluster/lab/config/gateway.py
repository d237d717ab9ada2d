"""The gateway by which the outside reaches guests: what it is told, and how to say where one wants to go.

Rules: it is a station in each network that guests have addresses in, with the highest one that none of them
has; a network that is full has no gateway.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Final

from cluster.lab.config.resolved_domains import ResolvedGuest

GATEWAY: Final = "gateway"
"""Its address, and what its port of the switch is called: it belongs to no host."""
_VIF: Final = "vif"
_FORM: Final = "write HOST/GUEST:PORT, as host0/web-0:80"

Interfaces = Mapping[str, IPv4Interface]
"""Interfaces of guests by their names, as `host0/web-0/vif0`."""


def guest_interfaces(guests: Sequence[ResolvedGuest]) -> dict[str, IPv4Interface]:
    """All those with an address, in the order of the guests."""
    return {
        f"{guest.address}/{each.identity[0]}": IPv4Interface(str(each.device.row["ip"]))
        for guest in guests
        for each in guest.devices
        if each.device_class == _VIF and each.device.row.get("ip")
    }


def gateway_argument(interfaces: Interfaces, seed: int) -> dict[str, object]:
    """What the gateway is told."""
    networks = dict.fromkeys(each.network for each in interfaces.values())
    taken = {each.ip for each in interfaces.values()}
    places = [(each, _place(each, taken)) for each in networks]
    return {
        "seed": f"{seed}:{GATEWAY}",
        "networks": [
            {"mac": f"02:00:5e:00:00:{number:02x}", "address": str(address), "prefix": network.prefixlen}
            for number, (network, address) in enumerate(places[:256])
            if address is not None
        ],
        "guests": [{"name": name, "address": str(each.ip)} for name, each in interfaces.items()],
    }


def find_port(text: str, guests: Sequence[ResolvedGuest], interfaces: Interfaces) -> tuple[str, str]:
    """Where `HOST/GUEST:PORT` or `HOST/GUEST/vifN:PORT` leads: interface:port, and address:port.

    ValueError says what is wrong with it.
    """
    target, colon, port = text.rpartition(":")
    if not colon or not target:
        raise ValueError(f"{text!r} has no port; {_FORM}")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise ValueError(f"{text!r}: {port[:20]!r} is no port, which is from 1 to 65535; {_FORM}")
    host, _, rest = target.partition("/")
    name, _, vif = rest.partition("/")
    _check_guest(text, host, name, guests)
    own = [each for each in interfaces if each.startswith(f"{host}/{name}/")]
    if not own:
        raise ValueError(f"{text}: {host}/{name} has no network interface with an address")
    wanted = f"{host}/{name}/{vif}" if vif else own[0]
    if wanted not in own:
        raise ValueError(f"{text}: {host}/{name} has no {vif!r}; there are: {_last_parts(own)}")
    return f"{wanted}:{int(port)}", f"{interfaces[wanted].ip}:{int(port)}"


def _check_guest(text: str, host: str, name: str, guests: Sequence[ResolvedGuest]) -> None:
    hosts = list(dict.fromkeys(each.host for each in guests))
    if host not in hosts:
        raise ValueError(f"{text}: no host {host!r} with guests; there are: {', '.join(hosts) or 'none'}")
    names = [each.name for each in guests if each.host == host]
    if name not in names:
        known = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise ValueError(f"{text}: no guest {name!r} on {host}; there are: {known}")


def _place(network: IPv4Network, taken: set[IPv4Address]) -> IPv4Address | None:
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    lowest = max(first, last - len(taken))
    addresses = (IPv4Address(number) for number in range(last, lowest - 1, -1))
    return next((each for each in addresses if each not in taken), None)


def _last_parts(names: Sequence[str]) -> str:
    return ", ".join(each.rpartition("/")[2] for each in names)
