"""What a backend leaves to the one that takes its place, in case it dies: a record of fixed size.

Rules: it says no more than a frontend has offered and the backend has accepted; who takes over checks each
word of it against what is there. A record that was torn by a death is none: its checksum comes last, and
covers all the rest. Source: M. Baker and M. Sullivan, "The Recovery Box" (USENIX 1992); the layout is ours.
"""

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import Final

RECORD_BYTES: Final = 64
CHECKSUM_BYTES: Final = 4
_BODY: Final = Struct("<8s32sHHIIII")
assert CHECKSUM_BYTES + _BODY.size == RECORD_BYTES, "a record fills its slot"
Device = tuple[str, int, int]
"""(class, domain of the frontend, number)."""
_CLASS_BYTES: Final = 8
_BACKING_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Handover:
    """One connection: of which device (class, `domid` of its frontend, `number`), and to what.

    `backing` names what the device gives access to; `ring_ref` and `remote_port` are the frontend's offer,
    `persistent` whether it keeps grants. No other connection has had its `generation`; the ring has it, too.
    """

    device_class: str
    domid: int
    number: int
    backing: str
    ring_ref: int
    remote_port: int
    persistent: bool
    generation: int

    @property
    def device(self) -> Device:
        """Which one it is."""
        return self.device_class, self.domid, self.number

    @property
    def fits(self) -> bool:
        """Whether a record can hold it."""
        return len(self.device_class) <= _CLASS_BYTES and len(self.backing) <= _BACKING_BYTES

    def pack(self) -> tuple[int, bytes]:
        """The checksum, which is never 0, and what it covers. ValueError if it does not fit."""
        if not self.fits:
            raise ValueError(f"{self} is too long for a record")
        body = _BODY.pack(
            self.device_class.encode("ascii"),
            self.backing.encode("ascii"),
            self.domid,
            int(self.persistent),
            self.number,
            self.ring_ref,
            self.remote_port,
            self.generation,
        )
        return _checksum(body), body

    @classmethod
    def unpack(cls, checksum: int, body: bytes) -> "Handover | None":
        """The record, or None if it is none, or half of one."""
        if not checksum or checksum != _checksum(body):
            return None
        name, backing, domid, persistent, number, ref, port, generation = _BODY.unpack(body)
        words = (each.rstrip(b"\0").decode("ascii") for each in (name, backing))
        device_class, volume = words
        return cls(device_class, domid, number, volume, ref, port, bool(persistent), generation)


def _checksum(body: bytes) -> int:
    return zlib.crc32(body) or 1
