"""A known failure: a configuration that reproduces it, what is seen then, and what helps against it.

Rules: the file is a configuration with one section more, `scenario`. The cure is the same configuration with
some places changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.section import Changes, Line, change, section_of, without_section
from cluster.lab.config.strict import Strict
from cluster.lab.config.yaml_source import YamlSource
from cluster.studies.campaign.case import Case, first_seed
from cluster.studies.scenarios.claim import Claim

KEY: Final = "scenario"
FOLDER: Final = Path(__file__).parents[3] / "configs" / "scenarios"

Expected = Annotated[dict[str, bool | int | str | None], Field(min_length=1)]


class CureSchema(Strict):
    """What helps: `set` has places of the configuration, and what is to be there."""

    says: Line
    set: Annotated[Changes, Field(min_length=1)]
    expect: Expected


class ScenarioSchema(Strict):
    """What a scenario has beside its configuration. `expect`: places of `run.json`, and what is there."""

    title: Line
    report: Line
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    expect: Expected
    cure: CureSchema


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of them. `source`: the configuration, without what makes it a scenario."""

    name: str
    source: YamlSource
    words: ScenarioSchema

    @classmethod
    def read(cls, path: Path) -> "Scenario":
        """ConfigError if it is none; what else its configuration has wrong is seen when it is run."""
        source = YamlSource.read(path)
        right = "scenario: {title: .., report: .., url: .., expect: {..}, cure: {..}}"
        rest = without_section(source, KEY, "the file is no scenario", right)
        scenario = cls(path.stem, rest, section_of(source, KEY, ScenarioSchema))
        for cured in (False, True):
            scenario.claims(cured=cured)
        return scenario

    def case(self, *, cured: bool) -> Case:
        """The configuration, as it fails or with the cure. ConfigError."""
        case = Case(self.source, first_seed(self.source))
        if not cured:
            return case
        tree = case.tree()
        change(tree, self.words.cure.set, self.source, (KEY, "cure", "set"))
        return case.changed(tree)

    def claims(self, *, cured: bool) -> list[Claim]:
        """What is to be seen then. ConfigError."""
        where, expected = (
            (("cure", "expect"), self.words.cure.expect) if cured else (("expect",), self.words.expect)
        )
        found = []
        for place, wanted in expected.items():
            try:
                found.append(Claim(place, wanted))
            except ValueError as error:
                wrong, _, right = str(error).partition("; ")
                finding = self.source.finding((KEY, *where, place), f"{place}: {wrong}", right)
                raise ConfigError([finding]) from error
        return found


def known_scenarios() -> dict[str, Path]:
    """The files of those that come with Domzero, by name."""
    return {each.stem: each for each in sorted(FOLDER.glob("*.yaml"))}


def all_scenarios() -> Iterator[Scenario]:
    """Those that come with Domzero. ConfigError."""
    for path in known_scenarios().values():
        yield Scenario.read(path)
