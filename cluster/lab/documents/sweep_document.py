"""The types of the lines of a sweep's results, schema 2: a header, then a line for each seed."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from cluster.lab.documents.run_document import Word


class SweepHeader(TypedDict):
    """The first line."""

    schema: Literal[2]
    name: str
    sha256: str
    kinds: list[str]
    as_written: bool
    plant: str
    invariants: bool


class SweepSeed(TypedDict):
    """The line of a seed."""

    seed: int
    verdict: Word
    links: NotRequired[str]
    failed: dict[str, str]
    unknown: dict[str, str]
    faults: list[list[str]]
    recoveries_ns: NotRequired[list[int | None]]
    states: list[str]
    requests: int
    events: int
    virtual_ns: int
    wall_s: float


SweepLine = SweepHeader | SweepSeed
"""What every line is one of."""
