"""The machine frames that the driver of a network controller works with."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.abi.network_controller import MAX_QUEUES


@dataclass(frozen=True, slots=True)
class NicFrames:
    """`status` for the status word, a pair of rings (to receive into, to send from) for each queue, buffers.

    The frames of a ring lie in a row. Each buffer is a frame, and each queue has an equal share of them.
    """

    status: int
    rings: Sequence[tuple[Sequence[int], Sequence[int]]]
    buffers: Sequence[int]

    @classmethod
    def in_a_row(cls, frames: Sequence[int], queues: int) -> "NicFrames":
        """One frame a ring; what is left of `frames` is buffers, at least one for each queue."""
        assert 1 <= queues <= MAX_QUEUES, "1 to 8 queues"
        assert len(frames) >= 1 + 3 * queues, "a status word, and two rings and a buffer for each queue"
        status, *rest = frames
        rings = [([rest[2 * queue]], [rest[2 * queue + 1]]) for queue in range(queues)]
        return cls(status, rings, rest[2 * queues :])
