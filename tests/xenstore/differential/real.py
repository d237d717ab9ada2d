"""Xen's own C xenstored, run without Xen: a folder stands for the hypervisor (`shim.c`).

Tools are connections to its socket, domains have ring pages that are files. Nothing here is called unless
the daemon and a C compiler are installed: `missing` says what is not.
"""

import contextlib
import mmap
import os
import signal
import socket
import struct
import subprocess
from pathlib import Path
from typing import Protocol

from actors.abi.types import DOMID_FIRST_RESERVED
from actors.abi.xs_wire import (
    HEADER_BYTES,
    XENSTORE_RING_SIZE,
    XS_RING_REQ,
    XS_RING_REQ_CONS,
    XS_RING_REQ_PROD,
    XS_RING_RSP,
    XS_RING_RSP_CONS,
    XS_RING_RSP_PROD,
    XsType,
    pack_message,
    unpack_header,
)
from actors.xenstore.numbers import unsigned
from tests import c_compiler
from tests.xenstore.differential.excused import NOT_IN_OURS
from tests.xenstore.differential.steps import DESTROY, DOMAINS, SHUTDOWN, TOOLS, Heard

RELEASE = "4.17"
DAEMON = Path(f"/usr/lib/xen-{RELEASE}/bin/xenstored")
SHIM = Path(__file__).with_name("shim.c")
LIMIT_S = 20.0
"""How long an answer may take before the daemon counts as dead."""

PORT_BASE = 1000
VIRQ_PORT = 1
ALIVE, SHUT_DOWN, GONE = range(3)


def missing() -> str:
    """What is not installed here; empty if all is."""
    if not DAEMON.exists():
        return f"{DAEMON} is not installed (Debian's package xen-utils-{RELEASE})"
    return c_compiler.missing()


def compile_shim(folder: Path) -> Path:
    """The library that stands for Xen."""
    words = ("-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-Wno-unused-parameter")
    return c_compiler.compile_c(SHIM, folder / "shim.so", *words)


class Died(Exception):  # noqa: N818 (it names what the daemon did)
    """The daemon has ended, or does not answer."""


class Connection(Protocol):
    """One client's way to the daemon."""

    def send(self, data: bytes) -> None:
        """Hand over these bytes."""
        ...

    def receive(self) -> bytes:
        """Some bytes, once there are any. Died."""
        ...

    def close(self) -> None:
        """The client is gone."""
        ...


