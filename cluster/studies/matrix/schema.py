"""A file of a matrix: the axes below `matrix`, and beside it one host as in any configuration.

The host is that of each cell; its `driver_domains` are those of the architectures that have some. In a target
and in a guest's `backend`, `$driver` is the domain that drives the first disk: the first driver domain, or
dom0.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from actors.policies import Frontend
from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.section import section_of, without_section
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import AboveZero, ArchitectureName, Name
from cluster.lab.config.yaml_source import YamlSource

KEY: Final = "matrix"
DRIVER: Final = "$driver"
NONE: Final = "none"
"""The column without a fault, which every matrix has: what the others are compared with."""

SomeFrontend = Annotated[Frontend, Field(strict=False)]


class AxesSchema(Strict):
    """What is combined. `faults`: of each column, as in `faults:` of a configuration.

    A fault without `at` and `when` strikes at a time between the two of `at`, drawn anew for each seed.
    """

    architectures: Annotated[list[ArchitectureName], Field(min_length=1)]
    faults: Annotated[dict[Name, Annotated[list[dict[str, Any]], Field(min_length=1)]], Field(min_length=1)]
    frontends: Annotated[list[SomeFrontend], Field(min_length=1)]
    seeds: Annotated[int, Field(ge=1, le=100_000)] = 20
    at: Annotated[list[AboveZero], Field(min_length=2, max_length=2)] = [30_000_000, 90_000_000]


@dataclass(frozen=True)
class MatrixFile:
    """What a file says. `source`: the configuration that is left when the axes are taken out."""

    source: YamlSource
    axes: AxesSchema

    @classmethod
    def read(cls, path: Path) -> "MatrixFile":
        """ConfigError if it is no matrix; what a cell has wrong beside is seen when it is made."""
        source = YamlSource.read(path)
        right = "matrix: {architectures: [...], faults: {...}, frontends: [...]}"
        rest = without_section(source, KEY, "the file has no matrix", right)
        if "faults" in source.tree:
            wrong = "the faults of a matrix are its columns"
            raise ConfigError([source.finding(("faults",), wrong, "write them below matrix: faults:")])
        axes = section_of(source, KEY, AxesSchema)
        findings = list(_axis_findings(source, axes))
        if findings:
            raise ConfigError(findings)
        return cls(rest, axes)


def _axis_findings(source: YamlSource, axes: AxesSchema) -> list[Finding]:
    """What no single value shows: a value that is there twice, a window that ends before it begins."""
    found = []
    for name, values in (("architectures", axes.architectures), ("frontends", axes.frontends)):
        if len(set(values)) < len(values):
            found.append(source.finding((KEY, name), f"a value of {name} is there twice", "write it once"))
    if NONE in axes.faults:
        wrong = f"{NONE} is the column without a fault, which is always there"
        found.append(source.finding((KEY, "faults", NONE), wrong, "call this one otherwise"))
    if axes.at[0] > axes.at[1]:
        found.append(source.finding((KEY, "at"), "at ends before it begins", "write at: [30ms, 90ms]"))
    return found
