"""The running cluster's end of a capture: the bytes of a file, on the connection that asked for it.

Rules: packets that whoever asked has not taken yet are bounded by the taps, which count what they miss. The
capture ends when the asking side says that it will send no more; the end of the file follows.
"""

import math
import time

import trio

from actors.capture_messages import Captured
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import DeadlinePassed
from cluster.lab.capture.capture_file import CaptureFile
from cluster.lab.experiment.captures import FRONTEND, PLACES, CapturePoint
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.client import ControlReply

CAPTURE = "capture"
"""Asks what can be seen somewhere."""
CAPTURE_SESSION = "capture-session"
"""The same, and the file follows the answer."""
SNAP_BYTES = 256 * 1024
"""Of each packet: all there is."""


def answer_to(supervisor: Supervisor, arguments: dict[str, object]) -> ControlReply:
    """The names of what can be seen there; an error if there is nothing."""
    try:
        points = _points(supervisor, arguments)
        supervisor.lab.captures.check_free(points)
    except ValueError as error:
        return ControlReply(str(error), {})
    return ControlReply("", {"names": [each.name for each in points]})


def _points(supervisor: Supervisor, arguments: dict[str, object]) -> tuple[CapturePoint, ...]:
    places = arguments.get("at") or [FRONTEND]
    if not isinstance(places, list) or any(each not in PLACES for each in places):
        raise ValueError(f"an interface is seen at {', '.join(PLACES)}")
    targets = arguments.get("targets")
    if not isinstance(targets, list) or not targets:
        raise ValueError("no interface is named; HOST/GUEST/vif0 or HOST/NIC is one")
    captures = supervisor.lab.captures
    found = [each for text in targets for each in captures.points(str(text), tuple(dict.fromkeys(places)))]
    return tuple(dict.fromkeys(found))


async def capture_to(
    supervisor: Supervisor, driver: ActorDriver, arguments: dict[str, object], stream: trio.SocketStream
) -> None:
    """Send the file as it comes, until the other side ends."""
    captures, points = supervisor.lab.captures, _points(supervisor, arguments)
    file = CaptureFile([each.name for each in points], SNAP_BYTES, time.time_ns() - time.monotonic_ns())
    put, get = trio.open_memory_channel[tuple[str, Captured]](math.inf)

    def came(name: str, captured: Captured) -> None:
        put.send_nowait((name, captured))

    async def write() -> None:
        async for name, captured in get:
            await stream.send_all(file.blocks(name, captured))
            captures.taken(name, captured)
            driver.post(DeadlinePassed())

    await stream.send_all(file.head())
    capture = captures.start(points, SNAP_BYTES, came)
    driver.post(DeadlinePassed())
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            while await stream.receive_some(1024):
                pass
            nursery.cancel_scope.cancel()
        await stream.send_all(file.tail(time.monotonic_ns()))
    finally:
        captures.stop(capture)
        driver.post(DeadlinePassed())
