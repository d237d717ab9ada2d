"""Who was asked for statistics and has not answered yet."""

from collections.abc import Callable

from actors.reading_messages import ReadStatistics
from actors.runtime.machine import Effect, Send


class Questions:
    """Those that are `open`: the address of each, by its number."""

    def __init__(self, emit: Callable[[Effect], None]) -> None:
        self.open: dict[int, str] = {}
        self._emit = emit
        self._sequence = 0

    def ask(self, address: str) -> None:
        """One more."""
        self._sequence += 1
        self.open[self._sequence] = address
        self._emit(Send(address, ReadStatistics(self._sequence)))

    def answered(self, sequence: int, link: str) -> bool:
        """Whether this was asked for on this link, and is not too late."""
        return self.open.pop(sequence, None) == link
