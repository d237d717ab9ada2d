"""The /proc/interrupts of the domains: asked for when somebody wants one, and kept at the end of a run.

Rules: an answer that comes late, or from another life of the domain, is as good as any: it says what is so.
A domain that hangs does not answer; who asked gives up by himself.
"""

from collections.abc import Callable, Iterable

from actors.reading_messages import Interrupts, ReadInterrupts
from actors.runtime.machine import Effect, Send

Done = Callable[[str], None]
WAITING_MAX = 10_000


class InterruptTables:
    """Asks domains for their tables. `kept` are the last ones that nobody waited for, by address."""

    def __init__(self, emit: Callable[[Effect], None]) -> None:
        self.kept: dict[str, str] = {}
        self._emit = emit
        self._sequence = 0
        self._waiting: dict[int, tuple[str, Done]] = {}

    def ask(self, address: str, done: Done) -> None:
        """Have `done` called with the text once the actor answers."""
        self._sequence += 1
        self._waiting[self._sequence] = address, done
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        self._emit(Send(address, ReadInterrupts(self._sequence)))

    def keep(self, addresses: Iterable[str]) -> None:
        """Ask for tables that are to be kept."""
        for address in addresses:
            self.ask(address, self._keeper(address))

    def take(self, link: str, message: Interrupts) -> None:
        """An answer has come."""
        address, done = self._waiting.get(message.sequence, ("", _nobody))
        if address == link:
            del self._waiting[message.sequence]
            done(message.text)

    def _keeper(self, address: str) -> Done:
        def keep(text: str) -> None:
            self.kept[address] = text

        return keep


def _nobody(_: str) -> None:
    """Who waits for an answer that nobody asked for."""
