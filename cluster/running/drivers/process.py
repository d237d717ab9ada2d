"""A process of the cluster: the actors in it, and the socket by which the supervisor plugs them together.

On the plug socket (SOCK_SEQPACKET) each packet is a msgpack map: `plug` [actor, link] with one file
descriptor, `plug_raw` the same for a raw link, `join` [actor, link, peer, peer link] for two actors in
this process, `unplug` [actor, link], `spawn` [address, program, argument], `kill`, `freeze`, `thaw` of one
address, `rules` [address, link, rules, seed], and `rename` [address, new address]. The other way goes
`ended` [address, status].
Rules: the process ends with its last actor (one that actors are packed into: when its plug socket is
closed, since another may be on its way), and at once when the supervisor is gone.
"""

import contextlib
import signal
import socket
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import trio

from actors.address import Address
from actors.devices.file_image import FileImage
from actors.messages import CODEC
from actors.notebook.journal import Journal
from actors.notebook.store_log import StoreLog
from actors.notebook.talk_journal import TalkJournal
from actors.reading_messages import Interrupts, ReadInterrupts, ReadStatistics, Statistics
from actors.runtime.actor import ActorDriver
from actors.runtime.intercept import Intercepts
from actors.runtime.joined_link import joined_ends
from actors.runtime.link_rules import LinkRule
from actors.runtime.machine import CloseLink, Machine
from actors.runtime.memory import SharedMemory
from actors.runtime.recorder import Recorder
from actors.runtime.transport import ByteStream, SocketStream
from actors.runtime.waiting import Waiting
from actors.xenstore.archive import Archive, ArchiveError, UnreadableArchive
from actors.xenstore.sqlite_archive import SqliteArchive
from cluster.lab.experiment.parts import in_parts
from cluster.lab.experiment.statistics_maps import map_of
from cluster.lab.trace.files import begin_recording
from cluster.running.drivers.console_log import ConsoleLog
from cluster.running.drivers.programs import PROGRAMS, Environment

PACKET_BYTES = 1 << 20
FAILED = 1 << 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all actors of one host share."""

    host: str
    directory: str
    memory_fd: int
    nr_frames: int
    origin_ns: int
    trace: bool = False

    def log(self, address: str) -> ConsoleLog:
        """The serial console of an actor."""
        path = Path(self.directory) / "logs" / f"{Address.parse(address).file}.log"
        path.parent.mkdir(parents=True, exist_ok=True)  # somebody may have removed it: no reason to die
        return ConsoleLog(path, address, self.origin_ns)

    def recorder(self, address: str) -> Recorder | None:
        """The records of an actor that starts now, if this run is traced."""
        return begin_recording(Path(self.directory), address) if self.trace else None

    def environment(self) -> Environment:
        """The environment of the programs, in a process of its own."""
        journals = Path(self.directory) / "journals"

        def open_journal(name: str) -> Journal:
            return Journal.open(journals / f"{self.host}-{name}.journal", writable=True)

        def open_image(path: str, read_only: bool) -> FileImage:  # noqa: FBT001 (the disk's own signature)
            return FileImage(path, read_only=read_only)

        def open_archive(boot: int) -> Archive:
            path = archive_path(Path(self.directory), self.host, boot)
            try:
                path.parent.mkdir(exist_ok=True)
                return SqliteArchive(path)
            except (ArchiveError, OSError) as error:
                return UnreadableArchive(str(error))  # its daemon says so, and the run ends with that

        def open_store_log(guest: str) -> StoreLog:
            return StoreLog.open(journals / f"{self.host}-{guest}.store", writable=True)

        def open_talk_journal(talk: str) -> TalkJournal:
            return TalkJournal.open(journals / f"{self.host}-{talk}.talk", writable=True)

        memory = SharedMemory(self.memory_fd, self.nr_frames)
        return Environment(memory, open_journal, open_image, open_archive, open_store_log, open_talk_journal)


def archive_path(directory: Path, host: str, boot: int) -> Path:
    """The database in which a host's xenstored keeps what is to outlive it, in one boot of the machine."""
    return directory / "stores" / f"{host}-{boot}.db"


def answer_statistics(_: str, message: object, machine: Machine) -> list[object]:
    """The driver's answer to ReadStatistics; the machine is not troubled."""
    assert isinstance(message, ReadStatistics), "only these are intercepted"
    values = machine.statistics()
    return in_parts(Statistics(message.sequence, map_of(values) if values is not None else {}))


def answer_interrupts(_: str, message: object, machine: Machine) -> list[object]:
    """The driver's answer to ReadInterrupts."""
    assert isinstance(message, ReadInterrupts), "only these are intercepted"
    return in_parts(Interrupts(message.sequence, machine.interrupts()))


ANSWERS: Intercepts = {ReadStatistics: answer_statistics, ReadInterrupts: answer_interrupts}


