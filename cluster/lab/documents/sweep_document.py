"""The types of the lines of a sweep's results, schema 2: a header, then a line for each seed."""

from typing import Literal, NotRequired

from pydantic import with_config
from typing_extensions import TypedDict

from cluster.lab.documents.described import DESCRIBED
from cluster.lab.documents.run_document import Word


@with_config(DESCRIBED)
class SweepHeader(TypedDict):
    """The first line."""

    schema: Literal[2]
    """2; no other line has it"""
    name: str
    """of the configuration"""
    sha256: str
    """of its bytes"""
    kinds: list[str]
    """the kinds of faults that were asked for; empty for all"""
    as_written: bool
    """whether the faults are those of the file"""
    plant: str
    """the bug that was planted; empty for none"""
    invariants: bool
    """whether every machine was checked after every turn"""


@with_config(DESCRIBED)
class SweepSeed(TypedDict):
    """The line of a seed."""

    seed: int
    """`domzero replay FILE --seed N` shows it again"""
    verdict: Word
    """`held`, `failed`, `unknown`"""
    links: NotRequired[str]
    """how events went from domain to domain: `hypervisor`, `direct`, or both where its hosts differ"""
    failed: dict[str, str]
    """the checks that failed: name and what was seen (at most 400 characters)"""
    unknown: dict[str, str]
    """the same of those that are unknown"""
    faults: list[list[str]]
    """what was done: kind and target of each, written as in `faults[]`"""
    recoveries_ns: NotRequired[list[int | None]]
    """for each of `faults`, in the same order, how long it took until all I/O flowed again; null if it never
    did. Results of older versions have no such field"""
    states: list[str]
    """the states that ends of devices were in when a fault struck, each with its class and end: `vbd frontend
    Connected`"""
    requests: int
    """block requests that were issued"""
    events: int
    """events that machines have handled"""
    virtual_ns: int
    """how long the run was, in virtual time"""
    wall_s: float
    """how long it took, in seconds; the one field that another run of the seed does not give again"""


SweepLine = SweepHeader | SweepSeed
"""What every line is one of."""
