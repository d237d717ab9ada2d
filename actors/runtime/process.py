"""One process of live actors: one of them, or several packed together, and its plug socket.

Rules: actors fail alone, also when packed: the exception of one machine goes to its log with the
traceback, its links close, and the others go on. When the plug socket ends (the owner has died), or
the last actor has, the process is finished.
"""

import os
import socket
import traceback
from collections.abc import Callable, Mapping

import trio

from actors.runtime.actor import ActorDriver, Intercept
from actors.runtime.codec import Codec, ProtocolViolation
from actors.runtime.machine import Machine
from actors.runtime.plug import (
    Ended,
    FreezeActor,
    KillActor,
    Plug,
    PlugMessage,
    PlugPair,
    plug_codec,
    receive_packet,
    send_packet,
)
from actors.runtime.trace import Trace
from actors.runtime.transport import SocketStream, memory_pair

STATUS_EXITED = 0
STATUS_KILLED = 9
STATUS_FAILED = 1 << 8


async def run_process(
    actors: Mapping[str, Machine],
    plug_socket: socket.socket,
    codec: Codec,
    *,
    log: Callable[[str, str], object],
    intercept: Mapping[type, Intercept] | None = None,
    trace: Trace | None = None,
) -> int:
    """Run actors (address to machine) until all have ended or the plug socket has; the exit status.

    `log` takes (address, line). The plug socket becomes this process's own and is closed.
    """
    drivers: dict[str, ActorDriver] = {}
    for address, machine in actors.items():
        drivers[address] = ActorDriver(
            address, machine, codec, log=_logger(log, address), intercept=intercept, trace=trace
        )
    with plug_socket:
        process = _Process(drivers, plug_socket, log)
        return await process.run()


def _logger(log: Callable[[str, str], object], address: str) -> Callable[[str], object]:
    return lambda text: log(address, text)


class _Process:
    def __init__(
        self,
        drivers: dict[str, ActorDriver],
        plug_socket: socket.socket,
        log: Callable[[str, str], object],
    ) -> None:
        plug_socket.setblocking(False)
        self._drivers = drivers
        self._socket = plug_socket
        self._log = log
        self._codec = plug_codec()
        self._status = 0

    async def run(self) -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, nursery.cancel_scope)
            async with trio.open_nursery() as actors:
                for address in list(self._drivers):
                    actors.start_soon(self._run_actor, address)
            nursery.cancel_scope.cancel()
        return self._status

    async def _run_actor(self, address: str) -> None:
        driver = self._drivers[address]
        try:
            reason = await driver.run()
            status = STATUS_KILLED if driver.killed else STATUS_EXITED
        except Exception as error:  # noqa: BLE001 (the one boundary of an actor: it fails alone, and loudly)
            reason, status = _failure(error), STATUS_FAILED
            self._status = 1
            for line in "".join(traceback.format_exception(error)).splitlines():
                self._log(address, line)
        del self._drivers[address]
        self._tell(Ended(address, status, reason[:1000]))

    def _tell(self, message: Ended) -> None:
        try:
            send_packet(self._socket, self._codec, message)
        except OSError as error:
            self._log(message.address, f"the end of this actor could not be told: {error}")

    async def _listen(self, everything: trio.CancelScope) -> None:
        while True:
            try:
                packet = receive_packet(self._socket, self._codec)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
                continue
            except ProtocolViolation as violation:
                self._log("", f"plug socket: {violation}")
                continue
            except OSError:
                packet = None
            if packet is None:
                everything.cancel()
                return
            self._obey(*packet)

    def _obey(self, message: PlugMessage, fd: int | None) -> None:
        driver = self._drivers.get(message.address)
        if driver is None:
            if fd is not None:
                os.close(fd)
            self._log(message.address, f"not in this process: {message}")
        elif isinstance(message, Plug) and fd is not None:
            driver.plug(message.link, SocketStream(socket.socket(fileno=fd)))
        elif isinstance(message, PlugPair):
            self._join(driver, message)
        elif isinstance(message, KillActor):
            driver.kill()
        elif isinstance(message, FreezeActor):
            if message.frozen:
                driver.freeze()
            else:
                driver.thaw()

    def _join(self, driver: ActorDriver, pair: PlugPair) -> None:
        stream, peer_stream = memory_pair()
        driver.plug(pair.link, stream)
        peer = self._drivers.get(pair.peer_address)
        if peer is None:  # it has just ended, which its peer sees as a closed link
            peer_stream.close()
        else:
            peer.plug(pair.peer_link, peer_stream)


def _failure(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
