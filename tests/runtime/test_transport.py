"""One contract for the byte streams of memory, Unix sockets and TCP; and the listeners."""

import socket
import stat
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.runtime.transport import (
    ByteStream,
    SocketStream,
    connect_tcp,
    connect_unix,
    listen_tcp,
    listen_unix,
    tcp_pair,
)

Pair = tuple[ByteStream, ByteStream]


async def receive(stream: ByteStream, size: int = 65536) -> bytes:
    buffer = memoryview(bytearray(size))
    with trio.fail_after(10):
        while True:
            try:
                return bytes(buffer[: stream.receive_into(buffer)])
            except BlockingIOError:
                await stream.wait_readable()


async def receive_exactly(stream: ByteStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await receive(stream)
        assert piece, "the stream has ended"
        data += piece
    return data


def fill(stream: ByteStream) -> int:
    sent = 0
    while True:
        try:
            sent += stream.send(bytes(65536))
        except BlockingIOError:
            return sent


async def test_bytes_arrive_in_order_both_ways(stream_pair: Pair) -> None:
    one, other = stream_pair
    for piece in (b"ab", bytearray(b"c"), memoryview(b"de")):
        assert one.send(piece) == len(piece)
    other.send(b"back")
    assert await receive_exactly(other, 5) == b"abcde"
    assert await receive_exactly(one, 4) == b"back"


async def test_nothing_to_receive_does_not_wait(stream_pair: Pair) -> None:
    with pytest.raises(BlockingIOError):
        stream_pair[0].receive_into(memoryview(bytearray(10)))


async def test_a_small_buffer_takes_a_part(stream_pair: Pair) -> None:
    one, other = stream_pair
    one.send(b"abcdef")
    assert [await receive(other, 4), await receive(other, 4)] == [b"abcd", b"ef"]


async def test_a_full_stream_does_not_wait_and_has_room_again_when_read(stream_pair: Pair) -> None:
    one, other = stream_pair
    sent = fill(one)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait_writable)
        await trio.testing.wait_all_tasks_blocked()
        assert await receive_exactly(other, sent) == bytes(sent)
    assert one.send(b"more") == 4


async def test_a_close_ends_the_stream_behind_what_was_sent(stream_pair: Pair) -> None:
    one, other = stream_pair
    one.send(b"last words")
    one.close()
    assert await receive_exactly(other, 10) == b"last words"
    assert await receive(other) == b""


async def send_for_ever(stream: ByteStream) -> None:
    while True:  # TCP takes the first bytes and learns of the end by them
        stream.send(b"x")
        await stream.wait_writable()
        await trio.lowlevel.checkpoint()


async def test_sending_to_a_closed_peer_is_an_error_not_a_wait(stream_pair: Pair) -> None:
    one, other = stream_pair
    other.close()
    with trio.fail_after(10), pytest.raises(ConnectionError):
        await send_for_ever(one)


async def test_closing_wakes_who_waits_at_this_end(stream_pair: Pair) -> None:
    one, _ = stream_pair
    fill(one)

    async def wait(method: str) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await getattr(one, method)()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "wait_readable")
            nursery.start_soon(wait, "wait_writable")
            await trio.testing.wait_all_tasks_blocked()
            one.close()
            one.close()


def test_tcp_sends_small_frames_at_once() -> None:
    for sock in tcp_pair():
        with sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getpeername()[0] == "127.0.0.1"


def test_a_tcp_listener_is_on_loopback_unless_told_otherwise() -> None:
    with listen_tcp(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert not listener.getblocking()


def test_nobody_listening_is_an_error() -> None:
    with listen_tcp(0) as listener:
        address, port = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        connect_tcp(address, port)


async def test_a_unix_listener_takes_connections_of_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listen_unix(path) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with connect_unix(path) as near:
            far, _ = listener.accept()
            with far:
                SocketStream(near).send(b"hi")
                assert await receive(SocketStream(far)) == b"hi"
        with pytest.raises(OSError, match="in use"):
            listen_unix(path)


@pytest.mark.parametrize("open_path", [listen_unix, connect_unix])
def test_a_path_that_is_too_long_is_refused_with_its_length(open_path: object, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    assert callable(open_path)
    with pytest.raises(ValueError, match=f"107 bytes, this one has {len(str(path))}"):
        open_path(path)
    assert not path.exists()


def test_a_unix_path_that_nobody_serves_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_unix(tmp_path / "none")
