"""The recovery box: frames of Xen's in which a domain leaves its next life what it served.

A slot holds one `handover` record, and the first one the header, which says, too, whether the store is whole.
A record is written before the device is said to be connected, and taken out before its ring is given back:
none tells of a ring that nobody serves.
Rules: killed between any two bytes, a writer leaves the old record, the new one, or one that is torn: the
checksum of a slot is cleared first and written last, each in one word. What is torn is not there, and its
device is found the slow way. Whoever finds a box reads it once, before anything is kept there.
Source: M. Baker and M. Sullivan, "The Recovery Box" (USENIX 1992); Linux fs/pstore/ram.c for frames that are
named to the kernel at its boot.
"""

from collections.abc import Sequence
from typing import Final

from actors.abi.types import PAGE_SIZE
from actors.kernel.handover import CHECKSUM_BYTES, RECORD_BYTES, Device, Handover
from actors.runtime.memory import Memory
from actors.start_info import StartInfo

MAGIC: Final = 0x58_4F_42_52
_WORDS_A_SLOT: Final = RECORD_BYTES // 4
_SLOTS_A_FRAME: Final = PAGE_SIZE // RECORD_BYTES
_GENERATION: Final = 1
_WHOLE: Final = 2


class RecoveryBox:
    """The box in these machine frames. `found`: what the last life has left there, by device."""

    def __init__(self, memory: Memory, mfns: Sequence[int]) -> None:
        self._words = [memory.words(mfn) for mfn in mfns]
        self._frames = [memory.frame(mfn) for mfn in mfns]
        self._slots: dict[Device, int] = {}
        self._free = list(range(len(mfns) * _SLOTS_A_FRAME - 1, 0, -1))
        if self._words[0][0] != MAGIC:
            self._words[0][_GENERATION] = self._words[0][_WHOLE] = 0
            self._words[0][0] = MAGIC
        self.found = self._read()

    @classmethod
    def named_in(cls, info: StartInfo, memory: Memory) -> "RecoveryBox | None":
        """The box that a domain is told of when it starts, if it is told of one."""
        return cls(memory, range(info.box_mfn, info.box_mfn + info.box_frames)) if info.box_frames else None

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def store_is_whole(self) -> bool:
        """Whether what both ends told the store stands there; it may be although this is not known."""
        return bool(self._words[0][_WHOLE])

    @store_is_whole.setter
    def store_is_whole(self, whole: bool) -> None:
        self._words[0][_WHOLE] = int(whole)

    def next_generation(self) -> int:
        """A number that no connection has had before."""
        header = self._words[0]
        header[_GENERATION] = number = (header[_GENERATION] + 1) & 0xFFFFFFFF
        return int(number)

    def keep(self, handover: Handover) -> bool:
        """Leave this record, in place of any of its device; False if there is no room for it."""
        self.erase(handover.device)
        if not self._free or not handover.fits:
            return False
        slot = self._slots[handover.device] = self._free.pop()
        checksum, body = handover.pack()
        frame, at = divmod(slot, _SLOTS_A_FRAME)
        first = at * RECORD_BYTES + CHECKSUM_BYTES
        self._frames[frame][first : first + len(body)] = body
        self._words[frame][at * _WORDS_A_SLOT] = checksum
        return True

    def erase(self, device: Device) -> None:
        """Leave nothing of this device."""
        slot = self._slots.pop(device, None)
        if slot is not None:
            self._clear(slot)
            self._free.append(slot)

    def clear(self) -> None:
        """Leave nothing."""
        for device in list(self._slots):
            self.erase(device)
        self.found.clear()

    def kept(self) -> list[Handover]:
        """What it holds now, as the next life would find it: looked for in every slot."""
        records = (self._record(slot) for slot in range(1, len(self._frames) * _SLOTS_A_FRAME))
        return [each for each in records if each is not None]

    def _read(self) -> dict[Device, Handover]:
        """What is whole; of two of one device the later one. All the rest is cleared."""
        found: dict[Device, Handover] = {}
        for slot in list(self._free):
            record = self._record(slot)
            if record is None:
                self._clear(slot)
                continue
            other = found.get(record.device)
            if other is not None and other.generation >= record.generation:
                self._clear(slot)
                continue
            self.erase(record.device)
            self._free.remove(slot)
            self._slots[record.device] = slot
            found[record.device] = record
        return found

    def _record(self, slot: int) -> Handover | None:
        frame, at = divmod(slot, _SLOTS_A_FRAME)
        checksum = self._words[frame][at * _WORDS_A_SLOT]
        if not checksum:
            return None
        first = at * RECORD_BYTES
        body = bytes(self._frames[frame][first + CHECKSUM_BYTES : first + RECORD_BYTES])
        return Handover.unpack(checksum, body)

    def _clear(self, slot: int) -> None:
        frame, at = divmod(slot, _SLOTS_A_FRAME)
        self._words[frame][at * _WORDS_A_SLOT] = 0
