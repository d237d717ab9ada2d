"""`domzero top`: asks the running cluster again and again, and shows what it says.

Rules: nothing is drawn before what was drawn last has been written, so a slow terminal sees fewer pictures,
never old ones. The terminal is left as it was found, whatever ends the view. It ends when the cluster does.
"""

import contextlib
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.live import Live

from cluster.running.control.client import ControlReply, NotRunning
from cluster.running.control.watched import watched_of
from cluster.running.top.batch import batch_text
from cluster.running.top.sample import TopSample
from cluster.running.top.view import screen

UP, DOWN = (b"\x1b[A", b"\x1bOA", b"k"), (b"\x1b[B", b"\x1bOB", b"j")
QUIT = (b"q", b"Q", b"\x03", b"\x04")
KEY_BYTES = 64

Ask = Callable[[], ControlReply]


def wait(seconds: float) -> None:
    """Wait, with nothing to look at meanwhile."""
    select.select([], [], [], seconds)


class Samples:
    """Answers of a cluster, each with the one before it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._last: TopSample | None = None

    def take(self) -> TopSample | None:
        """The next one; None if the cluster has ended. NotRunning if there never was one."""
        try:
            reply = self._ask()
        except NotRunning:
            if self._last is None:
                raise
            return None
        if reply.error:
            raise NotRunning(reply.error)
        try:
            self._last = TopSample(watched_of(reply.values), self._last)
        except ValueError as error:
            raise NotRunning(
                "the running cluster is of another version; `top` of that one shows it"
            ) from error
        return self._last


def run_batch(
    ask: Ask, out: TextIO, delay_s: float, iterations: int, pause: Callable[[float], object] = wait
) -> None:
    """Write as many iterations as wanted, or (0) until the cluster ends."""
    samples, number = Samples(ask), 0
    while True:
        sample = samples.take()
        if sample is None:
            return
        out.write(batch_text(sample))
        out.flush()
        number += 1
        if number == iterations:
            return
        pause(delay_s)


def run_view(ask: Ask, console: Console, delay_s: float, iterations: int) -> bool:
    """Show the view until q or Ctrl-C, or as many iterations as wanted; False if the cluster ended first."""
    samples = Samples(ask)
    sample = samples.take()  # before the screen changes: it may be that nothing runs
    number, first = 1, 0
    with _keyboard() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        while sample is not None:
            first = min(max(first, 0), max(len(sample.rows()) - 1, 0))
            live.update(screen(sample, *console.size, first), refresh=True)
            if number == iterations:
                return True
            due_s = time.monotonic() + delay_s
            while (left_s := due_s - time.monotonic()) > 0:
                for key in keys(left_s):
                    if key in QUIT:
                        return True
                    first += (key in DOWN) - (key in UP)
                live.update(screen(sample, *console.size, first), refresh=True)
            sample = samples.take()
            number += 1
    return False


@contextlib.contextmanager
def _keyboard() -> Iterator[Callable[[float], list[bytes]]]:
    """Single keys from the terminal; a change of its size wakes the reader, too."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd) if os.isatty(fd) else None
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    resized = signal.signal(signal.SIGWINCH, lambda _signal, _frame: os.write(wake_write, b"!"))

    def read(timeout_s: float) -> list[bytes]:
        sources = [wake_read, fd] if before is not None else [wake_read]
        ready, _, _ = select.select(sources, [], [], timeout_s)
        if wake_read in ready:
            os.read(wake_read, KEY_BYTES)
        if fd not in ready:
            return []
        data = os.read(fd, KEY_BYTES)
        return split_keys(data) if data else [QUIT[0]]  # the terminal is gone

    try:
        if before is not None:
            tty.setcbreak(fd, termios.TCSANOW)  # what was typed meanwhile counts
        yield read
    finally:
        if before is not None:
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, resized)
        os.close(wake_read)
        os.close(wake_write)


def split_keys(data: bytes) -> list[bytes]:
    """What was typed, key by key: an escape sequence of three bytes is one key."""
    keys, at = [], 0
    while at < len(data):
        size = 3 if data[at : at + 1] == b"\x1b" and len(data) >= at + 3 else 1
        keys.append(data[at : at + size])
        at += size
    return keys
