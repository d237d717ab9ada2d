"""An answer that is too long for a frame, in parts that the supervisor joins.

Rules: what is short crosses as it is. Of each link one message is under way at most; what is not its next
part, or makes it longer than any may be, or no message of those that may come so, is thrown away with it.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.reading_messages import Interrupts, MessagePart, Statistics
from actors.runtime.codec import MAX_FRAME_BYTES, Codec, ProtocolViolation

PART_BYTES: Final = MAX_FRAME_BYTES // 4
WHOLE_BYTES_MAX: Final = 16 * 1024 * 1024
"""More than a host says of itself that has as many domains as there are numbers for."""

_CODEC: Final = Codec(Statistics, Interrupts, frame_limit=WHOLE_BYTES_MAX)


def in_parts(answer: Statistics | Interrupts, part_bytes: int = PART_BYTES) -> list[object]:
    """The answer itself if it has at most so many bytes, or its parts, the first one first."""
    data = _CODEC.encode(answer)
    if len(data) <= part_bytes:
        return [answer]
    assert len(data) <= WHOLE_BYTES_MAX, f"nobody takes {len(data)} bytes of {type(answer).__name__}"
    pieces = [data[at : at + part_bytes] for at in range(0, len(data), part_bytes)]
    return [MessagePart(index, len(pieces), piece) for index, piece in enumerate(pieces)]


@dataclass(slots=True)
class _Begun:
    """A message of which the last parts are still to come."""

    count: int
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: MessagePart) -> bool:
        """One more part; False if it cannot be of this message."""
        if (part.index, part.count) != (len(self.pieces), self.count) or not part.data:
            return False
        self.pieces.append(part.data)
        self.size += len(part.data)
        return self.size <= WHOLE_BYTES_MAX

    @property
    def is_whole(self) -> bool:
        """Whether the last part has come."""
        return len(self.pieces) == self.count


class Parts:
    """Joins what comes in parts, of each link by itself."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    def __len__(self) -> int:
        """How many messages have begun."""
        return len(self._begun)

    def take(self, link: str, part: MessagePart) -> object | None:
        """A part has come: the message, if it was the last part of one."""
        begun = self._begun.pop(link, None) if part.index else _Begun(part.count)
        if begun is None or not begun.add(part):
            return None
        if not begun.is_whole:
            self._begun[link] = begun
            return None
        try:
            messages = _CODEC.decode_frame(b"".join(begun.pieces))
        except ProtocolViolation:
            return None
        return messages[0] if len(messages) == 1 else None

    def forget(self, link: str) -> None:
        """Whoever has begun to send one is gone."""
        self._begun.pop(link, None)
