"""What a person sees while a run goes on: a line for each phase and event, the last of them alive.

On a terminal a line stays for what has begun, and below it one line is alive (spinner, what it is, how
much was answered, who is waited for); elsewhere there are plain lines only. All goes to the console given.
Rules: whoever watches may leave: a console that cannot be written to any more never ends a run.
"""

import os
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.supervisor import Supervisor

EVENTS = {
    "fault": "bold red",
    "fault over": "green",
    "never fired": "yellow",
    "detected": "yellow",
    "rebooting": "yellow",
    "reconnecting": "yellow",
    "recovered": "bold green",
    "clock gap": "bold yellow",
    "died": "bold red",
    "halted": "bold red",
    "destroyed": "red",
    "full": "bold yellow",
}
PHASES = {
    "boot": "the hypervisor, dom0, the guests",
    "workload": "the guests work",
    "settle": "what should recover may recover",
    "stop": "the guests finish what is in flight",
    "shutdown": "xl shutdown -a",
    "account": "ports, grants and frames are counted",
    "off": "the disks write back, the power goes",
    "verify": "every acknowledged write is looked for in the images",
}


MIB = 1 << 20


class ProgressConsole(Console):
    """A console on stderr that falls silent when nobody reads it any more."""

    def __init__(self, file: TextIO | None = None) -> None:
        super().__init__(stderr=file is None, file=file, highlight=False, soft_wrap=False)

    def on_broken_pipe(self) -> None:
        """Nobody reads: say nothing any more."""
        self.quiet = True
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)


class Progress:
    """Progress of one run, on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        began_ns = time.monotonic_ns()
        self._elapsed_ns: Callable[[], int] = lambda: time.monotonic_ns() - began_ns
        self._live = console.is_terminal and not console.quiet
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._what = ""

    @classmethod
    def silent(cls) -> "Progress":
        """Progress that nobody sees."""
        return cls(Console(quiet=True))

    def observe(self, what: str, text: str) -> None:
        """A phase begins, or something happened in it. What is not known here is not shown."""
        colour = EVENTS.get(what, "")
        if not colour and what not in PHASES:
            return
        stamp = f"{self._elapsed_ns() / 1e9:7.2f} s"
        shown = f"[{colour}]{what}[/]" if colour else what
        self._print(f"[dim]{stamp}[/]  {shown}: {escape(text or PHASES.get(what, ''))}")
        self._show(what)

    def take_clock(self, elapsed_ns: Callable[[], int]) -> None:
        """Have the times on the left from a clock that is not the wall's, and say so."""
        self._elapsed_ns = elapsed_ns
        self.say("times on the left are virtual: what all this would take, not what it takes to simulate it")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._print(escape(text))

    def watch(self, describe: Callable[[], str]) -> None:
        """Put a short text behind the live line: a figure, and after `; ` what may be cut off."""
        if self._bars is not None and self._task is not None:
            figure, _, rest = describe().partition("; ")
            shown = f"{self._what}  [dim]{escape(figure)}[/]"
            self._bars.update(self._task, description=shown, rest=f"[dim]{escape(rest)}[/]", refresh=True)

    def stop(self) -> None:
        """Take the live line away."""
        self._live = False
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _print(self, markup: str) -> None:
        try:
            self._console.print(markup, highlight=False, soft_wrap=not self._console.is_terminal)
        except OSError:  # the terminal is gone
            self._console.quiet = True

    def _show(self, what: str) -> None:
        if not self._live:
            return
        self._what = what
        if self._bars is None:
            # Not before the first event: its thread must not live while processes are forked here.
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}", table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[rest]}", table_column=Column(no_wrap=True, ratio=1)),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._bars.start()
        if self._task is None:
            self._task = self._bars.add_task(what, total=None, rest="")
        else:
            self._bars.reset(self._task, description=what)


def answered_text(supervisor: Supervisor) -> str:
    """What stands behind the live line: what was answered, and who is waited for."""
    guests = supervisor.lab.guests
    waiting = [
        guests[who].name for each in supervisor.injections if each.is_open for who in each.waiting_guests
    ]
    text = _done(list(guests.values()))
    return (
        f"{text}; waiting for {', '.join(waiting[:4])}{' ...' if len(waiting) > 4 else ''}"
        if waiting
        else text
    )


def _done(guests: list[GuestRecord]) -> str:
    """What was done so far: requests to disks, bytes that talks have carried, and their datagrams."""
    asking = [each for guest in guests for each in guest.talks if each.role is TalkRole.client]
    carrying = [each for each in asking if each.kind in {TalkKind.stream, TalkKind.http}]
    parts = []
    if any(each.journals for each in guests) or not asking:
        parts.append(f"{sum(each.completed for each in guests):,} requests")
    if carrying:
        words = TalkWord.BYTES_RECEIPTED, TalkWord.BYTES_RECEIVED
        size = sum(each.word(word) for each in carrying for word in words)
        parts.append(f"{size / MIB:,.1f} MiB")
    if len(asking) > len(carrying):
        datagrams = sum(each.word(TalkWord.ANSWERED) for each in asking if each not in carrying)
        parts.append(f"{datagrams:,} datagrams")
    return f"{', '.join(parts)} answered"
