"""Data on stdout, whatever its reader does: one that leaves early (`| head`) is no error."""

import contextlib
import os
import sys
from collections.abc import Iterator

import click
from rich.console import Console


class DataConsole(Console):
    """A console on stdout whose reader may leave. In a pipe there are no colours, whatever is asked for."""

    def __init__(self) -> None:
        super().__init__(force_terminal=None if sys.stdout.isatty() else False)

    def on_broken_pipe(self) -> None:
        """As `print` has it."""
        raise BrokenPipeError


@contextlib.contextmanager
def whoever_reads() -> Iterator[None]:
    """Write data to stdout; that nobody reads it to the end is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def say(text: str) -> None:
    """A line on stderr, if anybody reads there."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
