"""Ctrl-C, SIGTERM and a closed terminal while a run goes on: it is ended, and still reported.

Rules: until the check of the images a signal only asks; in it, it is a KeyboardInterrupt, since a check
may take long and everything has been stopped by then. A second signal asks again; whoever is asked says what
that means. Who takes it for no interruption of the run sets `wanted` back.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Takes the signals as long as it is entered. `ask` is called from within a signal handler."""

    def __init__(self) -> None:
        self.wanted = False
        self.may_raise = False
        self.ask: Callable[[], None] = lambda: None
        self._before: list[tuple[signal.Signals, object]] = []

    def __enter__(self) -> None:
        """Take the signals, if this is the thread that gets them."""
        if threading.current_thread() is threading.main_thread():
            self._before = [(each, signal.signal(each, self._take)) for each in SIGNALS]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the signals to whoever had them before."""
        for number, before in self._before:
            signal.signal(number, before)  # type: ignore[arg-type]
        self._before = []

    def _take(self, number: int, _: FrameType | None) -> None:
        self.wanted = True
        if self.may_raise:
            raise KeyboardInterrupt(signal.Signals(number).name)
        self.ask()
