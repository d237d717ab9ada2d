"""The running cluster's end of the control socket: nonsense costs its sender the connection, and no more."""

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
import trio

from actors.notebook.journal import MemoryJournal
from actors.runtime.codec import MAX_FRAME_BYTES
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.transport import connect_unix, listen_unix
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.client import CONTROL_CODEC, REPLY_BYTES_MAX, ControlReply, ControlRequest
from cluster.running.control.server import ControlServer


class Nothing:
    """A driver and a cluster of processes of which nothing runs."""

    def post(self, event: object) -> None:
        pass

    def pid(self, address: str) -> int:
        return os.getpid()


@pytest.fixture
async def path(load: Callable[..., ResolvedCluster], tmp_path: Path, nursery: trio.Nursery) -> Path:
    cluster = load()
    nothing = Nothing()
    journals = {
        each.guest_id: [
            MemoryJournal(guest=each.address, guest_id=1, virtual_device=51712, volume_sectors=2048)
        ]
        for each in cluster.guests
    }
    supervisor = Supervisor(cluster, journals, lambda _what, _text: None)
    server = ControlServer(
        supervisor,
        nothing,
        nothing,
        tmp_path,
        metrics_urls={},
        xenstore_sockets={},  # type: ignore[arg-type]
    )
    where = tmp_path / "control"
    nursery.start_soon(server.serve, listen_unix(where), where)
    return where


async def replies(path: Path, data: bytes, *, cut: bool = False) -> list[object]:
    """All that comes back on a connection of its own until it is closed."""
    connection = trio.socket.from_stdlib_socket(connect_unix(path))
    with connection:
        await trio.SocketStream(connection).send_all(data)
        if cut:
            connection.shutdown(socket.SHUT_WR)
        reader, found = FrameReader(REPLY_BYTES_MAX), []
        while True:
            try:
                got = await connection.recv(65536)
            except ConnectionResetError:
                return found
            if not got:
                return found
            for payload in reader.feed(memoryview(got)):
                found += CONTROL_CODEC.decode_frame(payload)


async def ask(path: Path, command: str, arguments: dict[str, object]) -> ControlReply:
    (reply,) = await replies(
        path, hello_frame() + frame(CONTROL_CODEC.encode(ControlRequest(command, arguments)))
    )
    assert isinstance(reply, ControlReply)
    return reply


STATUS = hello_frame() + frame(CONTROL_CODEC.encode(ControlRequest("status", {})))
NONSENSE = {
    "no hello": STATUS[len(hello_frame()) :],
    "a hello of another version": hello_frame(version=99) + STATUS,
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "a frame of no length": hello_frame() + bytes(4),
    "a frame too large": hello_frame() + struct.pack("<I", 16 * 1024 + 1),
    "the largest length": hello_frame() + b"\xff\xff\xff\xff",
    "an unknown tag": hello_frame() + frame(msgpack.packb([77, "status", {}])),
    "a reply": hello_frame() + frame(CONTROL_CODEC.encode(ControlReply("", {}))),
    "a command that is a number": hello_frame() + frame(msgpack.packb([64, 5, {}])),
    "arguments that are a list": hello_frame() + frame(msgpack.packb([64, "fault", [1]])),
    "too many fields": hello_frame() + frame(msgpack.packb([64, "status", {}, 1])),
    "too few fields": hello_frame() + frame(msgpack.packb([64, "status"])),
    "nested 5000 deep": hello_frame() + frame(b"\x93\x40\xa6status\x81\xa1x" + b"\x91" * 5000 + b"\xc0"),
    "a huge map claimed": hello_frame() + frame(b"\x93\x40\xa6status\xdf\xff\xff\xff\xff"),
    "an extension": hello_frame() + frame(b"\x93\x40\xa6status\x81\xa1x\xd4\x01y"),
    "no UTF-8": hello_frame() + frame(b"\x93\x40\xa1\xff\x80"),
    "a key that is no text": hello_frame() + frame(msgpack.packb([64, "fault", {5: 1}])),
}  # fmt: skip


@pytest.mark.parametrize("data", NONSENSE.values(), ids=list(NONSENSE))
async def test_nonsense_costs_its_connection_and_no_other(path: Path, data: bytes) -> None:
    other = trio.socket.from_stdlib_socket(connect_unix(path))  # it is there before

    assert await replies(path, data) == []
    assert (await ask(path, "status", {})).values["name"] == "test"
    with other:
        await trio.SocketStream(other).send_all(STATUS)
        assert await other.recv(65536)


async def test_a_request_cut_at_any_byte_is_none(path: Path) -> None:
    for end in range(len(STATUS)):
        assert await replies(path, STATUS[:end], cut=True) == []
    assert (await ask(path, "status", {})).error == ""


