"""The types of `run.json`, schema 1."""

from typing import Literal

from pydantic import with_config
from typing_extensions import TypedDict

from cluster.lab.documents.described import DESCRIBED

Word = Literal["held", "failed", "unknown"]


@with_config(DESCRIBED)
class Config(TypedDict):
    """The configuration."""

    path: str
    """the file as it was named"""
    sha256: str
    """of its bytes, in hexadecimal"""


@with_config(DESCRIBED)
class DriverDomain(TypedDict):
    """A domain other than dom0 that drives devices."""

    address: str
    """of a domain that drives disks"""
    name: str
    """its name"""
    disks: list[str]
    """the physical disks that it drives, by name"""
    boots: int
    """how often it was started"""


@with_config(DESCRIBED)
class Host(TypedDict):
    """A host, its policies and boots."""

    name: str
    """as in the configuration"""
    architecture: str
    """the row of architectures that the host amounts to, or `custom`"""
    hwdom: str
    """what a crash of dom0 leads to: `reboot`, `restart`, `halt`"""
    spare: str
    """what stands by for dom0: `none` or `warm` (spares)"""
    xenstore: str
    """where xenstored lives: `dom0`, `stubdom`"""
    xenstore_restart: str
    """what it keeps when it is started again: `lose`, `live-update`, `persist`"""
    reconnect: str
    """`renegotiate`, `resume`"""
    frontends: list[str]
    """what its guests have, in a list of those that there are"""
    drivers_end_machine: bool
    """whether its driver domains stand for a part of the hypervisor (architectures)"""
    device_models: bool
    """whether a guest's devices are served by a process that is a part of it"""
    virtualised_dom0: bool
    """whether dom0 is fully virtualised, and pays exits for its events"""
    links: str
    """how events go from domain to domain: `hypervisor`, `direct`"""
    boots: int
    """how often the machine was started"""
    dom0_boots: int
    """how often a dom0 was started"""
    driver_domains: list[DriverDomain]


@with_config(DESCRIBED)
class ClockGap(TypedDict):
    """A time in which this machine did not run."""

    phase: str
    """the phase of the run that it was in"""
    began_at_ns: int
    """when the supervisor last had a turn before it"""
    ended_at_ns: int
    """when it had the first one after it"""
    suspended_ns: int
    """for how long the machine was suspended, which is not between these two times"""
    lasted_ns: int
    """how long it was in all"""
    guests: int
    """how many guests had work"""
    faults: list[str]
    """the `id` of every fault from which somebody was recovering"""
    alone: bool
    """whether nobody but the supervisor has met it"""


@with_config(DESCRIBED)
class Fault(TypedDict):
    """A fault that was done to one target, or never fired."""

    id: str
    """its place in the configuration's list, with the number of the time that it was where it comes more than
    once: `2`, `2.3`, of what is left `2.3-2.50`; `x1` and so on for those by hand and from outside"""
    kind: str
    """as `domzero fault list` has it; `kill -9` or `status N` of a process that somebody outside ended"""
    target: str
    """`HOST/NAME` and so on, as in the configuration; the host alone for `host-power-loss`"""
    injected_at_ns: int | None
    """when it was done; null if it never fired"""
    detected_at_ns: int | None
    """when the hypervisor noticed the end of a domain; null for a fault that ends none"""
    recovered_at_ns: int | None
    """when every guest that it touched had been answered again"""
    destroyed: bool
    """whether it was the end of a guest with `on_crash: destroy`: then nothing recovers it"""
    never_fired: str | None
    """why it never came, for people; null for one that did"""


@with_config(DESCRIBED)
class FaultTarget(TypedDict):
    """A target that was chosen."""

    fault: int | None
    """its place in the configuration's list, from 1; null: by hand"""
    occurrence: int
    """which time it was, from 1, of one that comes more than once"""
    kind: str
    """as in `faults[]`"""
    target: str
    """as in `faults[]`"""
    cause: str
    """why then, for people: `at 2 s`, `when fault 1 is recovered`, `by hand`"""
    selected_at_ns: int
    """when it was chosen"""
    injected_at_ns: int | None
    """when it was done; null if it was not"""
    ended_at_ns: int | None
    """when one that lasts was taken away"""
    recovered_at_ns: int | None
    """as in `faults[]`"""
    injection: str | None
    """its `id` in `faults[]`, which has one entry of it for each target; null if nothing was done"""
    skipped: str
    """why nothing was done, for people; empty if something was"""


@with_config(DESCRIBED)
class OutageNs(TypedDict):
    """Times without a success while there was work."""

    max: int | None
    """the longest time without a successful answer while it had work; null if it never came back"""
    p99: int | None
    """of all such times, what 99 of 100 do not pass"""
    p50: int | None
    """of all such times, what half of them do not pass"""


@with_config(DESCRIBED)
class Requests(TypedDict):
    """Block requests of a guest."""

    issued: int
    """block requests, over all of its disks and boots"""
    completed: int
    """those that were answered, well or not"""
    errors: int
    """those that were answered with an error"""
    in_flight: int
    """those that were never answered: issued = completed + in_flight"""


