"""How a command in another terminal speaks to a running cluster: one request, one reply, on a Unix socket.

The socket lies in the user's own directory (`runtime_directory`), named after the cluster. A frame that makes
no sense costs its sender the connection.
"""

import errno
import hashlib
import json
import os
import select
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors.runtime.codec import Codec, ProtocolViolation, wire
from actors.runtime.framing import FrameReader, hello_frame, join_frames
from actors.runtime.transport import connect_unix
from cluster.running.control.runtime_directory import control_directory, control_path

TIMEOUT_S = 120
CHOICE = "DOMZERO_CLUSTER"
"""The environment's way to name a cluster."""


@wire(64)
@dataclass(slots=True)
class ControlRequest:
    """A command: `status`, `fault`, `down`; its arguments as strings."""

    command: str
    arguments: dict[str, object]


@wire(65)
@dataclass(slots=True)
class ControlReply:
    """What became of it: an error text or values."""

    error: str
    values: dict[str, object]


REPLY_BYTES_MAX = 16 * 1024 * 1024
"""A reply is one frame, however many domains there are to tell of."""
CONTROL_CODEC = Codec(ControlRequest, ControlReply, frame_limit=REPLY_BYTES_MAX)


class NotRunning(Exception):  # noqa: N818 (it names what happened)
    """No cluster of that name runs here, or more than one when none was named."""


def claim_name(name: str) -> socket.socket | None:
    """Hold the name of a cluster as long as the result is open; None if somebody holds it.

    An abstract socket that nobody listens on: unlike a lock file it leaves nothing behind.
    """
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(b"\0domzero-" + hashlib.sha256(bytes(control_path(name))).digest())
    except OSError as error:
        holder.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return holder


def running_clusters() -> list[str]:
    """The clusters that answer on their socket."""
    names = []
    for path in sorted(control_directory().glob("*.sock")):
        try:
            connect_unix(path).close()
        except (OSError, ValueError):  # nobody listens, or it is no socket of ours
            continue
        names.append(path.stem)
    return names


def naming(name: str) -> str:
    """How to say that a command is for this cluster."""
    return f"`--cluster {name}`, or once and for all `export {CHOICE}={name}`"


def chosen(name: str | None) -> str:
    """The running cluster of that name, or the only one; NotRunning if there is none, or more than one."""
    running = running_clusters()
    if name is None:
        if not running:
            raise NotRunning("no cluster runs; `domzero up FILE` starts one")
        if len(running) > 1:
            raise NotRunning(f"several clusters run ({', '.join(running)}); say which: {naming(running[0])}")
        name = running[0]
    if name not in running:
        known = f"running: {', '.join(running)}" if running else "no cluster runs"
        raise NotRunning(f"no cluster {name!r}; {known}")
    return name


def ask(name: str | None, command: str, arguments: dict[str, object]) -> ControlReply:
    """Ask a running cluster; NotRunning if there is none of that name (or not exactly one)."""
    name = chosen(name)
    connection = connect_unix(control_path(name))
    connection.settimeout(TIMEOUT_S)
    with connection:
        try:
            connection.sendall(
                hello_frame() + join_frames([CONTROL_CODEC.encode(ControlRequest(command, arguments))])
            )
            return _receive(connection)
        except (OSError, ProtocolViolation) as error:
            raise NotRunning(f"cluster {name!r} does not answer: {error}") from error


def _receive(connection: socket.socket) -> ControlReply:
    reader = FrameReader(REPLY_BYTES_MAX)
    while True:
        data = connection.recv(65536)
        if not data:
            raise NotRunning("the cluster went away before it answered")
        for payload in reader.feed(memoryview(data)):
            for message in CONTROL_CODEC.decode_frame(payload):
                if isinstance(message, ControlReply):
                    return message
        if reader.violation is not None:
            raise ProtocolViolation(str(reader.violation))


def wait_for_report(directory: Path, pid: int) -> dict[str, Any]:
    """Wait until the process of a run that was told to go down has ended; NotRunning if it left no report."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        pass
    else:
        select.select([process], [], [])
        os.close(process)
    try:
        report: dict[str, Any] = json.loads((directory / "run.json").read_text())
    except OSError as error:
        raise NotRunning(f"the cluster ended without a report in {directory}: {error.strerror}") from error
    return report
