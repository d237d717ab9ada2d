"""The types of `matrix.json`, schema 1."""

from typing import Literal

from typing_extensions import TypedDict

from cluster.lab.documents.run_document import OutageNs, Word


class Bins(TypedDict):
    """What the numbers of `served` count."""

    before_ns: int
    length_ns: int


class Parts(TypedDict):
    """Medians of the parts of a recovery."""

    detect: int | None
    restart: int | None
    handshake: int | None
    replay: int | None


class Cell(TypedDict):
    """One combination of architecture, fault and frontend."""

    architecture: str
    fault: str
    frontend: str
    verdict: Word
    fate: Literal["lives", "dies", "hangs", "mixed", "unknown"]
    trials: int
    guests: int
    survived: int
    survived_share: float | None
    survived_interval: list[float] | None
    broken: int
    stuck: int
    errors: int
    writes_lost: int
    outage_ns: OutageNs
    parts_ns: Parts
    outages_ns: list[int]
    served: list[int]
    requests_per_s: float | None
    events_per_request: float | None
    memory_bytes: int
    failed_trials: list[int]
    unknown_trials: list[int]
    replay: str


class LiveCell(Cell):
    """One that was run in real processes."""

    agrees: bool


class MatrixDocument(TypedDict):
    """What a matrix leaves."""

    schema: Literal[1]
    name: str
    sha256: str
    architectures: list[str]
    faults: list[str]
    frontends: list[str]
    seeds: int
    bins: Bins
    cells: list[Cell]
    live: list[LiveCell]
