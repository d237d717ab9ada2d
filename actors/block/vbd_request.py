"""One request that a block backend has taken from its ring."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.block.mapped_grants import MappedGrant

UNANSWERED = 1


@dataclass(slots=True)
class VbdRequest:
    """`mapping`: of one whose only frame was mapped already; `mappings`: of any other, a row a segment.

    `segments`: (grant reference, first sector, last sector) rows. `status`: a BLKIF_RSP, or UNANSWERED.
    """

    ident: int
    operation: int
    status: int = UNANSWERED
    mapping: MappedGrant | None = None
    sector: int = 0
    segments: Sequence[tuple[int, int, int]] = ()
    mappings: Sequence[MappedGrant] = ()
