"""A link between two actors of one process: messages are handed over as they are, and no bytes are made.

What a turn sends is with the other actor when the turn is over, and its driver has a turn with it in the same
round of the process (`waiting`): no system call and no task of trio lies between. It is never called within
the turn of the sender, so two who answer each other take turns with all others of their process.
Rules: both ends treat messages as immutable, as all do. What was sent before an end is taken before it. A
peer that does not take what waits for it loses the link, as one that does not read loses a stream.
"""

import sys
from collections.abc import Callable
from functools import partial

import trio

from actors.runtime.arrivals import Arrivals
from actors.runtime.link import Link
from actors.runtime.transport import Bytes
from actors.runtime.waiting import Call, Waiting

MESSAGES_MAX = 64 * 1024


class HandedOver(Arrivals):
    """What has come without being bytes. `taken` is called after each turn's messages."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Callable[[], object]) -> None:
        super().__init__(0, _nothing)
        self._taken = taken

    def put(self, messages: list[object]) -> int:
        """Have them taken; how many wait."""
        self._messages.extend(messages)
        self.waiting = True
        return len(self._messages)

    def more(self) -> list[object]:
        """The messages of the next turn."""
        messages = super().more()
        self._taken()
        return messages


class JoinedEnd:
    """One end of such a link, in place of a byte stream: what has come for its actor is in `arrivals`."""

    def __init__(self) -> None:
        self.arrivals = HandedOver(self.changed)
        self.peer = self
        self.ended = False
        self._readable: Callable[[], object] | None = None

    def put(self, messages: list[object]) -> int:
        """Have the actor of this end take these; how many wait. Nothing happens when it has ended."""
        if self.ended:
            return 0
        waiting = self.arrivals.put(messages)
        self.changed()
        return waiting

    def changed(self) -> None:
        """Have whoever watches look, if there is something to see."""
        if self._readable is not None and (self.arrivals.waiting or self.ended):
            self._readable()

    def receive_into(self, _buffer: memoryview, /) -> int:
        """The end, once it is there: bytes never come."""
        if self.ended:
            return 0
        raise BlockingIOError

    def send(self, _data: Bytes, /) -> int:
        """Bytes never go."""
        raise AssertionError("messages are handed over as they are")

    def watch(self, waiting: Waiting, call: Call, /) -> None:
        """Have it called as long as there is something to take."""
        self._readable = partial(waiting.soon, call)
        self.changed()

    def unwatch(self) -> None:
        """Have nothing called."""
        self._readable = None

    async def wait_readable(self) -> None:
        """Nobody waits here: who has something to take is called."""
        await trio.lowlevel.checkpoint()

    async def wait_writable(self) -> None:
        """There is always room."""
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """End both directions: the peer takes what is left, then the end."""
        self.unwatch()
        for end in (self, self.peer):
            if not end.ended:
                end.ended = True
                end.changed()


def joined_ends() -> tuple[JoinedEnd, JoinedEnd]:
    """Two ends of one link."""
    one, other = JoinedEnd(), JoinedEnd()
    one.peer, other.peer = other, one
    return one, other


class JoinedLink(Link):
    """The driver's end of a link to an actor of the same process."""

    __slots__ = ("_end", "_outbox")

    def __init__(self, name: str, end: JoinedEnd) -> None:
        super().__init__(name, end, 0, {}, _nothing)
        self.arrivals = end.arrivals
        self._end = end
        self._outbox: list[object] = []

    def greet(self) -> int:
        """Nobody has to be told which protocol this is."""
        return 0

    def send(self, message: object) -> None:
        """Queue a message for the end of the turn."""
        if not self.queued:
            self.queued = True
            self.touched.append(self)
        self._outbox.append(message)

    def flush(self) -> int:
        """Hand over what is queued; more bytes than any limit allows if too much waits there already."""
        messages, self._outbox = self._outbox, []
        self.queued = False
        return sys.maxsize if self._end.peer.put(messages) > MESSAGES_MAX else 0


def _nothing(_payload: object) -> list[object]:
    return []
