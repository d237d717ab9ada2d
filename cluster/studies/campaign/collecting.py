"""Records of a sweep as they come: kept, counted, and shown to whoever waits."""

import signal
from collections.abc import Callable, Collection, Iterator

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cluster.studies.campaign.results import Results
from cluster.studies.campaign.summary import failure_text
from cluster.studies.campaign.trial import Record


def collect(
    records: Iterator[Record], results: Results, wanted: Collection[int], replay: Callable[[int], str]
) -> bool:
    """Keep what comes, and show how far it is; True if it was interrupted.

    `replay(seed)` is the command that shows a seed again.
    """
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[failures]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    before = len(wanted) - len(results.missing(wanted))
    task = bars.add_task("seeds", total=len(wanted), completed=before, rate="", failures="")
    bad = 0
    handler = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with bars:
            for record in records:
                if not results.add(record):
                    continue
                if record["verdict"] != "held":
                    bad += 1
                    bars.console.print(failure_text(record), highlight=False, soft_wrap=True)
                    bars.console.print(
                        f"    {escape(replay(record['seed']))}", highlight=False, soft_wrap=True
                    )
                speed = bars.tasks[0].speed
                rate = f"{speed:,.1f}/s" if speed else ""
                bars.update(task, advance=1, rate=rate, failures=f"[red]{bad} bad[/]" if bad else "0 bad")
    except KeyboardInterrupt:
        click.echo("interrupted: what is done is kept; the same command goes on from here", err=True)
        return True
    finally:
        signal.signal(signal.SIGTERM, handler)
        _close(records)
    return False


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _close(records: Iterator[Record]) -> None:
    close: Callable[[], None] | None = getattr(records, "close", None)
    if close is not None:
        close()
