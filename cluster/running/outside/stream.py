"""A way for others into a cluster's networks: frames by QEMU's stream format, on a socket that listens.

Rules: bytes are passed on as they are; the gateway says what of them is a frame. Each who connects is a
station of its own.
Source: QEMU `-netdev stream,addr.type=unix,addr.path=...` (and `inet`); passt.
"""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import trio

from cluster.lab.config.errors import reason_of
from cluster.running.control.client import NotRunning
from cluster.running.control.preflight import LOCALHOST, CannotStart
from cluster.running.outside.session import open_session

_AT_ONCE = 64 * 1024


async def serve_stream(cluster: str, place: str, listening: Callable[[str], None]) -> None:
    """Listen at a port of 127.0.0.1, or at the path of a Unix socket, until cancelled.

    CannotStart if that cannot be, NotRunning when the cluster has ended.
    """
    listener = _listener(place)
    over: list[NotRunning] = []
    try:
        async with trio.open_nursery() as nursery:

            async def serve(stream: trio.SocketStream) -> None:
                try:
                    await _pass_on(stream, await open_session(cluster, "stream-client", {}))
                except NotRunning as error:
                    over.append(error)
                    nursery.cancel_scope.cancel()
                finally:
                    stream.socket.close()

            listening(_shown(listener))
            while True:
                nursery.start_soon(serve, await listener.accept())
    finally:
        _close(listener)
    raise over[0]


def _listener(place: str) -> trio.SocketListener:
    number = int(place) if place.isascii() and place.isdecimal() else None
    try:
        if number is None:
            found = socket.socket(socket.AF_UNIX)
            found.bind(place)
        else:
            found = socket.socket(socket.AF_INET)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((LOCALHOST, number))
        found.listen()
    except (OSError, OverflowError) as error:
        found.close()
        reason = reason_of(error) if isinstance(error, OSError) else "a port is from 0 to 65535"
        raise CannotStart(f"{place}: {reason}") from error
    return trio.SocketListener(trio.socket.from_stdlib_socket(found))


def _close(listener: trio.SocketListener) -> None:
    name = listener.socket.getsockname()
    listener.socket.close()
    if isinstance(name, str):
        Path(name).unlink(missing_ok=True)


def _shown(listener: trio.SocketListener) -> str:
    name = listener.socket.getsockname()
    return str(name) if isinstance(name, str) else f"{name[0]}:{name[1]}"


async def _pass_on(stream: trio.SocketStream, session: trio.SocketStream) -> None:
    """Both ways, until either end goes."""
    async with trio.open_nursery() as nursery:

        async def copy(source: trio.SocketStream, target: trio.SocketStream) -> None:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while data := await source.receive_some(_AT_ONCE):
                    await target.send_all(data)
            nursery.cancel_scope.cancel()

        nursery.start_soon(copy, stream, session)
        nursery.start_soon(copy, session, stream)
    session.socket.close()
