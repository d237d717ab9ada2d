"""The disk controller's view of its two queues in machine memory.

Rules: every field of an entry is hostile: read once, never trusted here. A command is fetched only
when a completion entry can be reserved for it, so the completion queue never overflows.
Source: `actors/abi/disk_controller.py`.
"""

from dataclasses import dataclass

from actors.abi import disk_controller as layout
from actors.abi.disk_controller import COMMAND_HEADER, COMMANDS, SEGMENT, completion_word
from actors.runtime.memory import Memory

_HEADER_BYTES = COMMAND_HEADER.size
_ONE_SEGMENT = COMMANDS[1]


@dataclass(slots=True)
class Command:
    """A submission entry as it was read; `segments` are (mfn, first byte, bytes) rows, unchecked.

    There are none if the entry names more than a command can have.
    """

    opcode: int
    flags: int
    command_id: int
    volume: int
    sector: int
    segments: list[tuple[int, int, int]]


class BadQueueError(Exception):
    """The host set up or rang a queue that cannot be; the message says which value."""


class QueuePair:
    """A submission and a completion queue; BadQueueError unless both lie in memory and have legal sizes."""

    def __init__(self, memory: Memory, sq_mfn: int, sq_entries: int, cq_mfn: int, cq_entries: int) -> None:
        sq_frames = _frames(memory, "submission", sq_mfn, sq_entries, layout.COMMANDS_PER_FRAME)
        cq_frames = _frames(memory, "completion", cq_mfn, cq_entries, layout.COMPLETIONS_PER_FRAME)
        self._sq_frames = [memory.frame(mfn) for mfn in sq_frames]
        self._cq_frames = [memory.frame(mfn).cast("Q") for mfn in cq_frames]
        self._sq_entries = sq_entries
        self._cq_entries = cq_entries
        self._sq_head = 0
        self._sq_tail = 0
        self._cq_head = 0
        self._cq_tail = 0
        self._phase = 1
        self._reserved = 0

    @property
    def unconsumed(self) -> int:
        """Completions that the host has not acknowledged with the CQ head doorbell."""
        return (self._cq_tail - self._cq_head) % self._cq_entries

    @property
    def reserved(self) -> int:
        """Completion entries that are taken or promised to a fetched command."""
        return self._reserved

    def ring_sq_tail(self, tail: int) -> None:
        """The host added commands up to `tail`."""
        if tail >= self._sq_entries:
            raise BadQueueError(f"SQ tail {tail} of {self._sq_entries} entries")
        self._sq_tail = tail

    def ring_cq_head(self, head: int) -> None:
        """The host has taken the completions before `head`."""
        taken = (head - self._cq_head) % self._cq_entries
        if head >= self._cq_entries or taken > self.unconsumed:
            raise BadQueueError(f"CQ head {head} of {self._cq_entries} entries, {self.unconsumed} to take")
        self._cq_head = head
        self._reserved -= taken

    def fetch(self) -> list[Command]:
        """Read new commands, as many as completions can be promised for."""
        commands: list[Command] = []
        head = self._sq_head
        count = min((self._sq_tail - head) % self._sq_entries, self._cq_entries - 1 - self._reserved)
        for _ in range(count):
            frame = self._sq_frames[head >> 5]
            offset = (head & 31) << 7
            opcode, flags, command_id, volume, sector, nr_segments, mfn, first, length = (
                _ONE_SEGMENT.unpack_from(frame, offset)
            )
            if nr_segments == 1:
                segments = [(mfn, first, length)]
            elif nr_segments <= layout.MAX_SEGMENTS:
                start = offset + _HEADER_BYTES
                segments = list(SEGMENT.iter_unpack(frame[start : start + nr_segments * SEGMENT.size]))
            else:
                segments = []
            commands.append(Command(opcode, flags, command_id, volume, sector, segments))
            head += 1
            if head == self._sq_entries:
                head = 0
        self._sq_head = head
        self._reserved += count
        return commands

    def complete(self, command_id: int, status: int) -> None:
        """Write the completion of a fetched command."""
        tail = self._cq_tail
        self._cq_frames[tail >> 9][tail & 511] = completion_word(command_id, status, self._phase)
        tail += 1
        if tail == self._cq_entries:
            tail = 0
            self._phase ^= 1
        self._cq_tail = tail

    def check(self) -> None:
        """No completion without a reservation, no reservation without an entry."""
        assert self.unconsumed <= self._reserved < self._cq_entries, "completion entries promised twice"


def _frames(memory: Memory, which: str, mfn: int, entries: int, per_frame: int) -> range:
    if not layout.MIN_QUEUE_ENTRIES <= entries <= layout.MAX_QUEUE_ENTRIES:
        raise BadQueueError(f"{which} queue of {entries} entries")
    frames = range(mfn, mfn + -(-entries // per_frame))
    if frames.stop > memory.nr_frames:
        raise BadQueueError(f"{which} queue at frame {mfn:#x}, beyond memory")
    return frames
