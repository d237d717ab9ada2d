"""The plug socket: how the owner of a process gives its actors links and ends them.

A SOCK_SEQPACKET Unix socket, one for each process; a packet is one message, with one file
descriptor if it is a `Plug`. The process answers with `Ended` for each of its actors that ends.

Rules: a packet that makes no sense is a `ProtocolViolation`, and its descriptors are closed.
"""

import os
import socket
from dataclasses import dataclass

from actors.runtime.codec import Codec, ProtocolViolation, wire

MAX_PACKET_BYTES = 4096
MAX_FDS = 4


@wire(1)
@dataclass(slots=True)
class Plug:
    """The descriptor of this packet is a connected stream socket: a new link of an actor."""

    address: str
    link: str


@wire(2)
@dataclass(slots=True)
class PlugPair:
    """Link two actors of this process."""

    address: str
    link: str
    peer_address: str
    peer_link: str


@wire(3)
@dataclass(slots=True)
class KillActor:
    """End one actor of this process at once, as SIGKILL would end it alone."""

    address: str


@wire(4)
@dataclass(slots=True)
class FreezeActor:
    """Hold one actor of this process, or let it run on."""

    address: str
    frozen: bool


@wire(5)
@dataclass(slots=True)
class Ended:
    """An actor of this process has ended; `status` as `os.waitpid` would report a process of its own."""

    address: str
    status: int
    reason: str


PlugMessage = Plug | PlugPair | KillActor | FreezeActor | Ended


def plug_codec() -> Codec:
    """A codec for the messages of plug sockets."""
    return Codec(Plug, PlugPair, KillActor, FreezeActor, Ended)


def plug_pair() -> tuple[socket.socket, socket.socket]:
    """The owner's and the process's end, non-blocking."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.setblocking(False)
    other.setblocking(False)
    return one, other


def send_packet(sock: socket.socket, codec: Codec, message: PlugMessage, fd: int | None = None) -> None:
    """Send one packet; the descriptor stays the caller's. BlockingIOError if the socket is full."""
    socket.send_fds(sock, [codec.encode(message)], [] if fd is None else [fd])


def receive_packet(sock: socket.socket, codec: Codec) -> tuple[PlugMessage, int | None] | None:
    """One packet and its descriptor (now the caller's), or None at the end. BlockingIOError if none waits."""
    data, fds, flags, _ = socket.recv_fds(sock, MAX_PACKET_BYTES, MAX_FDS, socket.MSG_CMSG_CLOEXEC)
    if not data:
        _close_all(fds)
        return None
    try:
        message = _one_message(data, len(fds), flags, codec)
    except ProtocolViolation:
        _close_all(fds)
        raise
    return message, fds[0] if fds else None


def _one_message(data: bytes, nr_fds: int, flags: int, codec: Codec) -> PlugMessage:
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        raise ProtocolViolation("packet too large")
    messages = codec.decode_frame(data)
    message = messages[0]
    if len(messages) != 1 or not isinstance(message, PlugMessage):
        raise ProtocolViolation("one message a packet is wanted")
    if nr_fds != isinstance(message, Plug):
        raise ProtocolViolation(f"{type(message).__name__} came with {nr_fds} descriptors")
    return message


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
