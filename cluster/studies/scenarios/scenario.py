"""A known failure: a configuration that reproduces it, what is seen then, and what helps against it.

Rules: the file is a configuration with one section more, `scenario`. The cure is the same configuration with
some places changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError

from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.findings import findings_of
from cluster.lab.config.places import NoPlaceError, put_at
from cluster.lab.config.strict import Strict
from cluster.lab.config.yaml_source import YamlSource
from cluster.studies.campaign.case import Case
from cluster.studies.scenarios.claim import Claim

KEY: Final = "scenario"
FOLDER: Final = Path(__file__).parents[3] / "configs" / "scenarios"

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\n]+$")]
Expected = Annotated[dict[str, bool | int | str | None], Field(min_length=1)]


class CureSchema(Strict):
    """What helps: `set` has places of the configuration, and what is to be there."""

    says: Line
    set: Annotated[dict[str, Any], Field(min_length=1)]
    expect: Expected


class ScenarioSchema(Strict):
    """What a scenario has beside its configuration. `expect`: places of `run.json`, and what is there."""

    title: Line
    report: Line
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    expect: Expected
    cure: CureSchema


class _FileSchema(Strict):
    scenario: ScenarioSchema


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
        if KEY not in source.tree:
            right = "scenario: {title: .., report: .., url: .., expect: {..}, cure: {..}}"
            raise ConfigError([Finding(path, 1, "the file is no scenario", f"write {right}")])
        try:
            words = _FileSchema.model_validate({KEY: source.tree[KEY]}).scenario
        except ValidationError as error:
            raise ConfigError(findings_of(error, source, _FileSchema)) from error
        rest = {key: value for key, value in source.tree.items() if key != KEY}
        scenario = cls(path.stem, source.changed(rest), words)
        for cured in (False, True):
            scenario.claims(cured=cured)
        return scenario

    def case(self, *, cured: bool) -> Case:
        """The configuration, as it fails or with the cure. ConfigError."""
        seed = self.source.tree.get("seed", 1)
        case = Case(self.source, seed if isinstance(seed, int) else 1)
        if not cured:
            return case
        tree = case.tree()
        for place, value in self.words.cure.set.items():
            try:
                put_at(tree, place, value)
            except NoPlaceError as error:
                raise ConfigError([self._finding(("cure", "set", place), str(error))]) from error
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
                raise ConfigError([self._finding((*where, place), str(error))]) from error
        return found

    def _finding(self, where: tuple[str, ...], error: str) -> Finding:
        wrong, _, right = error.partition("; ")
        return self.source.finding((KEY, *where), f"{where[-1]}: {wrong}", right)


def known_scenarios() -> dict[str, Path]:
    """The files of those that come with Domzero, by name."""
    return {each.stem: each for each in sorted(FOLDER.glob("*.yaml"))}


def all_scenarios() -> Iterator[Scenario]:
    """Those that come with Domzero. ConfigError."""
    for path in known_scenarios().values():
        yield Scenario.read(path)
