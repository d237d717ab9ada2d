"""The attention that a live actor pays to one link: whether it is served when something has arrived.

Rules: what arrives at a link that rests stays where it is, so that its peer waits. Whoever ends the cause
of a rest asks for the link to be served `soon`, and who serves it finds out whether there is another.
"""

from actors.runtime.transport import ByteStream
from actors.runtime.waiting import Call, Waiting

PASS_NS = 50_000
PASSES_MAX = 1_000
"""An actor that was frozen within a turn has not done anything in that time for which others had to wait."""


class Attention:
    """It begins with a rest. `turn_ns` is when the last turn of the link began."""

    __slots__ = ("_serve", "_stream", "_waiting", "resting", "turn_ns")

    def __init__(self, stream: ByteStream) -> None:
        self.resting = True
        self.turn_ns = 0
        self._stream = stream
        self._waiting: Waiting | None = None
        self._serve: Call = _nobody

    def begin(self, waiting: Waiting, serve: Call) -> None:
        """Have `serve` called in each round in which something has arrived, until the stream is closed."""
        self._waiting, self._serve = waiting, serve
        self.resume()

    def rest(self) -> None:
        """Have nothing called."""
        if not self.resting:
            self.resting = True
            self._stream.unwatch()

    def resume(self) -> None:
        """End a rest."""
        if self.resting and self._waiting is not None:
            self.resting = False
            self._stream.watch(self._waiting, self._serve)

    def soon(self, passes: int = 0) -> None:
        """Have a link that rests served once, after so many passes of others."""
        if self.resting and self._waiting is not None:
            self._waiting.soon(self._serve, passes)

    def stand_back(self, now_ns: int) -> None:
        """Let others run: one pass of all who can, and more if the turn that ends now has taken long."""
        self.rest()
        self.soon(max(0, min(1 + (now_ns - self.turn_ns) // PASS_NS, PASSES_MAX)))


def _nobody() -> None:
    """What serves a link before its attention begins."""
