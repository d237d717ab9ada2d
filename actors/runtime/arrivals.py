"""What has arrived on a link and is not handled yet, cut into turns.

Rules: one turn has at most `MESSAGES_PER_TURN` messages and, of several, about `BYTES_PER_TURN`, so that
a peer that floods its link waits for itself and not the others for it. Messages keep their order; a violation
comes behind all messages before it, those of an earlier turn of the same frame included.
"""

from collections import deque
from collections.abc import Callable

from actors.runtime.codec import Buffer, ProtocolViolation
from actors.runtime.framing import FrameReader, cut_between_messages

MESSAGES_PER_TURN = 128
BYTES_PER_TURN = 4096

Decode = Callable[[Buffer], list[object]]


class Arrivals:
    """The messages of one link. `violation` is set once everything before it has been given out."""

    __slots__ = ("_bad", "_decode", "_messages", "_payloads", "_reader", "violation", "waiting")

    def __init__(self, frame_limit: int, decode: Decode) -> None:
        """`decode` makes messages of a payload, or raises ProtocolViolation."""
        self._reader = FrameReader(frame_limit)
        self._decode = decode
        self._messages: deque[object] = deque()
        self._payloads: deque[bytes] = deque()
        self._bad: ProtocolViolation | None = None
        self.violation: ProtocolViolation | None = None
        self.waiting = False  # whether `more` has messages, without anything being received

    @property
    def partial(self) -> bool:
        """A frame has begun and is not complete."""
        return self._reader.partial

    def take(self, data: memoryview) -> list[object]:
        """The messages of one turn out of bytes as they come; never while something is `waiting`."""
        payloads = self._reader.feed(data)
        if len(payloads) == 1 and len(payloads[0]) <= BYTES_PER_TURN and self._reader.violation is None:
            try:
                messages = self._decode(payloads[0])
            except ProtocolViolation as violation:
                self.violation = violation
                return []
            if len(messages) <= MESSAGES_PER_TURN:
                return messages
            self._messages.extend(messages)
        else:
            for payload in payloads:
                self._payloads.extend(cut_between_messages(bytes(payload), BYTES_PER_TURN))
            self._bad = self._reader.violation
        return self.more()

    def more(self) -> list[object]:
        """The messages of the next turn."""
        messages, payloads = self._messages, self._payloads
        room = BYTES_PER_TURN
        while payloads and len(messages) < MESSAGES_PER_TURN and room > 0:
            room -= len(payloads[0])
            try:
                messages.extend(self._decode(payloads.popleft()))
            except ProtocolViolation as violation:
                self._bad = violation
                payloads.clear()
        turn = [messages.popleft() for _ in range(min(len(messages), MESSAGES_PER_TURN))]
        self.waiting = bool(messages or payloads)
        if not self.waiting:
            self.violation = self._bad
        return turn

    def drop(self) -> None:
        """Nothing of it is wanted any more."""
        self._messages.clear()
        self._payloads.clear()
        self.waiting = False
