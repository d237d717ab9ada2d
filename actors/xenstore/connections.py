"""One client of the store: who it is, what it has open, what it has not taken.

Rules: a domain that does not take what it is sent is not read from any more; watch events it leaves lie too
long are lost.
Source: tools/xenstored/core.c.
"""

from collections import deque

from actors.abi.xs_wire import HEADER_BYTES, XsType, pack_message, unpack_header
from actors.xenstore.quotas import Quotas
from actors.xenstore.transactions import Transaction


class Connection:
    """A client as the store knows it."""

    __slots__ = (
        "domid",
        "home",
        "id",
        "kept",
        "last_transaction",
        "privileged",
        "quotas",
        "restored",
        "target",
        "transactions",
    )

    def __init__(self, number: int, domid: int, *, privileged: bool, quotas: Quotas) -> None:
        """`kept`: the connection outlives the daemon, as that of a ring does; `restored`: it has."""
        self.id = number
        self.domid = domid
        self.privileged = privileged
        self.quotas = quotas
        self.target: int | None = None
        self.kept = False
        self.restored = False
        self.home = f"/local/domain/{domid}"
        self.transactions: dict[int, Transaction] = {}
        self.last_transaction = 0


class OutputQueue:
    """Messages that wait for room on their way to a client."""

    __slots__ = ("_messages", "_started")

    def __init__(self) -> None:
        self._messages: deque[tuple[int, bytes]] = deque()
        self._started = False

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: bytes, now_ns: int) -> None:
        """One more message; send_event leaves out a watch event that waits already, just so (XSA-326)."""
        if self._messages and _is_event(message) and message[HEADER_BYTES : HEADER_BYTES + 1] != b"@":
            for _, waiting in self._messages:
                if waiting == message:
                    return
        self._messages.append((now_ns, message))

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return sum(len(message) for _, message in self._messages)

    @property
    def head(self) -> bytes:
        """What is to be sent first; empty if there is nothing."""
        return self._messages[0][1] if self._messages else b""

    def took(self, length: int) -> None:
        """So many bytes of the head are on their way."""
        came_ns, message = self._messages[0]
        if length == len(message):
            self._messages.popleft()
            self._started = False
        elif length:
            self._messages[0] = came_ns, message[length:]
            self._started = True

    def discard_events(self, before_ns: int) -> None:
        """check_event_timeout: lose the watch events queued before `before_ns`, except one half sent."""
        messages = self._messages
        if len(messages) <= self._started or messages[self._started][0] >= before_ns:
            return
        head = [messages.popleft()] if self._started else []
        kept = [each for each in messages if each[0] >= before_ns or not _is_event(each[1])]
        self._messages = deque(head + kept)

    def clear(self) -> None:
        """Forget everything."""
        self._messages.clear()
        self._started = False

    @property
    def content(self) -> bytes:
        """Everything that waits, as it is to be sent."""
        return b"".join(message for _, message in self._messages)

    def restore(self, content: bytes, now_ns: int) -> None:
        """Have this instead, which may begin in the middle of a message and is sent as it is."""
        self.clear()
        if content:
            self.add(content, now_ns)
            self._started = True


def event_message(path: str, token: bytes) -> bytes:
    """A watch event."""
    return pack_message(XsType.WATCH_EVENT, 0, 0, path.encode() + b"\0" + token + b"\0")


def _is_event(message: bytes) -> bool:
    kind: int = unpack_header(message)[0]
    return kind == XsType.WATCH_EVENT
