"""Whether all reads and writes of one register can have happened one after the other, each within its time.

Every value is written once, so a value tells its write. What is said of a value spans a zone: from the
first end of an operation on it to the last beginning. Two zones that run forward must not overlap, and
one that runs backward must not lie within one that runs forward: that is all, and it is exact.
Rules: indices of real time, no two alike; a write without an end may happen at any time after its
beginning, or never. The register begins with `initial`.
Source: P. Gibbons, E. Korach, "Testing shared memories", SIAM J. Comput. 26 (1997), section 4.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Access:
    """One read or write of the register; `ended` None: nobody was told that it was done."""

    writes: bool
    value: int
    began: int
    ended: int | None


@dataclass(slots=True)
class _Cluster:
    """A write and the reads of its value."""

    value: int
    write_began: int = FOREVER
    ended_first: int = FOREVER
    began_last: int = -1
    reads: list[Access] = field(default_factory=list)


def register_violation(accesses: list[Access], initial: int = 0) -> str:
    """What cannot be, as text; empty if everything can."""
    clusters = {initial: _Cluster(initial, write_began=-2, ended_first=-1, began_last=-2)}
    for each in accesses:
        if each.writes:
            clusters[each.value] = _Cluster(each.value, each.began, each.ended or FOREVER, each.began)
    for each in accesses:
        if each.writes or each.ended is None:
            continue
        cluster = clusters.get(each.value)
        if cluster is None:
            return f"a read gave {each.value:#x}, which nobody wrote"
        if each.ended < cluster.write_began:
            return f"a read gave {each.value:#x} before it was written"
        cluster.reads.append(each)
        cluster.ended_first = min(cluster.ended_first, each.ended)
        cluster.began_last = max(cluster.began_last, each.began)
    return _overlap([each for each in clusters.values() if each.ended_first < FOREVER])


def _overlap(clusters: list[_Cluster]) -> str:
    forward = sorted(
        (each.ended_first, each.began_last, each.value) for each in clusters if _is_forward(each)
    )
    for (_, end, value), (start, _, other) in pairwise(forward):
        if start < end:
            return f"{value:#x} was there before and after {other:#x}, and each was written once"
    starts = [start for start, _, _ in forward]
    for each in clusters:
        if not _is_forward(each):
            at = bisect_right(starts, each.began_last) - 1
            if at >= 0 and each.ended_first < forward[at][1]:
                return f"{each.value:#x} came and went while {forward[at][2]:#x} was there all the time"
    return ""


def _is_forward(cluster: _Cluster) -> bool:
    return cluster.ended_first < cluster.began_last