class ActorProcess:
    """The actors of this process."""

    def __init__(self, surroundings: Surroundings, plug_socket: socket.socket, *, packed: bool) -> None:
        self._packed = packed
        self._surroundings = surroundings
        self._environment = surroundings.environment()
        self._socket = plug_socket
        self._socket.setblocking(False)
        self._waiting = Waiting(alone=True)
        self._drivers: dict[str, ActorDriver] = {}
        self._logs: dict[str, ConsoleLog] = {}
        self._nursery: trio.Nursery | None = None
        self.status = 0

    async def run(self, address: str, program: str, argument: dict[str, object]) -> None:
        """Run this actor, and those that are spawned beside it, until the last has ended."""
        async with trio.open_nursery() as self._nursery:
            self._waiting.start(self._nursery)
            self._waiting.register(self._socket.fileno(), self._take_packet)
            self._spawn(address, program, argument)

    def _spawn(self, address: str, program: str, argument: dict[str, object]) -> None:
        assert self._nursery is not None, "actors are spawned while the process runs"
        log = self._surroundings.log(address)
        try:
            machine = PROGRAMS[program].make(argument, self._environment)
            recorder = self._surroundings.recorder(address)
            if recorder is not None:
                machine.trace(recorder.point)
        except Exception:  # noqa: BLE001 (the actor's boundary: the reason goes to its console)
            log.write(traceback.format_exc())
            self._ended(address, FAILED)
            return
        driver = ActorDriver(
            address,
            machine,
            CODEC,
            log=log.write,
            intercept=ANSWERS,
            trace=recorder,
            waiting=self._waiting,
            unread_limit=PROGRAMS[program].unread_limit,
        )
        self._drivers[address] = driver
        self._logs[address] = log
        self._nursery.start_soon(self._run_driver, driver)

    async def _run_driver(self, driver: ActorDriver) -> None:
        status = 0
        try:
            reason = await driver.run()
            status = signal.SIGKILL if driver.killed else 0
            if not driver.killed:
                self._logs[driver.address].write(reason)
        except Exception:  # noqa: BLE001 (the actor's boundary: we are wrong, and say so on its console)
            self._logs[driver.address].write(traceback.format_exc())
            status = FAILED
        self._ended(driver.address, status)

    def _ended(self, address: str, status: int) -> None:
        self._drivers.pop(address, None)
        self._logs.pop(address, None)
        self.status = status
        with contextlib.suppress(OSError):  # nobody listens any more
            self._socket.send(msgpack.packb({"ended": [address, status]}))
        if not self._drivers and not self._packed and self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def _take_packet(self) -> None:
        self._waiting.give_way()  # to those that it starts, ends or wakes
        data, fds, _, _ = socket.recv_fds(self._socket, PACKET_BYTES, 4, socket.MSG_CMSG_CLOEXEC)
        if data:
            self._take(msgpack.unpackb(data), fds)
        else:
            assert self._nursery is not None, "packets come while the process runs"
            self._nursery.cancel_scope.cancel()

    def _take(self, packet: dict[str, list[Any]], fds: list[int]) -> None:
        ((command, arguments),) = packet.items()
        if command in {"plug", "plug_raw"}:
            stream = SocketStream(socket.socket(fileno=fds[0]))
            address, link = arguments
            self._plug(address, link, stream, raw=command == "plug_raw")
        elif command == "join":
            for address, link, end in zip(arguments[::2], arguments[1::2], joined_ends(), strict=True):
                self._plug(address, link, end)
        elif command == "rules":
            address, link, rules, seed = arguments
            if (driven := self._drivers.get(address)) is not None:
                driven.set_rules(link, [LinkRule.from_row(each) for each in rules], seed)
        elif command == "unplug":
            address, link = arguments
            if (driven := self._drivers.get(address)) is not None:
                driven.post(CloseLink(link, "cut off"))
        elif command == "spawn":
            self._spawn(*arguments)
        elif command == "rename":
            self._rename(*arguments)
        else:
            driver = self._drivers.get(arguments[0])
            if driver is not None:
                {"kill": driver.kill, "freeze": driver.freezer.freeze, "thaw": driver.freezer.thaw}[command]()

    def _rename(self, address: str, new_address: str) -> None:
        """An actor has another's place: what it prints and does is kept where that of the other was."""
        driver = self._drivers.pop(address, None)
        if driver is None:
            return
        self._logs.pop(address).close()
        log, recorder = self._surroundings.log(new_address), self._surroundings.recorder(new_address)
        if recorder is not None:
            driver.machine.trace(recorder.point)
        self._drivers[new_address], self._logs[new_address] = driver, log
        driver.rename(new_address, log.write, recorder)

    def _plug(self, address: str, link: str, stream: ByteStream, *, raw: bool = False) -> None:
        driver = self._drivers.get(address)
        if driver is None:
            stream.close()
        elif raw:
            driver.plug_raw(link, stream)
        else:
            driver.plug(link, stream)


def run_forked(request: dict[str, Any], plug_socket: socket.socket) -> None:
    """The whole life of a child of the zygote."""
    run_child(request, Surroundings(**request["surroundings"]), plug_socket)


def run_child(request: dict[str, Any], surroundings: Surroundings, plug_socket: socket.socket) -> None:
    """Run the actor that `request` describes; SystemExit if it failed."""
    process = ActorProcess(surroundings, plug_socket, packed=request.get("packed") is True)
    trio.run(process.run, request["address"], request["program"], request["argument"])
    if process.status == FAILED:
        raise SystemExit(1)
