"""A link of two network namespaces, each with Linux's TCP, and who talk over it; for `linux_captures`."""

import ctypes
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dpkt

from tests.inet.captured import LINK, PORT, pattern

TUNSETIFF, IFF_TAP_NO_PI, CLONE_NEWNET = 0x400454CA, 0x1002, 0x40000000
LATENCY_NS = 10_000_000
MTU = 576
WINDOW = 65535
SYSCTLS = {
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
    "net/ipv4/tcp_congestion_control": "reno",
    "net/ipv4/tcp_recovery": "0",
    "net/ipv4/tcp_early_retrans": "0",
    "net/ipv4/tcp_frto": "0",
    "net/ipv4/tcp_dsack": "0",
    "net/ipv4/tcp_comp_sack_nr": "0",
    "net/ipv4/tcp_syn_linear_timeouts": "0",
    "net/ipv4/tcp_ecn": "0",
    "net/ipv4/tcp_autocorking": "0",
    "net/ipv4/tcp_no_metrics_save": "1",
    "net/ipv4/tcp_moderate_rcvbuf": "0",
    "net/ipv4/tcp_rmem": "4096 1048576 1048576",
}
A, B = 0, 1
Drops = Callable[[int, dpkt.tcp.TCP, int], bool]
"""Whether a frame is lost, by its sender, its segment, and how many with data that has sent before."""


class Link:
    """Both devices, and what is between them."""

    def __init__(self) -> None:
        self.devices: list[int] = []
        self.spaces: list[int] = []
        for side in (A, B):
            if side:
                assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0
            self.spaces.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
            self._set_up(side)
        self.drops: Drops = lambda _side, _segment, _data: False
        self.frames: list[tuple[int, bytes]] = []
        self._data = [0, 0]
        threading.Thread(target=self._carry, daemon=True).start()

    def _set_up(self, side: int) -> None:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tap0", IFF_TAP_NO_PI))
        self.devices.append(device)
        for name, value in SYSCTLS.items():
            path = Path("/proc/sys", name)
            if path.exists():
                path.write_text(value)
        ours, theirs = LINK[side], LINK[1 - side]
        for command in (
            f"ip link set tap0 address {ours.mac} mtu {MTU} up",
            f"ip addr add {ours.address}/24 dev tap0",
            f"ip neigh add {theirs.address} lladdr {theirs.mac} nud permanent dev tap0",
        ):
            subprocess.run(command.split(), check=True)

    def _carry(self) -> None:
        waiting: list[tuple[int, int, int, bytes]] = []
        count = 0
        while True:
            wait = max(waiting[0][0] - time.time_ns(), 0) / 1e9 if waiting else 1.0
            readable = select.select(self.devices, [], [], wait)[0]
            now_ns = time.time_ns()
            for device in readable:
                side = self.devices.index(device)
                frame = os.read(device, 65536)
                if self._passes(side, frame, now_ns):
                    count += 1
                    heapq.heappush(waiting, (now_ns + LATENCY_NS, count, side, frame))
            while waiting and waiting[0][0] <= time.time_ns():
                _, _, side, frame = heapq.heappop(waiting)
                if side == B:
                    self.frames.append((time.time_ns(), frame))
                os.write(self.devices[1 - side], frame)

    def _passes(self, side: int, frame: bytes, now_ns: int) -> bool:
        segment = dpkt.ethernet.Ethernet(frame).data.data
        if not isinstance(segment, dpkt.tcp.TCP):
            return False
        if side == A:
            self.frames.append((now_ns, frame))
        lost = self.drops(side, segment, self._data[side])
        self._data[side] += bool(segment.data)
        return not lost

    def enter(self, side: int) -> None:
        """What this thread does next is done there."""
        assert ctypes.CDLL(None, use_errno=True).setns(self.spaces[side], CLONE_NEWNET) == 0

    def set(self, side: int, **sysctls: int) -> None:
        """Of IPv4."""
        self.enter(side)
        for name, value in sysctls.items():
            Path("/proc/sys/net/ipv4", name).write_text(str(value))

    def begin(self, drops: Drops | None) -> None:
        self.drops = drops or (lambda _side, _segment, _data: False)
        self.frames.clear()
        self._data = [0, 0]

    def socket(self, side: int) -> socket.socket:
        """Of that end."""
        self.enter(side)
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(30)
        return made


class User:
    """Of the end that is captured: what it calls is noted."""

    def __init__(self, end: socket.socket | None = None) -> None:
        self.end = end
        self.calls: list[list[int | str]] = []
        self.sent = 0
        self.settings: dict[str, int | bool] = {}

    def note(self, call: str, *arguments: int, at_ns: int = 0) -> None:
        self.calls.append([at_ns or time.time_ns(), call, *arguments])

    def send(self, size: int) -> None:
        assert self.end is not None
        data = pattern(self.sent, size)
        self.note("send", size)
        taken = self.end.send(data)
        assert taken == size, taken
        self.sent += size

    def read(self, size: int) -> None:
        """So many bytes, or up to the end."""
        assert self.end is not None
        while size and (data := self.end.recv(size)):
            self.note("recv", len(data))
            size -= len(data)

    def shutdown(self) -> None:
        assert self.end is not None
        self.note("shutdown")
        self.end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        assert self.end is not None
        self.note("close")
        self.end.close()

    def abort(self) -> None:
        assert self.end is not None
        self.note("abort")
        self.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end.close()


class Scene:
    """One capture in the making."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.user = User()
        self.peer = socket.socket()

    def we_connect(self, *, theirs: int = 0) -> None:
        """From A to B, whose receive buffer may be small."""
        listening = self.link.socket(B)
        if theirs:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, theirs)
        listening.bind((LINK[B].address, PORT))
        listening.listen()
        self.dial()
        self.peer, _ = listening.accept()
        self.peer.settimeout(30)
        listening.close()

    def dial(self, *, wait: bool = True) -> None:
        end = self.user.end = self.link.socket(A)
        end.bind((LINK[A].address, PORT + 1))
        end.setblocking(wait)
        self.user.note("connect")
        end.connect_ex((LINK[B].address, PORT))
        end.setblocking(True)

    def we_are_called(self) -> None:
        """From B to A, whose window is one that needs no scaling."""
        listening = self.link.socket(A)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        self.user.settings = {"receive_buffer": WINDOW}
        listening.bind((LINK[A].address, PORT))
        listening.listen()
        self.user.note("listen")
        self.peer = self.link.socket(B)
        self.peer.bind((LINK[B].address, PORT + 1))
        self.peer.connect((LINK[A].address, PORT))
        self.user.end, _ = listening.accept()
        listening.close()

    def drain(self, size: int = 1 << 30) -> None:
        """The peer reads."""
        while size and (data := self.peer.recv(min(size, 1 << 16))):
            size -= len(data)


def pause(seconds: float = 0.1) -> None:
    """Nothing is done."""
    threading.Event().wait(seconds)