class SocketConnection:
    """A tool's connection."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        self._socket.connect(str(path))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> bytes:
        try:
            data = self._socket.recv(1 << 16)
        except OSError as error:
            raise Died(f"a tool waits for an answer: {error}") from error
        if not data:
            raise Died("a tool's connection was closed")
        return data

    def close(self) -> None:
        self._socket.close()


class RingConnection:
    """A domain's ring page, which is a file that the daemon maps, too."""

    def __init__(self, folder: Path, domid: int) -> None:
        path = folder / f"ring-{domid}"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._words = memoryview(self._page).cast("I")
        self._port = struct.pack("=I", PORT_BASE + domid)
        self._events = str(folder / "events")
        self._kicks = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._kicks.bind(str(folder / f"kick-{domid}"))
        self._kicks.settimeout(LIMIT_S)

    def send(self, data: bytes) -> None:
        while data:
            produced = self._words[XS_RING_REQ_PROD // 4]
            free = XENSTORE_RING_SIZE - (produced - self._words[XS_RING_REQ_CONS // 4])
            start = produced % XENSTORE_RING_SIZE
            part = data[: min(free, XENSTORE_RING_SIZE - start)]
            if not part:
                self._wait()
                continue
            self._page[XS_RING_REQ + start : XS_RING_REQ + start + len(part)] = part
            self._words[XS_RING_REQ_PROD // 4] = produced + len(part)
            data = data[len(part) :]
            self._kick()

    def receive(self) -> bytes:
        while True:
            consumed, produced = self._words[XS_RING_RSP_CONS // 4], self._words[XS_RING_RSP_PROD // 4]
            if produced != consumed:
                break
            self._wait()
        start = consumed % XENSTORE_RING_SIZE
        length = min(produced - consumed, XENSTORE_RING_SIZE - start)
        data = self._page[XS_RING_RSP + start : XS_RING_RSP + start + length]
        self._words[XS_RING_RSP_CONS // 4] = consumed + length
        self._kick()
        return data

    def close(self) -> None:
        self._kicks.close()
        self._words.release()
        self._page.close()

    def _kick(self) -> None:
        self._kicks.sendto(self._port, self._events)

    def _wait(self) -> None:
        try:
            self._kicks.recv(1)
        except OSError as error:
            raise Died(f"a domain waits for its ring: {error}") from error


class Client:
    """Whole messages over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._received = b""
        self._asked = 0

    def ask(self, kind: int, tx_id: int, payload: bytes) -> tuple[tuple[int, bytes], list[bytes]]:
        """The answer, and the events that came before it."""
        self._asked += 1
        self._connection.send(pack_message(kind, self._asked, tx_id, payload))
        events: list[bytes] = []
        while True:
            kind, req_id, body = self._message()
            if kind != XsType.WATCH_EVENT:
                assert req_id == self._asked, f"the answer to {req_id} instead of {self._asked}"
                return (kind, body), events
            events.append(body)

    def events(self) -> list[bytes]:
        """Every event that was on its way."""
        answer, events = self.ask(XsType.GET_DOMAIN_PATH, 0, b"0\0")
        assert answer[0] == XsType.GET_DOMAIN_PATH, answer
        return events

    def close(self) -> None:
        """It is gone."""
        self._connection.close()

    def _message(self) -> tuple[int, int, bytes]:
        while len(self._received) < HEADER_BYTES:
            self._received += self._connection.receive()
        kind, req_id, _, length = unpack_header(self._received)
        end = HEADER_BYTES + length
        while len(self._received) < end:
            self._received += self._connection.receive()
        body, self._received = self._received[HEADER_BYTES:end], self._received[end:]
        return kind, req_id, body


class RealStore:
    """The real daemon with an empty store, and its clients. `folder` is new and has a short name."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self._folder = folder
        self._states = folder / "states"
        self._states.write_bytes(bytes(DOMID_FIRST_RESERVED))
        self._clients: dict[int, Client] = {}
        self._rings: dict[int, RingConnection] = {}
        with contextlib.ExitStack() as stack:
            self._daemon = self._start(shim)
            stack.callback(self._end)
            for client in TOOLS:
                self._clients[client] = Client(SocketConnection(folder / "socket"))
                stack.callback(self._clients[client].close)
            for domid in DOMAINS.values():
                self._rings[domid] = RingConnection(folder, domid)
                stack.callback(self._rings[domid].close)
            self._clients[TOOLS[0]].ask(XsType.RM, 0, NOT_IN_OURS[0].encode() + b"\0")
            self._closing = stack.pop_all()

    def close(self) -> None:
        """End the daemon, and the connections to it."""
        self._closing.close()

    def _end(self) -> None:
        self._daemon.send_signal(signal.SIGKILL)
        self._daemon.communicate()

    def take(self, client: int, kind: int, tx_id: int, payload: bytes, listeners: list[int]) -> Heard:
        """Do a step; what was said, as far as to the asker and `listeners`. Died."""
        try:
            return self._take(client, kind, tx_id, payload, listeners)
        except (Died, OSError) as error:
            raise Died(f"{error}; the daemon: {self._last_words()}") from error

    def _take(self, client: int, kind: int, tx_id: int, payload: bytes, listeners: list[int]) -> Heard:
        if kind in {SHUTDOWN, DESTROY}:
            if not self._client_of(int(payload)):
                return Heard(None)
            # The daemon looks at its event channels first: when a tool is answered, it has looked.
            told = self._change_state(int(payload), SHUT_DOWN if kind == SHUTDOWN else GONE)
            heard = Heard(None, after={TOOLS[0]: told} if told else {})
        elif client not in self._clients:
            return Heard(None)
        else:
            heard = Heard(*self._clients[client].ask(kind, tx_id, payload))
            self._follow(kind, payload, heard)
        for each in listeners:
            if each in self._clients and (events := self._clients[each].events()):
                heard.after[each] = heard.after.get(each, []) + events
        return heard

    def _follow(self, kind: int, payload: bytes, heard: Heard) -> None:
        """Domains come and go as tools ask for it."""
        if heard.answer is None or heard.answer[0] != kind:
            return
        if kind not in {XsType.INTRODUCE, XsType.RELEASE}:
            return
        domid = unsigned(payload.split(b"\0")[0])
        for client in self._client_of(domid):
            del self._clients[client]
        if kind == XsType.INTRODUCE:
            client = next(each for each, of in DOMAINS.items() if of == domid)
            self._clients[client] = Client(self._rings[domid])

    def _client_of(self, domid: int) -> list[int]:
        """The client that is the domain, if it is served."""
        return [each for each, of in DOMAINS.items() if of == domid and each in self._clients]

    def _change_state(self, domid: int, state: int) -> list[bytes]:
        """Have a domain in another state for as long as the daemon looks; what a tool was told of it."""
        if state == GONE:
            for client in self._client_of(domid):
                del self._clients[client]
        self._set_state(domid, state)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hypervisor:
            hypervisor.sendto(struct.pack("=I", VIRQ_PORT), str(self._folder / "events"))
        told = self._clients[TOOLS[0]].events()
        self._set_state(domid, ALIVE)
        return told

    def _set_state(self, domid: int, state: int) -> None:
        with self._states.open("r+b") as file:
            file.seek(domid)
            file.write(bytes([state]))

    def _start(self, shim: Path) -> "subprocess.Popen[str]":
        environment = {key: value for key, value in os.environ.items() if not key.startswith("XENSTORED_")}
        environment |= {
            "SHIM_FOLDER": str(self._folder),
            "XENSTORED_RUNDIR": str(self._folder),
            "LD_PRELOAD": str(shim),
        }
        daemon = subprocess.Popen(
            [str(DAEMON), "-N", "-P", "-w", "watch-event=0"],
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert daemon.stdout is not None
        line = daemon.stdout.readline()
        if not line.strip().isdigit():
            raise Died(f"the daemon does not start: {line}{daemon.communicate()[0]}")
        return daemon

    def _last_words(self) -> str:
        if self._daemon.poll() is None:
            return "runs"
        assert self._daemon.stdout is not None
        return f"ended with {self._daemon.returncode}: {self._daemon.stdout.read()[-500:]}"
