"""What a sweep does with a seed: the same in every process and on every machine.

Rules: plain data, so that it can be sent; a seed's record is a function of the plan and of the code.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from actors.policies import Links
from cluster.lab.config.yaml_source import YamlSource
from cluster.studies.campaign.case import Case
from cluster.studies.campaign.generator import Generator
from cluster.studies.campaign.planted import planted
from cluster.studies.campaign.sweep import DIED
from cluster.studies.campaign.trial import Finished, Record, Trial, run_trial


@dataclass(frozen=True)
class SweepSettings:
    """A file and how to sweep it. `as_written`: with the file's own faults instead of generated ones."""

    source: YamlSource
    kinds: tuple[str, ...] = ()
    as_written: bool = False
    plant: str = ""
    invariants: bool = True

    def __reduce__(self) -> tuple[type["SweepSettings"], tuple[object, ...]]:
        """What has been made ready is made again where the plan goes."""
        return SweepSettings, (self.source, self.kinds, self.as_written, self.plant, self.invariants)

    @cached_property
    def base(self) -> Case:
        """The file without predictions, unless its own faults are used. ConfigError."""
        case = Case(self.source, 0)
        return case if self.as_written else case.without_predictions()

    @cached_property
    def generator(self) -> Generator:
        """What makes the schedules. ConfigError."""
        return Generator(self.base.cluster(), self.kinds)

    def case(self, seed: int) -> Case:
        """The case of a seed; odd ones have direct links, unless the file says what it wants."""
        case = Case(self.base.source, seed)
        if self.as_written:
            return case
        links = Links.direct if seed % 2 else Links.hypervisor
        return case.with_faults(self.generator.schedule(seed)).with_links(links)

    def run(self, seed: int, directory: Path | None = None) -> Finished:
        """Run a seed. ConfigError."""
        return self.run_case(self.case(seed), directory)

    def run_case(self, case: Case, directory: Path | None = None) -> Finished:
        """Run a case the way that this plan runs its own. ConfigError."""
        with planted(self.plant):
            return run_trial(case, invariants=self.invariants, directory=directory)

    def record(self, seed: int) -> Record:
        """What is kept of a seed."""
        return self.run(seed).trial.to_record()

    def died(self, seed: int) -> Record:
        """What is kept of a seed whose process did not live to tell."""
        return Trial(seed, "failed", failed={"machines": DIED}).to_record()

    def header(self) -> Record:
        """What tells the results of this plan from those of others."""
        return {
            "name": str(self.source.tree.get("name", "")),
            "sha256": hashlib.sha256(self.source.content).hexdigest(),
            "kinds": list(self.kinds),
            "as_written": self.as_written,
            "plant": self.plant,
            "invariants": self.invariants,
        }

    def replay_command(self, seed: int) -> str:
        """What a person types to see a seed again."""
        words = ["domzero", "replay", str(self.source.path), "--seed", str(seed)]
        words += [word for kind in self.kinds for word in ("--kind", kind)]
        words += ["--as-written"] if self.as_written else []
        words += ["--plant", self.plant] if self.plant else []
        return " ".join(json.dumps(each) if " " in each else each for each in words)
