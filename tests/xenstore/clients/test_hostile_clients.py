"""What a client does that means harm, at the socket of a running cluster: nobody else may notice."""

import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from actors.abi.xs_wire import XsType

pytestmark = pytest.mark.processes

LIMIT_S = 30
NOT_WRITABLE_S = 0.2
MANY = 1000
HEADER = struct.Struct("<4I")
Answer = tuple[int, int, bytes]


def message(kind: int, body: bytes = b"", request: int = 1, length: int | None = None, tx: int = 0) -> bytes:
    return HEADER.pack(kind, request, tx, len(body) if length is None else length) + body


class Wire:
    """A connection whose user may send anything."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(path)

    def ask(self, sent: bytes) -> Answer | None:
        """The next answer that is no watch event."""
        self.socket.sendall(sent)
        found = self.answer()
        while found is not None and found[0] == XsType.WATCH_EVENT:
            found = self.answer()
        return found

    def answer(self) -> Answer | None:
        """Kind, request id and body of the next message; None at the end of the connection."""
        header = self._exactly(HEADER.size)
        if header is None:
            return None
        kind, request, _, length = HEADER.unpack(header)
        body = self._exactly(length)
        return None if body is None else (kind, request, body)

    def _exactly(self, length: int) -> bytes | None:
        found = b""
        while len(found) < length:
            piece = self.socket.recv(length - len(found))
            if not piece:
                return None
            found += piece
        return found


@pytest.fixture
def hostile(host: Any) -> Iterator[Wire]:
    """The hostile client; after it, somebody who was there before and somebody new are served."""
    before = Wire(host.socket)
    wire = Wire(host.socket)
    yield wire
    for other in (before, Wire(host.socket)):
        assert other.ask(message(XsType.READ, b"/local/domain/1/name\0", 9)) == (XsType.READ, 9, b"web")
        other.socket.close()
    wire.socket.close()


@pytest.mark.parametrize("length", [4097, 0xFFFFFFFF])
def test_an_oversized_message_costs_the_connection(hostile: Wire, length: int) -> None:
    assert hostile.ask(message(XsType.READ, b"x", length=length)) is None


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (message(999, b"/\0"), b"ENOSYS\0"),
        (message(XsType.ERROR, b"/\0"), b"ENOSYS\0"),
        (message(XsType.READ, b"/local"), b"EINVAL\0"),
        (message(XsType.READ), b"EINVAL\0"),
        (message(XsType.READ, b"/\xff\xfe\0"), b"EINVAL\0"),
        (message(XsType.READ, b"/local\0", tx=77), b"ENOENT\0"),
    ],
    ids=["unknown", "an-answer", "no-nul", "empty", "not-ascii", "no-such-transaction"],
)
def test_a_malformed_request_gets_its_error(hostile: Wire, sent: bytes, error: bytes) -> None:
    assert hostile.ask(sent) == (XsType.ERROR, 1, error)
    assert hostile.ask(message(XsType.READ, b"/local\0", 2)) == (XsType.READ, 2, b"")


def test_a_request_cut_at_any_byte_changes_nothing(host: Any, hostile: Wire) -> None:
    whole = message(XsType.WRITE, b"/cut\0value")
    for end in range(len(whole)):
        cut = Wire(host.socket)
        cut.socket.sendall(whole[:end])
        cut.socket.close()

    assert hostile.ask(message(XsType.READ, b"/cut\0")) == (XsType.ERROR, 1, b"ENOENT\0")


def test_requests_of_one_id_are_each_answered(hostile: Wire) -> None:
    hostile.socket.sendall(message(XsType.READ, b"/local\0", 7) * 50)

    assert [hostile.answer() for _ in range(50)] == [(XsType.READ, 7, b"")] * 50


def test_a_thousand_watches_of_a_tool_hurt_nobody(hostile: Wire) -> None:
    for index in range(MANY):
        assert hostile.ask(message(XsType.WATCH, b"/w\0t%d\0" % index)) == (XsType.WATCH, 1, b"OK\0")


def test_a_thousand_transactions_left_open_hurt_nobody(hostile: Wire) -> None:
    for _ in range(MANY):
        found = hostile.ask(message(XsType.TRANSACTION_START, b"\0"))
        assert found is not None
        assert found[0] == XsType.TRANSACTION_START


def test_who_never_reads_is_not_read_from_either(hostile: Wire) -> None:
    hostile.socket.setblocking(False)
    sent = 0
    while select.select([], [hostile.socket], [], NOT_WRITABLE_S)[1]:
        sent += hostile.socket.send(message(XsType.READ, b"/local\0") * 100)
        assert sent < 1 << 24, "whatever is sent is taken"
