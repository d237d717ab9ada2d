"""A connection to a running cluster that is handed on, once it was answered, to whom it was asked for.

Rules: what comes after the answer is the other's, so not a byte more than the answer is read here.
"""

import trio

from actors.runtime.codec import ProtocolViolation
from actors.runtime.framing import HEADER_BYTES, FrameReader, frame, hello_frame
from cluster.running.control.client import (
    CONTROL_CODEC,
    REPLY_BYTES_MAX,
    ControlReply,
    ControlRequest,
    NotRunning,
)
from cluster.running.control.runtime_directory import control_path

ANSWER_LIMIT_S = 30


async def open_session(name: str, command: str, arguments: dict[str, object]) -> trio.SocketStream:
    """Ask the cluster of this name for one. NotRunning if it does not run, or refuses."""
    try:
        with trio.fail_after(ANSWER_LIMIT_S):
            stream = await trio.open_unix_socket(control_path(name))
            request = CONTROL_CODEC.encode(ControlRequest(command, arguments))
            await stream.send_all(hello_frame() + frame(request))
            reply = await _reply(stream)
    except (OSError, trio.BrokenResourceError, trio.TooSlowError, ProtocolViolation) as error:
        raise NotRunning(f"cluster {name!r} does not answer: {error or type(error).__name__}") from error
    if reply.error:
        stream.socket.close()
        raise NotRunning(reply.error)
    return stream


async def _reply(stream: trio.SocketStream) -> ControlReply:
    reader = FrameReader(REPLY_BYTES_MAX)
    while True:
        head = await _exactly(stream, HEADER_BYTES)
        size = int.from_bytes(head, "little")
        if size > REPLY_BYTES_MAX:
            raise ProtocolViolation(f"a reply of {size} bytes")
        for payload in reader.feed(memoryview(head + await _exactly(stream, size))):
            for message in CONTROL_CODEC.decode_frame(payload):
                if isinstance(message, ControlReply):
                    return message
        if reader.violation is not None:
            raise reader.violation


async def _exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise ProtocolViolation("the cluster went away before it answered")
        data += more
    return data
