"""The running cluster's end of the control socket: answers `status`, `list`, `fault` and `down`.

Rules: one request a connection; a request that makes no sense is answered with an error and harms nobody.
What is no request at all costs its connection, as does not reading the reply; more connections than may be
open at a time wait for each other.
"""

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from actors.dom0.stub_store import XENSTORE_PAGES
from actors.runtime.actor import ActorDriver
from actors.runtime.codec import ProtocolViolation
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.machine import DeadlinePassed
from cluster.lab.experiment.breaking.by_hand import fault_by_hand
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.captures import CAPTURE, CAPTURE_SESSION, answer_to, capture_to
from cluster.running.control.client import CONTROL_CODEC, REPLY_BYTES_MAX, ControlReply, ControlRequest
from cluster.running.control.fault_schedule import fault_schedule
from cluster.running.control.interrupts import read_interrupts
from cluster.running.control.listener import accept, close
from cluster.running.control.outside import FORWARD_CLIENT, STREAM_CLIENT, Outside
from cluster.running.control.process_times import usage
from cluster.running.control.watched import DomainRow, HostRows, map_of_watched, watched
from cluster.running.drivers.live import LiveCluster

REQUEST_LIMIT_S = 10
REPLY_LIMIT_S = 10
REQUEST_BYTES_MAX = 16 * 1024
ERROR_TEXT_MAX = 2000
SHOWN_MAX = 40
CONNECTIONS_MAX = 64
SESSIONS = (FORWARD_CLIENT, STREAM_CLIENT)
"""Commands whose connections are handed on once they are answered."""


