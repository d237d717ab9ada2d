"""The running cluster's end of the control socket: answers `status`, `list`, `fault` and `down`.

Rules: one request a connection; a request that makes no sense is answered with an error and harms nobody.
"""

import os
import socket
from pathlib import Path
from typing import cast

import trio

from actors.dom0.control_domain import XENSTORE_PAGES
from actors.runtime.actor import ActorDriver
from actors.runtime.codec import ProtocolViolation
from actors.runtime.framing import FrameReader, hello_frame, join_frames
from actors.runtime.machine import DeadlinePassed
from cluster.board import Board
from cluster.control import CONTROL_CODEC, ControlReply, ControlRequest
from cluster.live import LiveCluster
from cluster.supervisor import Supervisor

REQUEST_LIMIT_S = 10
FAULT_KINDS = ("crash", "hang")


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

    async def serve(self, listener: socket.socket, path: Path) -> None:
        """Serve until cancelled; the socket's path is removed then."""
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    await trio.lowlevel.wait_readable(listener)
                    try:
                        connection, _ = listener.accept()
                    except BlockingIOError:
                        continue
                    connection.setblocking(False)
                    nursery.start_soon(self._serve_one, trio.socket.from_stdlib_socket(connection))
        finally:
            listener.close()
            remove(path)

    async def _serve_one(self, connection: trio.socket.SocketType) -> None:
        with connection:
            stream = trio.SocketStream(connection)
            try:
                with trio.fail_after(REQUEST_LIMIT_S):
                    request = await self._receive(connection)
                reply = self._answer(request)
                await stream.send_all(hello_frame() + join_frames([CONTROL_CODEC.encode(reply)]))
            except (ProtocolViolation, OSError, trio.TooSlowError, trio.BrokenResourceError):
                return

    async def _receive(self, connection: trio.socket.SocketType) -> ControlRequest:
        reader = FrameReader()
        while True:
            data = await connection.recv(65536)
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
        answers = {"status": self._status, "list": self._list, "fault": self._fault, "down": self._down}
        answer = answers.get(request.command)
        if answer is None:
            return ControlReply(
                f"unknown command {request.command!r}; there are {', '.join(sorted(answers))}", {}
            )
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
                    for each in sorted(board.domains.values(), key=lambda domain: domain.domid)
                    if each.state != "ended"
                ],
            }
            for name, board in self._supervisor.boards.items()
        ]
        return ControlReply(
            "",
            {
                "hosts": hosts,
                "name": self._supervisor.cluster.name,
                "directory": str(self._directory),
                "phase": self._supervisor.phase,
            },
        )

    def _list(self, _: dict[str, object]) -> ControlReply:
        hosts = [{"name": name, "rows": self._rows(board)} for name, board in self._supervisor.boards.items()]
        return ControlReply("", {"hosts": hosts})

    def _rows(self, board: Board) -> list[list[object]]:
        rows: list[list[object]] = []
        for each in sorted(board.domains.values(), key=lambda domain: domain.domid):
            if each.state == "ended":
                continue
            pages, vcpus = _size(board, each.name)
            letters = {"running": "r-----", "paused": "--p---", "hung": "r-----"}[each.state]
            seconds = _cpu_seconds(self._live.pid(each.address))
            label = "Domain-0" if each.domid == 0 else each.name
            rows.append([label, each.domid, pages // 256, vcpus, letters, seconds])
        return rows

    def _fault(self, arguments: dict[str, object]) -> ControlReply:
        kind, target = str(arguments.get("kind")), str(arguments.get("target"))
        host, _, name = target.partition("/")
        if kind not in FAULT_KINDS:
            return ControlReply(f"unknown fault {kind!r}; there are {', '.join(FAULT_KINDS)}", {})
        if host not in self._supervisor.boards:
            hosts = ", ".join(self._supervisor.boards)
            return ControlReply(f"{target}: no host {host!r}; a target is HOST/DOMAIN, hosts: {hosts}", {})
        board = self._supervisor.boards[host]
        running = [each for each in board.domains.values() if each.state != "ended"]
        by_number = {f"dom{each.domid}": each.name for each in running}
        injection = self._supervisor.inject(kind, host, by_number.get(name, name))
        if injection is None:
            known = ", ".join(each.name for each in running) or "no domains"
            return ControlReply(f"no domain {name!r} runs on {host}; there are: {known}", {})
        self._driver.post(DeadlinePassed())
        return ControlReply("", {"text": f"fault {injection.number}: {kind} of {target}"})

    def _down(self, _: dict[str, object]) -> ControlReply:
        self._supervisor.go_down()
        self._driver.post(DeadlinePassed())
        return ControlReply("", {"directory": str(self._directory), "pid": os.getpid()})


def remove(path: Path) -> None:
    """Remove a socket that may be gone."""
    path.unlink(missing_ok=True)


def _size(board: Board, name: str) -> tuple[int, int]:
    """Pages and vcpus of a domain, as the toolstack or the hypervisor made it."""
    if name == "dom0":
        return board.host.dom0_pages, board.host.dom0_vcpus
    for guest in board.host.guests:
        if guest["name"] == name:
            return cast("int", guest["memory_pages"]), cast("int", guest["vcpus"])
    return XENSTORE_PAGES, 1


def _cpu_seconds(pid: int | None) -> float:
    """User and system time of a process so far, from /proc."""
    if pid is None:
        return 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
