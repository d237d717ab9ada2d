"""Where a command can be found from outside: a port of 127.0.0.1, or the path of a Unix socket.

Rules: a Unix socket is its owner's alone (mode 0600) from its first moment, and is gone after `close`.
"""

import socket
from pathlib import Path

from actors.runtime.transport import bind_unix
from cluster.lab.config.errors import reason_of
from cluster.running.control.preflight import LOCALHOST, CannotStart

Address = str | tuple[str, int]


def address_of(place: str) -> Address:
    """The address that a place means: digits are a port of 127.0.0.1, all else is a path."""
    return (LOCALHOST, int(place)) if place.isascii() and place.isdecimal() else place


def open_at(place: str, kind: socket.SocketKind) -> socket.socket:
    """A socket that is bound there. CannotStart with the reason if that cannot be."""
    address = address_of(place)
    try:
        return bind_unix(address, kind) if isinstance(address, str) else _bind_inet(address, kind)
    except OSError as error:
        raise CannotStart(f"{place}: {reason_of(error)}") from error
    except OverflowError as error:
        raise CannotStart(f"{place}: a port is from 0 to 65535") from error
    except ValueError as error:
        raise CannotStart(str(error)) from error


def _bind_inet(address: tuple[str, int], kind: socket.SocketKind) -> socket.socket:
    found = socket.socket(socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except (OSError, OverflowError):
        found.close()
        raise
    return found


def close(bound: socket.socket) -> None:
    """Close it, and take its path away."""
    address = bound.getsockname()
    bound.close()
    if isinstance(address, str):
        Path(address).unlink(missing_ok=True)


def shown(bound: socket.socket) -> str:
    """The place as a person reads it."""
    address = bound.getsockname()
    return str(address) if isinstance(address, str) else f"{address[0]}:{address[1]}"