class ControlServer:
    """Serves the control socket of one cluster."""

    def __init__(
        self,
        supervisor: Supervisor,
        live: LiveCluster,
        driver: ActorDriver,
        directory: Path,
        *,
        metrics_urls: dict[str, str],
        xenstore_sockets: dict[str, str],
    ) -> None:
        self._supervisor = supervisor
        self._live = live
        self._driver = driver
        self._directory = directory
        self._metrics_urls = metrics_urls
        self._xenstore_sockets = xenstore_sockets
        self._outside = Outside(supervisor, live)

    async def serve(self, listener: socket.socket, path: Path) -> None:
        """Serve until cancelled; the socket's path is removed then."""
        room = trio.Semaphore(CONNECTIONS_MAX)
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    await room.acquire()
                    connection = await accept(listener)
                    connection.setblocking(False)
                    stream = trio.SocketStream(trio.socket.from_stdlib_socket(connection))
                    nursery.start_soon(self._serve_one, stream, room)
        finally:
            close(listener, path)

    async def _serve_one(self, stream: trio.SocketStream, room: trio.Semaphore) -> None:
        with stream.socket:
            try:
                with trio.fail_after(REQUEST_LIMIT_S):
                    request = await self._receive(stream)
                if request.command == "interrupts":
                    reply = await read_interrupts(self._supervisor, self._driver, request.arguments)
                else:
                    reply = self._answer(request)
                with trio.fail_after(REPLY_LIMIT_S):
                    await stream.send_all(hello_frame() + _framed(reply))
                if request.command in SESSIONS and not reply.error:
                    self._outside.hand_on(request.command, request.arguments, stream)
                if request.command == CAPTURE_SESSION and not reply.error:
                    await capture_to(self._supervisor, self._driver, request.arguments, stream)
            except (ProtocolViolation, OSError, trio.TooSlowError, trio.BrokenResourceError):
                return
            finally:
                room.release()

    async def _receive(self, stream: trio.SocketStream) -> ControlRequest:
        reader = FrameReader(REQUEST_BYTES_MAX)
        while True:
            data = await stream.receive_some(65536)
            if not data:
                raise ProtocolViolation("the connection ended before a request")
            for payload in reader.feed(memoryview(data)):
                for message in CONTROL_CODEC.decode_frame(payload):
                    if isinstance(message, ControlRequest):
                        return message
                    raise ProtocolViolation("a request is wanted")
            if reader.violation is not None:
                raise reader.violation

    def _answer(self, request: ControlRequest) -> ControlReply:
        answers: dict[str, Callable[[dict[str, object]], ControlReply]] = {
            "status": self._status,
            "list": self._list,
            "top": self._top,
            "fault": self._fault,
            "down": self._down,
            "forward": self._outside.forward,
            "stream": self._outside.stream,
            FORWARD_CLIENT: self._outside.forward,
            STREAM_CLIENT: self._outside.stream,
            CAPTURE: partial(answer_to, self._supervisor),
            CAPTURE_SESSION: partial(answer_to, self._supervisor),
        }
        answer = answers.get(request.command)
        if answer is None:
            known = f"there are interrupts, {', '.join(sorted(answers))}"
            return ControlReply(f"unknown command {request.command[:SHOWN_MAX]!r}; {known}", {})
        return answer(request.arguments)

    def _status(self, _: dict[str, object]) -> ControlReply:
        hosts = [
            {
                "name": name,
                "metrics_url": self._metrics_urls.get(name),
                "xenstore_socket": self._xenstore_sockets.get(name),
                "domains": [
                    {
                        "domid": each.domid,
                        "name": each.name,
                        "state": each.state,
                        "pid": self._live.pid(each.address),
                    }
                    for each in sorted(board.domains, key=lambda domain: domain.domid)
                    if each.state != "ended"
                ],
                "spare": board.domains.spare_state,
            }
            for name, board in self._supervisor.lab.boards.items()
        ]
        return ControlReply(
            "",
            {
                "hosts": hosts,
                "name": self._supervisor.lab.cluster.name,
                "directory": str(self._directory),
                "phase": self._supervisor.phase,
                "faults": fault_schedule(self._supervisor, time.monotonic_ns()),
                "journals": {
                    "bytes": self._supervisor.lab.journals.used(),
                    "budget_bytes": self._supervisor.lab.journals.limit,
                    "used_up": self._supervisor.lab.journals.is_used_up,
                },
            },
        )

    def _list(self, _: dict[str, object]) -> ControlReply:
        return ControlReply("", {"hosts": [{"name": each.name, "rows": each.rows} for each in self._hosts()]})

    def _hosts(self) -> list[HostRows]:
        return [HostRows(name, self._rows(board)) for name, board in self._supervisor.lab.boards.items()]

    def _rows(self, board: HostBoard) -> list[DomainRow]:
        rows: list[DomainRow] = []
        for each in sorted(board.domains, key=lambda domain: domain.domid):
            if each.state == "ended":
                continue
            pages, vcpus = _size(board, each.name)
            letters = {"running": "r-----", "paused": "--p---", "hung": "r-----"}[each.state]
            seconds = usage(self._live.pid(each.address)).cpu_s
            label = "Domain-0" if each.domid == 0 else each.name
            rows.append(DomainRow(label, each.domid, pages // 256, vcpus, letters, seconds))
        return rows

    def _top(self, _: dict[str, object]) -> ControlReply:
        seen = watched(self._supervisor, self._hosts(), time.monotonic_ns())
        return ControlReply("", map_of_watched(seen))

    def _fault(self, arguments: dict[str, object]) -> ControlReply:
        try:
            fault = fault_by_hand(self._supervisor.lab.cluster, arguments, self._supervisor.lab.boards)
        except ValueError as error:
            return ControlReply(str(error), {})
        if not self._supervisor.breakable:
            return ControlReply(f"the cluster is in its phase {self._supervisor.phase!r}: too late", {})
        lines = []
        for each in self._supervisor.inject(fault):
            skipped = f" not done ({each.skipped})" if each.skipped else ""
            lines.append(f"fault {each.label}{skipped}: {each.kind} of {each.target}")
        self._driver.post(DeadlinePassed())
        if all("not done" in each for each in lines):
            return ControlReply("\n".join(lines), {})
        return ControlReply("", {"text": "\n".join(lines)})

    def _down(self, _: dict[str, object]) -> ControlReply:
        self._supervisor.go_down()
        self._driver.post(DeadlinePassed())
        return ControlReply("", {"directory": str(self._directory), "pid": os.getpid()})


def _framed(reply: ControlReply) -> bytes:
    """A reply as a frame; an error instead of one that no frame holds."""
    reply = ControlReply(reply.error[:ERROR_TEXT_MAX], reply.values)
    data = CONTROL_CODEC.encode(reply)
    if len(data) > REPLY_BYTES_MAX:
        text = f"the reply has {len(data)} bytes, and {REPLY_BYTES_MAX} can be sent"
        data = CONTROL_CODEC.encode(ControlReply(text, {}))
    return frame(data)


def _size(board: HostBoard, name: str) -> tuple[int, int]:
    """Pages and vcpus of a domain, as the toolstack or the hypervisor made it."""
    if name == "dom0":
        return board.host.dom0_pages, board.host.dom0_vcpus
    for guest in (*board.host.driver_domains, *board.host.guests):
        if guest.name == name:
            return guest.memory_pages, guest.vcpus
    return XENSTORE_PAGES, 1
