"""What a flooding guest costs its neighbour.

`python -m cluster.studies.bench.costs.flood [SECONDS] [KIND...]`

A neighbour does null hypercalls one after the other, each round trip timed, first alone, then beside a guest
that sends as fast as it is let: `short` calls that want no answer, as many to a frame as go in; `multi`,
multicalls of 1,024 calls; `mute`, calls whose answers it never reads.
"""

import socket
import sys
import time
from functools import partial

import trio

from actors.abi.hypercalls import Domctl, Xenver
from actors.abi.hypercalls import Hypercall as Number
from actors.hypervisor.hypervisor import Hypervisor
from actors.messages import CODEC, Hypercall, HypercallReply, StartDomain
from actors.runtime.actor import ActorDriver
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.memory import SparseMemory
from actors.runtime.transport import SocketStream, unix_pair
from cluster.running.drivers.programs import PROGRAMS
from cluster.studies.bench.floors import child
from cluster.studies.bench.hypercalls import SMALL_HOST

POPULATE = (12, 6)
NULL = (int(Number.xen_version), int(Xenver.version))
FRAME_BYTES = 250_000
WARM_UP = 200


class Caller:
    """A domain's end of a link, blocking: one call at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = FrameReader()
        end.setblocking(True)
        end.sendall(hello_frame())

    def call(self, number: int, command: int, **arguments: object) -> HypercallReply:
        """Ask, and wait for the answer."""
        self._end.sendall(frame(CODEC.encode(Hypercall(1, number, command, arguments))))
        while True:
            data = self._end.recv(65536)
            assert data, "the hypervisor has closed the link"
            for payload in self._reader.feed(memoryview(data)):
                for message in CODEC.decode_frame(payload):
                    if isinstance(message, HypercallReply):
                        return message


def flood(end: socket.socket, kind: str) -> None:
    """Send until killed."""
    entry = {"op": NULL[0], "cmd": NULL[1], "args": {}}
    calls = {
        "short": Hypercall(0, *NULL, {}),
        "multi": Hypercall(0, int(Number.multicall), 0, {"calls": [entry] * 1024}),
        "mute": Hypercall(1, *NULL, {}),
    }
    one = CODEC.encode(calls[kind])
    data = frame(one * (FRAME_BYTES // len(one)))
    end.setblocking(True)
    end.sendall(hello_frame())
    try:
        while True:
            end.sendall(data)
    except OSError:
        print(f"{kind:6} the flooding guest has lost its link", flush=True)


async def serve(ends: list[socket.socket]) -> None:
    """The hypervisor, with a board that gives each domain its link as it starts."""
    lines: list[str] = []
    machine, limit = Hypervisor(SMALL_HOST, SparseMemory(1 << 14)), PROGRAMS["hypervisor"].unread_limit
    driver = ActorDriver("xen", machine, CODEC, log=lines.append, unread_limit=limit)
    near, far = unix_pair()
    driver.plug("supervisor", SocketStream(near))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(driver.run)
        board, reader = SocketStream(far), FrameReader()
        board.send(hello_frame())
        buffer = memoryview(bytearray(65536))
        while True:
            await board.wait_readable()
            for payload in reader.feed(buffer[: board.receive_into(buffer)]):
                for message in CODEC.decode_frame(payload):
                    if isinstance(message, StartDomain):
                        driver.plug(f"dom{message.domid}", SocketStream(ends[message.domid]))


def create(dom0: Caller, domid: int) -> None:
    """A domain that runs."""
    limits = {"max_vcpus": 1, "max_evtchn_port": 1023, "max_grant_frames": 4, "max_maptrack_frames": 4}
    for number, command, arguments in (
        (int(Number.domctl), int(Domctl.createdomain), limits),
        (int(Number.domctl), int(Domctl.max_mem), {"domain": domid, "max_memkb": 256}),
        (*POPULATE, {"domid": domid, "nr_extents": 16}),
        (int(Number.domctl), int(Domctl.unpausedomain), {"domain": domid}),
    ):
        reply = dom0.call(number, command, **arguments)
        assert reply.ret >= 0, f"{command} of {number} returned {reply.ret}"


def measure(neighbour: Caller, seconds: float, what: str) -> None:
    """Print how long null hypercalls take, and how many there are a second."""
    for _ in range(WARM_UP):
        neighbour.call(*NULL)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        neighbour.call(*NULL)
        times.append(time.perf_counter() - began)
    times.sort()
    median, p99, most = (times[int((len(times) - 1) * share)] * 1e3 for share in (0.5, 0.99, 1))
    print(
        f"{what:6} {len(times) / seconds:9,.0f} calls/s  median {median:8.3f} ms  p99 {p99:8.3f} ms  "
        f"max {most:8.3f} ms",
        flush=True,
    )


def main(seconds: float, kinds: list[str]) -> None:
    """The neighbour alone, then beside each kind of flood."""
    for kind in ["alone", *kinds]:
        pairs = [unix_pair() for _ in range(3)]
        ours, theirs = [each[0] for each in pairs], [each[1] for each in pairs]
        with child(partial(trio.run, serve, theirs)):
            dom0 = Caller(ours[0])
            create(dom0, 1)
            create(dom0, 2)
            neighbour = Caller(ours[2])
            if kind == "alone":
                measure(neighbour, seconds, kind)
                continue
            for each in theirs:
                each.close()
            with child(partial(flood, ours[1], kind)):
                measure(neighbour, seconds, kind)


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 3,
        sys.argv[2:] or ["short", "multi", "mute"],
    )
