"""What a block frontend remembers of a request in flight: enough to issue it once more.

Rules: a shadow is in use from the moment its request is in the ring until it is answered; its place
in the table is the id of the request. `number` grows with every request: it is the order of issue.
Source: Linux drivers/block/xen-blkfront.c (struct blk_shadow).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.block.data_frames import DataFrame

Done = Callable[[int, "bytes | memoryview | None"], None]
"""Called once with a BLKIF_RSP status, and the data of a read: valid only until the call returns."""

UNUSED = -1


def _nobody(_status: int, _data: bytes | memoryview | None) -> None:
    """What is called for a shadow that is not in use: never."""


@dataclass(slots=True)
class Shadow:
    """One request in flight; `operation` is UNUSED when there is none."""

    ident: int
    operation: int = UNUSED
    sector: int = 0
    nr_sectors: int = 0
    frames: list[DataFrame] = field(default_factory=list)
    done: Done = _nobody
    issued_ns: int = 0
    number: int = 0
