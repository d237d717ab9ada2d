"""Recordings through real messages: the hypervisor in a process, its domains at the ends of sockets.

The board and the domains are played here, with blocking sockets; every case has a fresh process.
"""

import os
import selectors
import socket
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgpack

from actors.address import domain_actor
from actors.messages import (
    CODEC,
    DomainStopped,
    Hypercall,
    HypercallReply,
    StartDomain,
    StopDomain,
    Upcall,
    UpcallTaken,
)
from actors.runtime.framing import FrameReader, hello_frame, join_frames
from actors.runtime.memory import SharedMemory
from actors.runtime.transport import unix_pair
from cluster.lab.config.errors import did_you_mean
from cluster.running.drivers.process import Surroundings, run_child
from cluster.running.drivers.zygote import die_with_parent
from cluster.studies.conformance.conform import (
    NR_FRAMES,
    CaseResult,
    ConformanceScript,
    platform_argument,
    play,
    prepare,
    replay_simulated,
)
from cluster.studies.conformance.recording import Case, RecordingError
from cluster.studies.conformance.recording_reader import read_recording

HYPERVISOR = "host0/hypervisor"
ANSWER_S = 10.0
SHOWN_NAMES = 10


@dataclass(slots=True)
class _Wire:
    """Our end of one link of the hypervisor."""

    name: str
    end: socket.socket
    reader: FrameReader = field(default_factory=FrameReader)

    def send(self, message: object) -> None:
        self.end.sendall(join_frames([CODEC.encode(message)]))


class LiveDoor:
    """A freshly booted hypervisor in a process; use as a context manager."""

    def __init__(self, xen: str) -> None:
        self._xen = xen
        self._folder = tempfile.TemporaryDirectory(prefix="domzero-conform-")
        (Path(self._folder.name) / "logs").mkdir()
        memory, self._memory_fd = SharedMemory.create(NR_FRAMES)
        memory.close()
        self._selector = selectors.DefaultSelector()
        self._wires: dict[str, _Wire] = {}
        self._reply: HypercallReply | None = None
        self._plug_socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            self._run_hypervisor(theirs, parent)
        theirs.close()
        self._plug("supervisor")
        while "dom0" not in self._wires:
            self._turn(ANSWER_S)

    def __enter__(self) -> "LiveDoor":
        """The door itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._plug_socket.close()
        for wire in self._wires.values():
            wire.end.close()
        self._selector.close()
        os.waitpid(self._pid, 0)
        os.close(self._memory_fd)
        self._folder.cleanup()

    def call(self, domid: int, hypercall: Hypercall) -> HypercallReply | None:
        """Issue a hypercall as this domain; None if no answer came in time."""
        self._reply = None
        wire = self._wires.get(domain_actor(domid))
        if wire is None:
            return None
        wire.send(hypercall)
        deadline = time.monotonic() + ANSWER_S
        while self._reply is None and time.monotonic() < deadline:
            self._turn(ANSWER_S)
        return self._reply

    def _run_hypervisor(self, plug_socket: socket.socket, parent: int) -> None:
        status = 1
        try:
            die_with_parent(parent)
            self._plug_socket.close()
            surroundings = Surroundings(
                "host0", self._folder.name, self._memory_fd, NR_FRAMES, time.monotonic_ns()
            )
            request: dict[str, object] = {
                "address": HYPERVISOR,
                "program": "hypervisor",
                "argument": platform_argument(self._xen),
            }
            run_child(request, surroundings, plug_socket)
            status = 0
        finally:
            os._exit(status)

    def _plug(self, link: str) -> None:
        ours, theirs = unix_pair()
        socket.send_fds(self._plug_socket, [msgpack.packb({"plug": [HYPERVISOR, link]})], [theirs.fileno()])
        theirs.close()
        ours.setblocking(True)
        ours.sendall(hello_frame())
        wire = _Wire(link, ours)
        self._wires[link] = wire
        self._selector.register(ours, selectors.EVENT_READ, wire)

    def _turn(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            wire: _Wire = key.data
            data = wire.end.recv(65536)
            if not data:
                self._unplug(wire)
                continue
            for payload in wire.reader.feed(memoryview(data)):
                for message in CODEC.decode_frame(payload):
                    self._take(wire, message)

    def _unplug(self, wire: _Wire) -> None:
        self._selector.unregister(wire.end)
        wire.end.close()
        if self._wires.get(wire.name) is wire:
            del self._wires[wire.name]

    def _take(self, wire: _Wire, message: object) -> None:
        match message:
            case HypercallReply():
                self._reply = message
            case Upcall():
                wire.send(UpcallTaken())
            case StartDomain(domid=domid):
                self._plug(domain_actor(domid))
            case StopDomain(domid=domid, incarnation=incarnation):
                stopped = self._wires.get(domain_actor(domid))
                if stopped is not None:
                    self._unplug(stopped)
                wire.send(DomainStopped(domid, incarnation))


def replay_live(cases: Iterable[Case]) -> list[CaseResult]:
    """Replay cases against a process, each against one of its own."""
    results = []
    for case in cases:
        with LiveDoor(case.xen) as door:
            domu = prepare(door)
            results.append(play(ConformanceScript(case, domu), door, domu))
    return results


def replay(paths: list[Path], driver: str, only: str) -> list[CaseResult]:
    """Replay the cases of files whose names begin with `only`, live or simulated.

    RecordingError before anything is replayed, also if there is no such case.
    """
    cases = [case for path in paths for case in read_recording(path)]
    wanted = [case for case in cases if case.name.startswith(only)]
    if not wanted:
        near = did_you_mean(only, [case.name for case in cases[:SHOWN_NAMES]])
        raise RecordingError(f"no case has a name that begins with {only!r}; {near}")
    return replay_live(wanted) if driver == "live" else replay_simulated(wanted)
