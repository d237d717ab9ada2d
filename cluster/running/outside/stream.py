"""A way for others into a cluster's networks, by frames: on a socket that listens, or connects to one.

Rules: bytes are passed on as they are; the gateway says what of them is a frame. Each who connects is a
station of its own.
Source: QEMU `-netdev stream,addr.type=unix,addr.path=...` (and `inet`); passt.
"""

import contextlib
import socket
from collections.abc import Callable

import trio

from cluster.lab.config.errors import reason_of
from cluster.running.control.client import NotRunning
from cluster.running.control.preflight import CannotStart
from cluster.running.outside.place import address_of, close, open_at, shown
from cluster.running.outside.session import open_session

_AT_ONCE = 64 * 1024


async def serve_stream(cluster: str, place: str, listening: Callable[[str], None]) -> None:
    """Listen at a port of 127.0.0.1, or at the path of a Unix socket, until cancelled.

    CannotStart if that cannot be, NotRunning when the cluster has ended.
    """
    bound = open_at(place, socket.SOCK_STREAM)
    bound.listen()
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound))
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

            listening(shown(bound))
            while True:
                nursery.start_soon(serve, await listener.accept())
    finally:
        close(bound)
    raise over[0]


async def join_stream(cluster: str, place: str, joined: Callable[[str], None]) -> None:
    """Connect to who listens at a port of 127.0.0.1 or a Unix socket, and pass frames on until it ends.

    CannotStart if nobody listens there, NotRunning if the cluster does not answer, or has ended.
    """
    address = address_of(place)
    try:
        if isinstance(address, str):
            stream = await trio.open_unix_socket(address)
        else:
            stream = await trio.open_tcp_stream(*address)
    except OSError as error:
        reason = error if error.strerror is None else reason_of(error)
        raise CannotStart(f"{place}: {reason}") from error
    try:
        joined(place)
        await _pass_on(stream, await open_session(cluster, "stream-client", {}))
    finally:
        stream.socket.close()


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
