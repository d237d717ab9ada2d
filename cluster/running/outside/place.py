"""Where a command can be found from outside: a port of 127.0.0.1, or the path of a Unix socket.

Rules: a Unix socket is its owner's alone (mode 0600) from its first moment, and is gone after `close`.
"""

import os
import socket
from pathlib import Path

from cluster.lab.config.errors import reason_of
from cluster.running.control.preflight import LOCALHOST, CannotStart

Address = str | tuple[str, int]


def address_of(place: str) -> Address:
    """The address that a place means: digits are a port of 127.0.0.1, all else is a path."""
    return (LOCALHOST, int(place)) if place.isascii() and place.isdecimal() else place


def open_at(place: str, kind: socket.SocketKind) -> socket.socket:
    """A socket that is bound there. CannotStart with the reason if that cannot be."""
    address = address_of(place)
    found = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, kind)
    try:
        if isinstance(address, str):
            os.fchmod(found.fileno(), 0o600)  # the mode the path is made with
        elif kind is socket.SOCK_STREAM:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except (OSError, OverflowError) as error:
        found.close()
        reason = reason_of(error) if isinstance(error, OSError) else "a port is from 0 to 65535"
        raise CannotStart(f"{place}: {reason}") from error
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
