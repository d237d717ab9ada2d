"""A way for another into a cluster's networks: one frame in each datagram, between two addresses.

Rules: frames are passed on as they are. One that the other end has no room for, or is too long for a
datagram, or finds nobody there, is lost and counted, as on a wire; nothing waits for it.
Source: QEMU `-netdev dgram,local.type=unix,local.path=PEER,remote.type=unix,remote.path=SOCKET`, and `inet`.
"""

import socket
from collections.abc import Callable

import trio

from actors.network.frame_stream import FRAME_BYTES_MAX, FrameStream, framed
from cluster.running.control.client import NotRunning
from cluster.running.outside.place import address_of, close, open_at, shown
from cluster.running.outside.session import open_session

_AT_ONCE = 64 * 1024


class Datagrams:
    """Frames between a cluster and the peer of one socket; `lost` are those that the peer did not get."""

    def __init__(self, place: str, peer: str) -> None:
        """Bind at a port of 127.0.0.1, or at the path of a Unix socket. CannotStart if that cannot be."""
        self._bound = open_at(place, socket.SOCK_DGRAM)
        self._bound.setblocking(False)
        self._peer = address_of(peer)
        self.lost = 0

    async def serve(self, cluster: str, listening: Callable[[str], None]) -> None:
        """Pass frames on both ways until cancelled; NotRunning when the cluster has ended."""
        try:
            session = await open_session(cluster, "stream-client", {})
            listening(shown(self._bound))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._from_peer, session)
                await self._to_peer(session)
                nursery.cancel_scope.cancel()
        finally:
            close(self._bound)
        raise NotRunning(f"cluster {cluster!r} has ended")

    async def _from_peer(self, session: trio.SocketStream) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._bound)
            try:
                data, sender = self._bound.recvfrom(FRAME_BYTES_MAX)
            except (
                BlockingIOError,
                ConnectionRefusedError,
            ):  # the second is what became of one that was sent
                continue
            if isinstance(self._peer, str) or sender == self._peer:  # a Unix socket is for its owner alone
                await session.send_all(framed(data))

    async def _to_peer(self, session: trio.SocketStream) -> None:
        reader = FrameStream()
        try:
            while data := await session.receive_some(_AT_ONCE):
                for frame in reader.feed(data):
                    self._send(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    def _send(self, frame: bytes) -> None:
        try:
            self._bound.sendto(frame, self._peer)
        except OSError:
            self.lost += 1
