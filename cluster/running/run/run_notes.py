"""What is written down of a run while it goes on: `about.json`, and the judge's notes.

Rules: that the disk is full, or the folder gone, is said once and ends no run.
"""

import time
from collections.abc import Callable
from pathlib import Path

import trio

from cluster.lab.config.errors import reason_of
from cluster.running.run.about import FILE as ABOUT
from cluster.running.run.about import About
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_state import INTERVAL_S, RunState


class RunNotes:
    """Those of one run, which begins now. `say` tells a person."""

    def __init__(self, directory: RunDirectory, about: About, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._about = about
        self._say = say
        self._began_s = time.monotonic()
        self._state: RunState | None = None
        self._not_written = ""
        directory.write(ABOUT, about.text())

    def follow(self, state: RunState) -> None:
        """Keep these notes of the judge, too."""
        self._state = state

    def enter(self, phase: str) -> None:
        """A phase begins."""
        self._about.enter(phase, self._began_s)
        self._write(lambda: self._directory.write(ABOUT, self._about.text(), sync=False))
        self.keep()

    def keep(self) -> None:
        """Write what the judge is to know by now."""
        if self._state is not None:
            self._write(self._state.keep)

    async def keep_up(self) -> None:
        """Write what has been noted since, now and then."""
        while True:
            await trio.sleep(INTERVAL_S)
            self.keep()

    def end(self, images: list[Path]) -> None:
        """All is over, and these images, which the run did not make, are as it left them. OSError."""
        self._about.end(images)
        self._directory.write(ABOUT, self._about.text())

    def _write(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            reason = reason_of(error)
            if reason != self._not_written:
                self._not_written = reason
                self._say(f"{self._directory.path}: no notes can be kept for `domzero verify`: {reason}")
