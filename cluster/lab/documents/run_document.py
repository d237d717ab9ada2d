"""The types of `run.json`, schema 1."""

from typing import Literal

from typing_extensions import TypedDict

Word = Literal["held", "failed", "unknown"]


class Config(TypedDict):
    """The configuration."""

    path: str
    sha256: str


class DriverDomain(TypedDict):
    """A domain other than dom0 that drives devices."""

    address: str
    name: str
    disks: list[str]
    boots: int


class Host(TypedDict):
    """A host, its policies and boots."""

    name: str
    architecture: str
    hwdom: str
    spare: str
    xenstore: str
    xenstore_restart: str
    reconnect: str
    frontends: list[str]
    drivers_end_machine: bool
    device_models: bool
    virtualised_dom0: bool
    links: str
    boots: int
    dom0_boots: int
    driver_domains: list[DriverDomain]


class ClockGap(TypedDict):
    """A time in which this machine did not run."""

    phase: str
    began_at_ns: int
    ended_at_ns: int
    suspended_ns: int
    lasted_ns: int
    guests: int
    faults: list[str]
    alone: bool


class Fault(TypedDict):
    """A fault that was done to one target, or never fired."""

    id: str
    kind: str
    target: str
    injected_at_ns: int | None
    detected_at_ns: int | None
    recovered_at_ns: int | None
    destroyed: bool
    never_fired: str | None


class FaultTarget(TypedDict):
    """A target that was chosen."""

    fault: int | None
    occurrence: int
    kind: str
    target: str
    cause: str
    selected_at_ns: int
    injected_at_ns: int | None
    ended_at_ns: int | None
    recovered_at_ns: int | None
    injection: str | None
    skipped: str


class OutageNs(TypedDict):
    """Times without a success while there was work."""

    max: int | None
    p99: int | None
    p50: int | None


class Requests(TypedDict):
    """Block requests of a guest."""

    issued: int
    completed: int
    errors: int
    in_flight: int


class GuestConnections(TypedDict):
    """Connections of a guest; null if it does not talk."""

    opened: int | None
    established: int | None
    lived: int | None
    reset: int | None
    timed_out: int | None
    refused: int | None
    given_up: int | None
    abandoned: int | None


class Writes(TypedDict):
    """What became of a guest's writes; null if an image could not be read."""

    acknowledged: int | None
    stable: int | None
    lost: int | None
    stale: int | None
    torn: int | None
    misdirected: int | None
    unacknowledged: int | None


class Guest(TypedDict):
    """A guest."""

    address: str
    name: str
    survived: bool | None
    came_back: bool | None
    boots: int
    outage_ns: OutageNs
    requests: Requests
    connections: GuestConnections
    silence_max_ns: int | None
    writes: Writes


class Connections(TypedDict):
    """Connections of all guests; null if a journal could not be read."""

    opened: int | None
    established: int | None
    lived: int | None
    reset: int | None
    timed_out: int | None
    refused: int | None
    given_up: int | None
    abandoned: int | None


class Bytes(TypedDict):
    """Bytes of streams and documents."""

    sent: int | None
    in_order: int | None
    missing: int | None
    doubled: int | None
    corrupt: int | None


class Datagrams(TypedDict):
    """Echoes and UDP requests."""

    sent: int | None
    answered: int | None
    lost: int | None
    doubled: int | None
    corrupt: int | None


class Talks(TypedDict):
    """What came of all that guests say over their networks."""

    connections: Connections
    bytes: Bytes
    datagrams: Datagrams
    misdelivered: int | None
    documents: int | None
    documents_failed: int | None
    silence_max_ns: int | None


class Check(TypedDict):
    """Something that was checked."""

    name: str
    verdict: Word
    detail: str


class Expectation(TypedDict):
    """A prediction of the configuration."""

    text: str
    verdict: Word


class RunDocument(TypedDict):
    """The report of a run."""

    schema: Literal[1]
    verdict: Word
    driver: Literal["live", "simulated"]
    seed: int
    cut_short: str | None
    config: Config
    hosts: list[Host]
    clock_gaps: list[ClockGap]
    faults: list[Fault]
    fault_targets: list[FaultTarget]
    guests: list[Guest]
    talks: Talks
    checks: list[Check]
    expected: list[Expectation]
