"""The driver's end of a submission queue: where it writes commands for the disk to fetch.

Rules: there is room for one command less than there are entries; whoever writes has seen to it.
Source: `actors/abi/disk_controller.py`.
"""

from collections.abc import Sequence

from actors.abi.disk_controller import COMMAND_BYTES, COMMANDS, COMMANDS_PER_FRAME
from actors.runtime.memory import Memory

Segment = tuple[int, int, int]
"""The mfn of a frame, the first byte in it, and how many bytes."""

Command = tuple[int, int, int, int, int, Sequence[Segment]]
"""Opcode, flags, command id, volume, first sector, and at most 11 segments."""

_ONE_SEGMENT = COMMANDS[1]


class SubmissionQueue:
    """A queue in machine frames that lie in a row, 32 entries in each."""

    __slots__ = ("_slots", "_tail", "entries", "first_mfn")

    def __init__(self, memory: Memory, mfns: Sequence[int]) -> None:
        self.first_mfn = mfns[0]
        self._slots = [
            (memory.frame(mfn), offset)
            for mfn in mfns
            for offset in range(0, COMMANDS_PER_FRAME * COMMAND_BYTES, COMMAND_BYTES)
        ]
        self.entries = len(self._slots)
        self._tail = 0

    def reset(self) -> None:
        """The queue is empty and begins again, as a controller that was reset has it."""
        self._tail = 0

    def write(self, commands: Sequence[Command]) -> int:
        """Add commands; what the doorbell is to be rung with, the index after the last of them."""
        slots, tail, entries = self._slots, self._tail, self.entries
        for opcode, flags, command_id, volume, sector, segments in commands:
            frame, offset = slots[tail]
            if len(segments) == 1:
                mfn, first, length = segments[0]
                _ONE_SEGMENT.pack_into(
                    frame, offset, opcode, flags, command_id, volume, sector, 1, mfn, first, length
                )
            else:
                count = len(segments)
                fields = [field for segment in segments for field in segment]
                COMMANDS[count].pack_into(
                    frame, offset, opcode, flags, command_id, volume, sector, count, *fields
                )
            tail += 1
            if tail == entries:
                tail = 0
        self._tail = tail
        return tail
