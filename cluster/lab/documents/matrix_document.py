"""The types of `matrix.json`, schema 1."""

from typing import Literal

from pydantic import with_config
from typing_extensions import TypedDict

from cluster.lab.documents.described import DESCRIBED
from cluster.lab.documents.run_document import Word


@with_config(DESCRIBED)
class Bins(TypedDict):
    """What the numbers of `served` count."""

    before_ns: int
    """how long before the first fault the first number of `served` begins"""
    length_ns: int
    """how long each number of `served` counts"""


@with_config(DESCRIBED)
class CellOutageNs(TypedDict):
    """The longest outages of guests."""

    p50: int | None
    """of the longest outages of guests that came back"""
    p99: int | None
    """the same"""
    max: int | None
    """the same"""


@with_config(DESCRIBED)
class Parts(TypedDict):
    """Medians of the parts of a recovery."""

    detect: int | None
    """median of the times from a fault until the hypervisor says that a domain is gone"""
    restart: int | None
    """from there until it runs again"""
    handshake: int | None
    """how long a frontend had no ring"""
    replay: int | None
    """from the new ring to its first answer"""


@with_config(DESCRIBED)
class Cell(TypedDict):
    """One combination of architecture, fault and frontend."""

    architecture: str
    """its place on the axis"""
    fault: str
    """the same; `none` without one"""
    frontend: str
    """the same"""
    verdict: Word
    """of the checks of all trials: `held`, `failed`, `unknown`"""
    fate: Literal["lives", "dies", "hangs", "mixed", "unknown"]
    """what became of the guests: `lives`, `dies`, `hangs`, `mixed`"""
    trials: int
    """how many were run"""
    guests: int
    """of all trials together, as all that follows"""
    survived: int
    """guests that never died, and work"""
    survived_share: float | None
    """of all"""
    survived_interval: list[float] | None
    """in which that lies with 95 % confidence, from and to"""
    broken: int
    """guests that never came back"""
    stuck: int
    """trials after which nobody could shut the guests down in order"""
    errors: int
    """requests that failed"""
    writes_lost: int
    """acknowledged ones"""
    outage_ns: CellOutageNs
    parts_ns: Parts
    outages_ns: list[int]
    """each guest's longest outage, in order"""
    served: list[int]
    """answers around the first fault; empty without one, and in real processes"""
    requests_per_s: float | None
    """of all guests; the costs are read from that of `none`"""
    events_per_request: float | None
    """of the simulation; 0 in real processes"""
    memory_bytes: int
    """of all domains that are no guests"""
    failed_trials: list[int]
    """by number"""
    unknown_trials: list[int]
    """the same"""
    replay: str
    """the command that shows one seed again"""


@with_config(DESCRIBED)
class LiveCell(Cell):
    """One that was run in real processes; the fields of a cell are those of `cells[]`."""

    agrees: bool
    """whether the same became of the guests as in the simulated cell"""


@with_config(DESCRIBED)
class MatrixDocument(TypedDict):
    """What a matrix leaves."""

    schema: Literal[1]
    """1"""
    name: str
    """of the file"""
    sha256: str
    """of what it says"""
    architectures: list[str]
    """the axis, in order"""
    faults: list[str]
    """the axis, without `none`"""
    frontends: list[str]
    """the axis"""
    seeds: int
    """of a cell"""
    bins: Bins
    cells: list[Cell]
    live: list[LiveCell]