async def test_who_sends_no_request_is_let_go(path: Path, autojump_clock: object) -> None:
    assert await replies(path, STATUS[:-1]) == []
    assert trio.current_time() >= 10


FAULTS = [
    {},
    {"target": "host0/dom0"},
    {"kind": "crash"},
    {"kind": "no such", "target": "host0/dom0"},
    {"kind": "crash", "target": "host0/nobody"},
    {"kind": "crash", "target": "x" * 10_000},
    {"kind": "x" * 10_000, "target": "host0/dom0"},
    {"kind": "crash", "target": "host0/" + ":" * 1000},
    {"kind": "crash", "target": "host0/dom0", "at": "1s"},
    {"kind": "crash", "target": "host0/dom0", "no_such_option": 1},
    {"kind": "crash", "target": "host0/dom0", "for": "10s"},
    {"kind": "crash", "target": "host0/dom0", "duration": -1},
    {"kind": "hang", "target": "host0/dom0", "for": "x" * 10_000},
    {"kind": "hang", "target": "host0/dom0", "for": "9" * 5000 + "s"},
    {"kind": "disk-slow", "target": "host0/sda", "factor": float("nan")},
    {"kind": "disk-slow", "target": "host0/sda", "factor": float("inf"), "for": "1s"},
    {"kind": "disk-slow", "target": "host0/sda", "factor": 1 << 63, "for": "1s"},
    {"kind": "disk-io-error", "target": "host0/sda", "probability": -1, "for": "1s"},
    {"kind": "link-drop", "target": "host0/dom0:host0/hypervisor", "probability": "1"},
    {"kind": "link-drop", "target": ":", "probability": 1},
    {"kind": "crash", "target": "/"},
    {"kind": "crash", "target": "host0/\x00"},
    *({"kind": kind, "target": target} for kind in ("crash", None, True, 5, b"crash", ["crash"], {"a": 1})
      for target in (None, True, 5, b"host0/dom0", ["host0/dom0"], {"host0": 1}, "host9/dom0")),
]  # fmt: skip


@pytest.mark.parametrize("arguments", FAULTS, ids=lambda each: repr(each)[:60])
async def test_a_fault_that_makes_no_sense_is_refused_in_words(
    path: Path, arguments: dict[str, object]
) -> None:
    reply = await ask(path, "fault", arguments)

    assert 0 < len(reply.error) < 10_000
    assert (await ask(path, "status", {})).error == ""


@pytest.mark.parametrize("command", ["", "Status", "status ", "__class__", "x" * 10_000])
async def test_a_command_that_there_is_not_is_refused_in_words(path: Path, command: str) -> None:
    reply = await ask(path, command, {})

    assert "unknown command" in reply.error
    assert len(reply.error) < 1000


@pytest.mark.parametrize("target", [None, 5, "", "/", "host0", "host0/nobody", "x" * 10_000, ["host0/dom0"]])
async def test_interrupts_of_nobody_are_refused_in_words(path: Path, target: object) -> None:
    reply = await ask(path, "interrupts", {"target": target})

    assert 0 < len(reply.error) < 10_000


@pytest.mark.parametrize("command", ["status", "list", "top"])
async def test_arguments_that_nobody_asked_for_change_nothing(path: Path, command: str) -> None:
    assert (await ask(path, command, {"x": ["y"] * 1000, "target": {}})).error == ""


async def test_a_reply_about_thousands_of_domains_is_one_reply(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[f"guest-{each}", each, 4, 1, "r-----", 0.5] for each in range(15_000)]
    monkeypatch.setattr(ControlServer, "_answer", lambda _self, _request: ControlReply("", {"rows": rows}))
    assert (await ask(path, "list", {})).values == {"rows": rows}
    assert len(CONTROL_CODEC.encode(ControlReply("", {"rows": rows}))) > MAX_FRAME_BYTES


async def test_who_never_reads_its_reply_is_let_go(
    path: Path, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = ControlReply("", {str(number): "x" * 1000 for number in range(250)})
    monkeypatch.setattr(ControlServer, "_answer", lambda _self, _request: large)
    deaf = connect_unix(path)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(STATUS)
    with deaf:
        await trio.sleep(60)
        deaf.settimeout(5)
        found = 0
        while got := deaf.recv(65536):
            found += len(got)
        assert found < 250_000


async def test_a_reply_that_no_frame_holds_is_told_as_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.running.control.server.REPLY_BYTES_MAX", 100)

    assert (await ask(path, "status", {})).error.endswith("bytes, and 100 can be sent")


async def test_many_connections_that_say_nothing_keep_nobody_out_for_long(
    path: Path, autojump_clock: object
) -> None:
    silent = [connect_unix(path) for _ in range(100)]

    assert (await ask(path, "status", {})).error == ""
    for each in silent:
        each.close()
