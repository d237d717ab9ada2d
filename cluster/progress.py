"""What a person sees while a run goes on: one live line for the phase, lines for what happens.

On a terminal the phase's line is alive (spinner, elapsed time, what is being waited for); elsewhere
every phase and event is a plain line. All of it goes to the console given, which is stderr.
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

EVENTS = {
    "fault": "[bold red]fault[/]",
    "detected": "[yellow]detected[/]",
    "rebooting": "[yellow]rebooting[/]",
    "reconnecting": "[yellow]reconnecting[/]",
    "recovered": "[bold green]recovered[/]",
}
PHASES = {
    "boot": "boot: the hypervisor, dom0, the guests",
    "workload": "workload: the guests do disk I/O",
    "settle": "settle: what should recover may recover",
    "stop": "stop: the guests finish what is in flight",
    "shutdown": "shutdown: xl shutdown -a",
    "account": "account: ports, grants and frames are counted",
    "off": "off: the disks write back, the power goes",
    "verify": "verify: every acknowledged write is looked for in the images",
}


class Progress:
    """Progress of one run, on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._phase_text = ""
        if console.is_terminal:
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._bars.start()

    @classmethod
    def silent(cls) -> "Progress":
        """Progress that nobody sees."""
        return cls(Console(quiet=True))

    def observe(self, what: str, text: str) -> None:
        """A phase begins, or something happened in it."""
        stamp = f"{time.monotonic() - self._began:7.2f} s"
        if what in EVENTS:
            self._console.print(f"[dim]{stamp}[/]  {EVENTS[what]}: {escape(text)}", highlight=False)
        elif what in PHASES:
            self._phase(stamp, PHASES[what])

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(escape(text), highlight=False)

    def watch(self, describe: Callable[[], str]) -> None:
        """Put a short text behind the phase's line (requests so far, who is being waited for)."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=f"{self._phase_text}  [dim]{escape(describe())}[/]")

    def stop(self) -> None:
        """Take the live line away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _phase(self, stamp: str, text: str) -> None:
        self._phase_text = text
        if self._bars is None:
            self._console.print(f"{stamp}  {text}", highlight=False)
            return
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._console.print(f"[dim]{stamp}[/]  {text}", highlight=False)
        self._task = self._bars.add_task(text, total=None)
