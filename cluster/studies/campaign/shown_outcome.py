"""What came of a study of many runs, kept in its folder and shown to whoever waits."""

import json
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console

from cluster.lab.terminal.data_console import DataConsole, whoever_reads
from cluster.studies.campaign.trial import Record


class Outcome(Protocol):
    """All runs of a study together."""

    def to_dict(self) -> Record:
        """As data for programs."""

    def write(self, folder: Path) -> None:
        """Keep it, and its page."""

    def print(self, console: Console) -> None:
        """What a person reads."""


def keep_and_show(outcome: Outcome, folder: Path, *, as_json: bool) -> None:
    """Write an outcome into the folder of its results, and print it for a person, or for a program."""
    outcome.write(folder)
    with whoever_reads():
        if as_json:
            click.echo(json.dumps(outcome.to_dict(), indent=2))
        else:
            outcome.print(DataConsole())
    click.echo(f"results: {folder}", err=True)
