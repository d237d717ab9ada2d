"""What carries the bytes of a XenStore client: a ring page and a port, or a daemon in the same kernel.

Rules: both carry the same bytes; `receive` gives what has come, in any portions.
Source: docs/misc/xenstore-ring.txt.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from actors.abi.xs_wire import XsConnection, XsFeature
from actors.kernel.xs_ring import XsRing


class Transport(Protocol):
    """What a client needs."""

    def attach(self, on_event: Callable[[], None]) -> None:
        """Who is to be told when something has come; a ring's client is told by its port instead."""
        ...

    def send(self, message: bytes) -> None:
        """Send one message, now or when there is room."""
        ...

    def receive(self) -> bytes:
        """What has come since the last call; XsRingBroken if the other side makes no sense."""
        ...

    def server_changed(self) -> bool:
        """Another server serves us than the one that we have talked to."""
        ...

    def begin_reconnect(self) -> None:
        """Ask that server to begin anew; what was queued is dropped."""
        ...

    def reconnecting(self) -> bool:
        """The server has not yet begun anew."""
        ...


class RingTransport:
    """The client's end of a ring page."""

    def __init__(self, ring: XsRing, notify: Callable[[], None]) -> None:
        """`notify` sends an event on the port that belongs to the page."""
        self._ring = ring
        self._notify = notify
        self._output: deque[bytes] = deque()
        self._incarnation = ring.server_incarnation

    def attach(self, on_event: Callable[[], None]) -> None:
        """Nothing: the port has a handler of its own."""

    def send(self, message: bytes) -> None:
        """Put a message into the ring; what does not fit follows when the server has made room."""
        self._output.append(message)
        self._flush()

    def receive(self) -> bytes:
        """What the server has written; queued output goes on."""
        if self._output:
            self._flush()
        responses = self._ring.responses
        data = responses.read()
        if responses.peer_waits:
            self._notify()
        return data

    def server_changed(self) -> bool:
        """The incarnation in the page is another one; but before the first server nothing could be lost."""
        seen, self._incarnation = self._incarnation, self._ring.server_incarnation
        return self._incarnation != seen and (seen, self._incarnation) != (0, 1)

    def begin_reconnect(self) -> None:
        """Write the request for a reconnect into the page and kick the server."""
        self._output.clear()
        if self._ring.server_features & XsFeature.RECONNECTION:
            self._ring.connection = XsConnection.RECONNECT
            self._notify()

    def reconnecting(self) -> bool:
        """The server has not cleared the request yet."""
        return self._ring.connection != XsConnection.CONNECTED

    def _flush(self) -> None:
        output, requests = self._output, self._ring.requests
        while output:
            message = output[0]
            written = requests.write(message)
            if written:
                self._notify()
            if written < len(message):
                output[0] = message[written:]
                return
            output.popleft()


class LocalTransport:
    """A client in the kernel in which the daemon runs: no ring, no events, the same bytes."""

    def __init__(self) -> None:
        self._request: Callable[[bytes], None] = _unanswered
        self._input: list[bytes] = []
        self._on_event: Callable[[], None] | None = None
        self._changed = False

    def attach(self, on_event: Callable[[], None]) -> None:
        """Call `on_event` when something has come."""
        self._on_event = on_event

    def cut(self) -> None:
        """The daemon has died: what is sent now is not answered."""
        self._request = _unanswered
        self._input.clear()

    def connect(self, request: Callable[[bytes], None]) -> None:
        """A daemon serves us from now on: `request` hands it a message, which it answers by `deliver`."""
        self._request = request
        if self._on_event is not None:
            self._changed = True
            self._on_event()

    def deliver(self, message: bytes) -> None:
        """The daemon has a message for us."""
        self._input.append(message)
        if self._on_event is not None:
            self._on_event()

    def send(self, message: bytes) -> None:
        """Hand a message to the daemon; most are answered before this returns."""
        self._request(message)

    def receive(self) -> bytes:
        """What the daemon has delivered."""
        data = b"".join(self._input)
        self._input.clear()
        return data

    def server_changed(self) -> bool:
        """Another daemon was connected since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def begin_reconnect(self) -> None:
        """Nothing to do."""

    def reconnecting(self) -> bool:
        """Never."""
        return False


def _unanswered(_: bytes) -> None:
    """There is nobody who would answer."""