@with_config(DESCRIBED)
class GuestConnections(TypedDict):
    """Connections of a guest; null if it does not talk."""

    opened: int | None
    """connections that it has begun; all of `connections` is null if it does not talk"""
    established: int | None
    """of them: were open at some time"""
    lived: int | None
    """of them: were closed by both ends, or never"""
    reset: int | None
    """ended by a reset"""
    timed_out: int | None
    """given up by TCP, as nothing came back"""
    refused: int | None
    """never open, as nobody listens there"""
    given_up: int | None
    """ended by the guest itself"""
    abandoned: int | None
    """open when it died"""


@with_config(DESCRIBED)
class Writes(TypedDict):
    """What became of a guest's writes; null if an image could not be read."""

    acknowledged: int | None
    """writes that it was told are done; all of `writes` is null if an image could not be read"""
    stable: int | None
    """of them: in the image, or rightly overwritten"""
    lost: int | None
    """of them: not in the image"""
    stale: int | None
    """of them: an older content came back"""
    torn: int | None
    """of them: only a part is there"""
    misdirected: int | None
    """of them: there is what belongs elsewhere"""
    unacknowledged: int | None
    """writes that were never answered, or badly"""


@with_config(DESCRIBED)
class Guest(TypedDict):
    """A guest."""

    address: str
    """of its last domain"""
    name: str
    """as in the configuration, with its number where there are several"""
    survived: bool | None
    """whether it is still the boot that it was at the start, and did I/O to the end"""
    came_back: bool | None
    """whether its workload ended in order: nothing left to do, nothing in flight, no error last; null if
    nobody saw"""
    boots: int
    """how often it was started"""
    outage_ns: OutageNs
    requests: Requests
    connections: GuestConnections
    silence_max_ns: int | None
    """the longest time that one of its talks, or a connection of it, has waited for a sign of life; null if
    it does not talk"""
    writes: Writes


@with_config(DESCRIBED)
class Connections(TypedDict):
    """Connections of all guests; null if a journal could not be read."""

    opened: int | None
    """connections that were begun"""
    established: int | None
    """of them: were open at some time"""
    lived: int | None
    """of them: were closed by both ends, or never"""
    reset: int | None
    """ended by a reset"""
    timed_out: int | None
    """given up by TCP, as nothing came back"""
    refused: int | None
    """never open, as nobody listens there"""
    given_up: int | None
    """ended by the guest, which did not want to wait any longer"""
    abandoned: int | None
    """open when their guest died"""


@with_config(DESCRIBED)
class Bytes(TypedDict):
    """Bytes of streams and documents."""

    sent: int | None
    """bytes of streams that were given to TCP"""
    in_order: int | None
    """bytes of streams and documents that came as they should"""
    missing: int | None
    """bytes that were said to have come, or before whose end the other came, and that did not"""
    doubled: int | None
    """bytes in blocks in which something came again"""
    corrupt: int | None
    """bytes in blocks that nobody has sent"""


@with_config(DESCRIBED)
class Datagrams(TypedDict):
    """Echoes and UDP requests."""

    sent: int | None
    """echoes and UDP requests"""
    answered: int | None
    """of them: had an answer"""
    lost: int | None
    """of them: had none, which is legal"""
    doubled: int | None
    """requests and answers that came again"""
    corrupt: int | None
    """requests and answers that nobody has sent so"""


@with_config(DESCRIBED)
class Talks(TypedDict):
    """What came of all that guests say over their networks."""

    connections: Connections
    bytes: Bytes
    datagrams: Datagrams
    misdelivered: int | None
    """datagrams, and bytes of streams, that came to somebody they were not for"""
    documents: int | None
    """documents that were asked for"""
    documents_failed: int | None
    """of them: did not come as a whole"""
    silence_max_ns: int | None
    """the longest silence of any connection or talk while something was waited for"""


@with_config(DESCRIBED)
class Check(TypedDict):
    """Something that was checked."""

    name: str
    """as in the verdict"""
    verdict: Word
    """`held`, `failed`, `unknown`"""
    detail: str
    """what was seen, for people"""


@with_config(DESCRIBED)
class Expectation(TypedDict):
    """A prediction of the configuration."""

    text: str
    """a prediction of the configuration and what was seen, for people"""
    verdict: Word
    """`held`, `failed`, `unknown`"""


@with_config(DESCRIBED)
class RunDocument(TypedDict):
    """The report of a run."""

    schema: Literal[1]
    """1"""
    verdict: Word
    """`held`, `failed` or `unknown`: over all checks and predictions"""
    driver: Literal["live", "simulated"]
    """`live` (real processes) or `simulated` (virtual time)"""
    seed: int
    """what was drawn follows from it"""
    cut_short: str | None
    """null; of a run that ended without a word, all its processes killed, the phase that it was in: `boot`,
    `workload`, `settle`, `stop`, `shutdown`, `account`, `off`"""
    config: Config
    hosts: list[Host]
    clock_gaps: list[ClockGap]
    faults: list[Fault]
    fault_targets: list[FaultTarget]
    guests: list[Guest]
    talks: Talks
    checks: list[Check]
    expected: list[Expectation]
