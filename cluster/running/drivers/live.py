"""The live driver of a cluster: performs the supervisor's effects with processes, signals and sockets.

Rules: what is not packed has a process of its own; a kill is SIGKILL, a freeze SIGSTOP. A process
has ended when the zygote has reaped it. Links are socket pairs made here: nobody can dial in.
"""

import contextlib
import os
import signal
import socket
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from struct import Struct

import msgpack
import trio

from actors.address import Address
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import (
    Connect,
    Disconnect,
    Disturb,
    Effect,
    Freeze,
    Kill,
    ProcessEnded,
    Rename,
    Slow,
    Spawn,
    StoodStill,
    Thaw,
)
from actors.runtime.transport import SocketStream, tcp_pair, unix_pair
from cluster.running.drivers.packs import Packs
from cluster.running.drivers.process import Surroundings
from cluster.running.drivers.zygote import request_fork

LENGTH = Struct("<I")
SLOW_PERIOD_S = 0.02


@dataclass(slots=True)
class LiveProcess:
    """One process: its plug socket, the actors in it, its process id once it is known.

    One that actors are packed into (`pack` is its number) ends when its plug socket is closed here.
    """

    plug_socket: socket.socket
    pack: int | None
    actors: list[str] = field(default_factory=list)
    pid: int = 0
    pidfd: int = -1
    signals: list[int] = field(default_factory=list)


