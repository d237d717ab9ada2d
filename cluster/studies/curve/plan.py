"""All runs of a curve by number, the same in every process, and what is read from each.

Rules: plain data, so that it can be sent. A number is read as `run.json` has it; what is no number there was
not measured. A verdict other than held is said, and its figures count all the same.
"""

import shlex
from dataclasses import dataclass
from functools import cached_property

from cluster.lab.config.places import NoPlaceError, found_at
from cluster.lab.verdict.report import facts_of, report_of
from cluster.running.drivers.simulated import IMAGES, run_simulated
from cluster.studies.campaign.case import Case, first_seed
from cluster.studies.campaign.results import section_header
from cluster.studies.campaign.sweep import DIED
from cluster.studies.campaign.trial import Record, finding_of, sort_in, verdict_of
from cluster.studies.curve.schema import KEY, CurveFile

Place = tuple[str, int | None]
"""A line and the number of a point of it, or None for its baseline."""


@dataclass(frozen=True)
class CurvePlan:
    """A file, and its points in the order of lines, each with its baseline first if there is one."""

    file: CurveFile

    def __reduce__(self) -> tuple[type["CurvePlan"], tuple[object, ...]]:
        """What has been made ready is made again where the plan goes."""
        return CurvePlan, (self.file,)

    @cached_property
    def places(self) -> list[Place]:
        """All of them."""
        words = self.file.words
        baselines = [None] if words.baseline is not None else []
        return [(line, point) for line in words.lines for point in (*baselines, *range(len(words.points)))]

    def check(self) -> None:
        """ConfigError if a point cannot be run; what is wrong with one seed is so with all."""
        for line, point in self.places:
            self.file.case(line, point, first_seed(self.file.source)).cluster()

    @cached_property
    def numbers(self) -> list[int]:
        """All runs, seed by seed."""
        seeds = self.file.words.seeds
        return [place * seeds + at for at in range(seeds) for place in range(len(self.places))]

    def case(self, number: int) -> Case:
        """The configuration of a run. ConfigError."""
        place, at = divmod(number, self.file.words.seeds)
        return self.file.case(*self.places[place], first_seed(self.file.source) + at)

    def record(self, number: int) -> Record:
        """Run one."""
        failed: dict[str, str] = {}
        unknown: dict[str, str] = {}
        figures: list[float | None] = []
        cluster = self.case(number).cluster().placed(IMAGES)
        try:
            supervisor, read_volume = run_simulated(cluster, lambda _what, _text: None, None, trace=False)
            report = report_of(facts_of(cluster, "simulated", supervisor), read_volume)
        except Exception as error:  # noqa: BLE001 (a machine that breaks is a finding)
            failed |= finding_of(error)
        else:
            for check in report.checks:
                sort_in(check, failed, unknown)
            run = report.to_dict()
            figures = [_number_at(run, each.place) for each in self.file.words.figures]
        return self._record(number, failed, unknown, figures)

    def died(self, number: int) -> Record:
        """The record of a run whose process did not live to tell."""
        return self._record(number, {"machines": DIED}, {}, [])

    def _record(
        self, number: int, failed: dict[str, str], unknown: dict[str, str], figures: list[float | None]
    ) -> Record:
        line, point = self.places[number // self.file.words.seeds]
        return {
            "seed": number,
            "line": line,
            "point": point,
            "verdict": verdict_of(failed, unknown),
            "failed": failed,
            "unknown": unknown,
            "figures": figures or [None] * len(self.file.words.figures),
        }

    def replay_command(self, number: int) -> str:
        """The command that runs one again and keeps it."""
        return shlex.join(["domzero", "curve", str(self.file.source.path), "--replay", str(number)])

    def header(self) -> Record:
        """What tells the results of this plan from those of others."""
        return section_header(self.file.source, KEY, self.file.words.model_dump(mode="json"))


def _number_at(run: object, place: str) -> float | None:
    """The number at a place; the greatest of several; None if one of them is none."""
    try:
        found = [value for _, value in found_at(run, place)]
    except NoPlaceError:
        return None
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in found):
        return None
    return float(max(found))
