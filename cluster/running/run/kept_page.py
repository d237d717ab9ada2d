"""What is left of a run to look at: `timeline.json`, beside the report.

Rules: a disk that is full is no reason to lose a verdict: what cannot be written is said.
"""

from collections.abc import Callable
from typing import Final

from cluster.lab.config.errors import reason_of
from cluster.lab.verdict.run_facts import RunFacts
from cluster.lab.verdict.timeline import timeline_of
from cluster.running.run.run_directory import RunDirectory

TIMELINE: Final = "timeline.json"


def keep_timeline(directory: RunDirectory, facts: RunFacts, say: Callable[[str], None]) -> None:
    """Write the timeline of a run that is judged; `say` is told if that cannot be done."""
    try:
        directory.write(TIMELINE, timeline_of(facts).to_json() + "\n")
    except OSError as error:
        say(f"{directory.path / TIMELINE} was not written: {reason_of(error)}")