class LiveCluster:
    """The processes of a running cluster."""

    def __init__(
        self,
        zygote: socket.socket,
        surroundings: dict[str, Surroundings],
        packs: Packs,
        transport: dict[str, str],
    ) -> None:
        self._zygote = zygote
        self._surroundings = surroundings
        self._pack_of = packs.of
        self._transport = transport
        self._processes: dict[str, LiveProcess] = {}
        self._packs: dict[int, LiveProcess] = {}
        self._by_pid: dict[int, LiveProcess] = {}
        self._buffer = bytearray()
        self._slowed: dict[str, trio.CancelScope] = {}
        self.driver: ActorDriver | None = None
        self._nursery: trio.Nursery | None = None

    def pid(self, address: str) -> int | None:
        """The process id of an actor, or None if it does not run."""
        process = self._processes.get(address)
        return process.pid or None if process is not None else None

    def pids(self) -> dict[str, int]:
        """The process ids of all actors that have one."""
        return {address: each.pid for address, each in list(self._processes.items()) if each.pid}

    @property
    def running(self) -> list[str]:
        """The addresses of the actors that have a process."""
        return sorted(self._processes)

    def memory(self, addresses: list[str]) -> list[dict[str, int]]:
        """The figures of `smaps_rollup`, in bytes, of each process that runs some of these."""
        found = []
        for pid in dict.fromkeys(map(self.pid, addresses)):
            rollup = Path(f"/proc/{pid}/smaps_rollup")
            if rollup.exists():
                rows = [line.split() for line in rollup.read_text().splitlines()[1:]]
                found.append({name.rstrip(":"): int(size) * 1024 for name, size, _ in rows})
        return found

    def perform(self, effect: Effect) -> None:
        """Do what the supervisor has decided."""
        match effect:
            case Spawn():
                self._spawn(effect)
            case Connect():
                self._connect(effect)
            case Disconnect(address=address, link=link):
                process = self._processes.get(address)
                if process is not None:
                    self._tell(process, {"unplug": [address, link]})
            case Kill(address=address):
                self._signal(address, "kill", signal.SIGKILL)
            case Freeze(address=address):
                self._signal(address, "freeze", signal.SIGSTOP)
            case Thaw(address=address):
                self._signal(address, "thaw", signal.SIGCONT)
            case Disturb(address=address, link=link, rules=rules, seed=seed):
                process = self._processes.get(address)
                if process is not None:
                    rows = [each.row() for each in rules]
                    self._tell(process, {"rules": [address, link, rows, seed]})
            case Slow(address=address, factor=factor):
                self._slow(address, factor)
            case Rename(address=address, new_address=new_address):
                self._rename(address, new_address)
            case _:
                raise AssertionError(f"not an effect on processes: {effect}")

    def plug_raw(self, address: str, link: str, connection: socket.socket) -> None:
        """Give an actor a raw link, which is a connection from outside; this end of it is closed.

        An actor that is stopped takes so many; who comes then is turned away, and holds up nobody.
        """
        process = self._processes.get(address)
        if process is not None:
            with contextlib.suppress(OSError):
                self._tell(process, {"plug_raw": [address, link]}, connection.fileno(), socket.MSG_DONTWAIT)
        connection.close()

    def watch(self, nursery: trio.Nursery) -> None:
        """Have the zygote's reports taken by a task in here; to be called before anything is performed."""
        self._nursery = nursery
        nursery.start_soon(self._watch_zygote)

    async def _watch_zygote(self) -> None:
        self._zygote.setblocking(False)
        while True:
            await trio.lowlevel.wait_readable(self._zygote)
            try:
                data = self._zygote.recv(65536)
            except BlockingIOError:
                continue
            if not data:
                raise RuntimeError("the zygote is gone, and every actor with it")
            self._buffer += data
            self._take_reports()

    def close(self) -> None:
        """Let every process go: each ends when its plug socket does."""
        for process in {id(each): each for each in self._processes.values()}.values():
            process.plug_socket.close()
        self._zygote.close()

    def _spawn(self, effect: Spawn) -> None:
        address = effect.address
        pack = self._pack_of(effect)
        process = self._packs.get(pack) if pack is not None else None
        if process is not None:
            process.actors.append(address)
            self._processes[address] = process
            self._tell(process, {"spawn": [address, effect.program, effect.argument]})
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        process = LiveProcess(ours, pack, [address])
        self._processes[address] = process
        if pack is not None:
            self._packs[pack] = process
            assert self._nursery is not None, "spawned while watched"
            self._nursery.start_soon(self._watch_pack, process)
        surroundings = self._surroundings[Address.parse(address).host]
        request: dict[str, object] = {
            "address": address,
            "program": effect.program,
            "argument": effect.argument,
            "surroundings": asdict(surroundings),
            "packed": pack is not None,
        }
        self._zygote.setblocking(True)
        request_fork(self._zygote, request, theirs.fileno())
        self._zygote.setblocking(False)
        theirs.close()

    def _connect(self, effect: Connect) -> None:
        first = self._processes.get(effect.address)
        second = self._processes.get(effect.peer_address)
        if first is not None and first is second:
            self._tell(first, {"join": [effect.address, effect.link, effect.peer_address, effect.peer_link]})
            return
        host = Address.parse(effect.peer_address).host
        make: Callable[[], tuple[socket.socket, socket.socket]] = (
            tcp_pair if self._transport.get(host) == "tcp" else unix_pair
        )
        ours, theirs = make()
        self._plug(effect.address, effect.link, ours)
        self._plug(effect.peer_address, effect.peer_link, theirs)

    def _plug(self, address: str, link: str, end: socket.socket) -> None:
        if not address:
            assert self.driver is not None, "the supervisor's driver is known before it runs"
            self.driver.plug(link, SocketStream(end))
            return
        process = self._processes.get(address)
        if process is not None:
            self._tell(process, {"plug": [address, link]}, end.fileno())
        end.close()

    def _tell(
        self, process: LiveProcess, packet: dict[str, object], fd: int | None = None, flags: int = 0
    ) -> None:
        passed = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [fd]))]
        try:
            process.plug_socket.sendmsg([msgpack.packb(packet)], passed, flags)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _signal(self, address: str, command: str, number: int) -> None:
        process = self._processes.get(address)
        if process is None:
            return
        if process.pack is not None:
            self._tell(process, {command: [address]})
        elif process.pid:
            _send_signal(process, number)
        else:
            process.signals.append(number)

    def _rename(self, address: str, new_address: str) -> None:
        process = self._processes.pop(address, None)
        if process is not None:
            self._tell(process, {"rename": [address, new_address]})
            process.actors[process.actors.index(address)] = new_address
            self._processes[new_address] = process

    def _slow(self, address: str, factor: float) -> None:
        """Let an actor run only one part in `factor` of the time, as a CPU quota does."""
        scope = self._slowed.pop(address, None)
        if scope is not None:
            scope.cancel()
        if factor > 1 and self._nursery is not None:
            self._slowed[address] = trio.CancelScope()
            self._nursery.start_soon(self._stop_and_go, address, factor, self._slowed[address])

    async def _stop_and_go(self, address: str, factor: float, scope: trio.CancelScope) -> None:
        process = self._processes.get(address)
        with scope:
            while process is not None and self._processes.get(address) is process:
                self._signal(address, "freeze", signal.SIGSTOP)
                await trio.sleep(SLOW_PERIOD_S * (1 - 1 / factor))
                self._signal(address, "thaw", signal.SIGCONT)
                await trio.sleep(SLOW_PERIOD_S / factor)
        if process is not None and self._processes.get(address) is process:
            self._signal(address, "thaw", signal.SIGCONT)

    async def _watch_pack(self, process: LiveProcess) -> None:
        plug_socket = process.plug_socket
        plug_socket.setblocking(False)
        while process.actors:
            try:
                await trio.lowlevel.wait_readable(plug_socket)
                data = plug_socket.recv(65536)
            except BlockingIOError:
                continue
            except (OSError, trio.ClosedResourceError):
                return
            if not data:
                return
            address, status = msgpack.unpackb(data)["ended"]
            self._actor_ended(process, address, status)

    def _take_reports(self) -> None:
        buffer = self._buffer
        while len(buffer) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer)
            if len(buffer) < LENGTH.size + length:
                return
            report = msgpack.unpackb(bytes(buffer[LENGTH.size : LENGTH.size + length]))
            del buffer[: LENGTH.size + length]
            if "started" in report:
                self._started(report["started"], report["pid"])
            elif "stood_still" in report:
                assert self.driver is not None, "the supervisor's driver is known before it runs"
                self.driver.post(StoodStill(*report["stood_still"]))
            else:
                self._process_ended(report["ended"], report["status"])

    def _started(self, address: str, pid: int) -> None:
        # Who is renamed has run long before: its start was reported under the name that it began with.
        process = self._processes[address]
        process.pid = pid
        self._by_pid[pid] = process
        with contextlib.suppress(ProcessLookupError):  # it has ended already, which is reported next
            process.pidfd = os.pidfd_open(pid)
        for number in process.signals:
            _send_signal(process, number)
        process.signals.clear()

    def _process_ended(self, pid: int, status: int) -> None:
        process = self._by_pid.pop(pid)
        process.plug_socket.close()
        if process.pidfd >= 0:
            os.close(process.pidfd)
            process.pidfd = -1
        if process.pack is not None and self._packs.get(process.pack) is process:
            del self._packs[process.pack]
        for address in list(process.actors):
            self._actor_ended(process, address, status)

    def _actor_ended(self, process: LiveProcess, address: str, status: int) -> None:
        if address in process.actors:
            process.actors.remove(address)
            if self._processes.get(address) is process:
                del self._processes[address]
            if process.pack is not None and not process.actors:
                # Whatever is packed there next gets a new process: this one is about to end.
                self._packs.pop(process.pack, None)
                process.plug_socket.close()
            if self.driver is not None:
                self.driver.post(ProcessEnded(address, status))


def _send_signal(process: LiveProcess, number: int) -> None:
    """Signal a process by its descriptor: never another with its number; one that ended is left alone."""
    if process.pidfd >= 0:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process.pidfd, number)
