"""The driver's end of a completion queue: what the disk has answered and nobody has taken yet.

Rules: an entry is new if its phase is that of the lap; the disk may write while this reads.
Source: `actors/abi/disk_controller.py`.
"""

from actors.abi.disk_controller import (
    COMPLETION_ID_MASK,
    COMPLETION_PHASE_SHIFT,
    COMPLETION_STATUS_MASK,
    COMPLETION_STATUS_SHIFT,
    COMPLETIONS_PER_FRAME,
)
from actors.runtime.memory import Memory


class CompletionQueue:
    """A queue in one machine frame.

    `head` is the first entry that is not taken yet; `owed` of those before it the disk still takes for full.
    """

    __slots__ = ("_phase", "_words", "head", "mfn", "owed")

    entries = COMPLETIONS_PER_FRAME

    def __init__(self, memory: Memory, mfn: int) -> None:
        self.mfn = mfn
        self._words = memory.frame(mfn).cast("Q")
        self.head = self.owed = 0
        self._phase = 1

    def reset(self) -> None:
        """The queue is all zeroes and begins again, as it must be before a controller is enabled."""
        for index in range(self.entries):
            self._words[index] = 0
        self.head = self.owed = 0
        self._phase = 1

    def take(self) -> list[tuple[int, int]]:
        """What has come since, in order: (command id, status) rows."""
        words, head, phase = self._words, self.head, self._phase
        taken: list[tuple[int, int]] = []
        word = words[head]
        while word >> COMPLETION_PHASE_SHIFT == phase:
            taken.append(
                (word & COMPLETION_ID_MASK, word >> COMPLETION_STATUS_SHIFT & COMPLETION_STATUS_MASK)
            )
            head += 1
            if head == COMPLETIONS_PER_FRAME:
                head = 0
                phase ^= 1
            word = words[head]
        self.head, self._phase = head, phase
        self.owed += len(taken)
        return taken
