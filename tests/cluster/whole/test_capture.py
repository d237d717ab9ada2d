"""Packets of a running cluster: somebody joins its networks, pings a guest, and all of it is captured."""

import io
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import dpkt
import pytest

from actors.inet.address import ipv4
from actors.inet.interface import Interface, Outgoing
from actors.inet.stack import Stack
from actors.network.frame_stream import FrameStream, framed
from tests.cluster.whole.test_forward import TEXT, a_cluster
from tests.shell import Shell, socket_folder

MAC = bytes.fromhex("02000000004d")
GUEST = "10.0.0.2"


@pytest.fixture
def shell() -> Iterator[Shell]:
    with socket_folder() as folder:
        yield Shell(folder, TEXT)


class Peer:
    """A station at 10.0.0.77, which hands frames to a socket."""

    def __init__(self, kind: socket.SocketKind) -> None:
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.settimeout(1)
        self._stack = Stack(Interface(MAC, ipv4("10.0.0.77")), Random(5), self._send)
        self._sequence = 0

    def _send(self, outgoing: Outgoing) -> None:
        raise NotImplementedError

    def _frames(self, data: bytes) -> list[bytes]:
        raise NotImplementedError

    def ping(self) -> None:
        """Ask until the guest answers."""
        while True:
            self._sequence += 1
            self._stack.icmp.echo(ipv4(GUEST), 7, self._sequence, b"hello", self._sequence * 10**9)
            try:
                while not self._answered(self.socket.recv(65536)):
                    pass
            except TimeoutError:
                continue
            return

    def _answered(self, data: bytes) -> bool:
        frames = self._frames(data)
        for each in frames:
            self._stack.receive(each, self._sequence * 10**9)
        return any(is_echo(each, kind=0) for each in frames)


class StreamPeer(Peer):
    """One on a stream of frames."""

    def __init__(self, path: str) -> None:
        super().__init__(socket.SOCK_STREAM)
        self.socket.connect(path)
        self._reader = FrameStream()

    def _send(self, outgoing: Outgoing) -> None:
        self.socket.sendall(framed(outgoing.frame))

    def _frames(self, data: bytes) -> list[bytes]:
        return self._reader.feed(data)


class DatagramPeer(Peer):
    """One with a frame in each datagram."""

    def __init__(self, path: str, remote: str) -> None:
        super().__init__(socket.SOCK_DGRAM)
        self.socket.bind(path)
        self._remote = remote

    def _send(self, outgoing: Outgoing) -> None:
        self.socket.sendto(outgoing.frame, self._remote)

    def _frames(self, data: bytes) -> list[bytes]:
        return [data]


def is_echo(frame: bytes, kind: int) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == kind


@contextmanager
def going_on(shell: Shell, *words: str) -> Iterator[str]:
    """What a command says first, while it goes on; it is ended as by Ctrl-C."""
    process = shell.start(*words)
    try:
        pipe = process.stderr if words[0] == "capture" else process.stdout
        assert pipe is not None
        yield pipe.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def replies_of(shell: Shell) -> int:
    """Echo replies in the file, which may end in the middle of a block."""
    data = (shell.folder / "seen.pcapng").read_bytes()
    found = 0
    try:
        found = sum(is_echo(each, kind=0) for _, each in dpkt.pcapng.Reader(io.BytesIO(data)))
    except dpkt.Error:
        return found
    return found


@pytest.mark.processes
def test_a_ping_from_outside_is_seen_at_four_places_also_after_dom0_has_died(shell: Shell) -> None:
    places = ("--at", "frontend", "--at", "backend", "--at", "bridge")
    with a_cluster(shell), going_on(shell, "stream", "frames.sock") as said:
        assert said == "frames.sock leads to the switch of outside; Ctrl-C ends it\n"
        words = ("capture", "host0/web/vif0", "host0/eth0", *places, "-w", "seen.pcapng")
        with going_on(shell, *words) as seen:
            assert seen.startswith("capturing host0/web/vif0, host0/web/vif0:backend, host0/web/vif0:bridge")
            peer = StreamPeer(str(shell.folder / "frames.sock"))
            peer.ping()
            shell.said("fault", "inject", "crash", "host0/dom0")
            peer.ping()
            replies = replies_of(shell)
            while replies_of(shell) < replies + 4:  # at each of four places, once it is looked at again
                peer.ping()
            peer.socket.close()
        refused = shell.run("capture", "host0/web/vif0", "host0/nobody", "-w", "other.pcapng")
        assert refused.returncode == 254
        assert "no network controller or guest 'nobody' on host0, which has eth0, web, dumb" in refused.stderr
    assert not (shell.folder / "frames.sock").exists()


@pytest.mark.processes
def test_a_ping_by_datagrams_is_answered(shell: Shell) -> None:
    local, peer = shell.folder / "frames.sock", shell.folder / "peer.sock"
    with a_cluster(shell):
        with going_on(shell, "stream", "frames.sock", "--datagrams", "peer.sock") as said:
            assert said == "frames.sock leads to the switch of outside; Ctrl-C ends it\n"
            assert local.stat().st_mode & 0o777 == 0o600
            station = DatagramPeer(str(peer), str(local))
            station.ping()
            station.socket.close()
        assert not local.exists()
        refused = shell.run("stream", "nowhere/frames.sock", "--datagrams", "peer.sock")
        assert (refused.returncode, refused.stderr) == (
            254,
            "domzero: nowhere/frames.sock: no such file or directory\n",
        )
