"""What is left of a run to look at: `timeline.json` and `report.html`, beside the report.

Rules: the page is made of what is in the directory alone, so it can be made again. A disk that is full is no
reason to lose a verdict: what cannot be written is said. Nothing but a page of ours is ever overwritten.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cluster.lab.config.errors import reason_of
from cluster.lab.page.rendering import is_page
from cluster.lab.page.run_page import RunPage
from cluster.lab.verdict.run_facts import RunFacts
from cluster.lab.verdict.summary import Document
from cluster.lab.verdict.timeline import Timeline, timeline_of
from cluster.running.run.about import About
from cluster.running.run.kept_report import read_report
from cluster.running.run.kept_values import KeptError
from cluster.running.run.run_directory import RunDirectory

TIMELINE: Final = "timeline.json"
PAGE: Final = "report.html"
REPORT: Final = "run.json"
SOURCE_MAX: Final = 1 << 18
"""So much of a configuration file is on a page, in characters."""


def keep_page(directory: RunDirectory, facts: RunFacts, say: Callable[[str], None]) -> None:
    """Write the timeline and the page of a run whose `run.json` is there; `say` is told if it cannot be."""
    try:
        directory.write(TIMELINE, timeline_of(facts).to_json() + "\n")
        directory.write(PAGE, page_of(directory.path))
    except OSError as error:
        say(f"no page: {error.filename or directory.path}: {reason_of(error)}")
    except KeptError as error:
        say(f"no page: {error}")


def page_of(path: Path) -> str:
    """The page of the run in a directory. KeptError if that holds none, or no report of it yet."""
    about = About.read(path)
    run = _run(path)
    sources = list(_sources(path, about))
    return RunPage(about.name, run, _timeline(path), _about_rows(about), sources).text()


def write_page(path: Path, text: str) -> None:
    """Write a page. KeptError if there is something else than a page of ours, or it cannot be written."""
    try:
        if path.exists() and not is_page(path):
            raise KeptError(f"{path} is there and is no page of domzero; name another file with -o FILE")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise KeptError(f"{path}: {reason_of(error)}") from error


def _run(path: Path) -> Document:
    """The report, which is read by its keys as `summary` does."""
    file = path / REPORT
    try:
        return read_report(file)
    except FileNotFoundError as error:
        raise KeptError(
            f"{path} has no {REPORT}: the run goes on, or was cut short; `domzero verify {path}` judges it"
        ) from error


def _timeline(path: Path) -> Timeline | None:
    """None for a run of a version that kept none."""
    file = path / TIMELINE
    try:
        return Timeline.of_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KeptError(f"{file}: {_reason(error)}") from error


def _reason(error: OSError | ValueError) -> str:
    return reason_of(error) if isinstance(error, OSError) else f"not as it was written: {_first_line(error)}"


def _first_line(error: ValueError) -> str:
    return next(iter(str(error).splitlines()), "")


def _sources(path: Path, about: About) -> Iterator[tuple[str, str]]:
    for each in about.configuration:
        try:
            text = (path / each["file"]).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            text = reason_of(error)
        yield each["file"], text[:SOURCE_MAX]


def _about_rows(about: About) -> list[tuple[str, str]]:
    """What a reader elsewhere wants to know; not whose machine it was, nor where on it."""
    machine = about.machine
    return [
        ("command", " ".join(about.command)),
        ("began", about.began),
        ("ended", about.ended or "?"),
        ("domzero", f"{about.domzero}, source {about.source_sha256[:12]}"),
        ("python", about.python),
        (
            "processor",
            f"{machine.get('processor') or machine.get('architecture')}, {machine.get('cpus')} cpus",
        ),
        ("load at start", ", ".join(f"{each:g}" for each in about.load_at_start)),
    ]
