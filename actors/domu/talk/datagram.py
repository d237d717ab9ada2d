"""A datagram that says who sent it, for whom, and as the how-manyeth; with a checksum of its own.

    0 magic u32, 4 crc32, 8 number u64, 16 sender u32, 20 receiver u32, 24 sent_ns u64, 32 talk u32,
    36 size u16, 38 answer u16, 40 a window into a pad of random bytes (all little endian)

Rules: the crc covers all but itself. An answer carries number, time and window of what it answers.
"""

from dataclasses import dataclass
from hashlib import shake_128
from struct import Struct
from typing import Final
from zlib import crc32

from actors.domu.talk.content import SPREAD, STRIDE, WINDOWS

DATAGRAM_MAGIC: Final = 0x445A4D44
_HEAD: Final = Struct("<IIQIIQIHH")
HEAD_BYTES: Final = _HEAD.size
DATAGRAM_BYTES_MAX: Final = 0xFFFF
_SUM: Final = Struct("<I")


@dataclass(frozen=True, slots=True)
class Datagram:
    """What is written on one, as it came; `crc` is that of all it holds, `told` the one that it carries."""

    magic: int
    told: int
    number: int
    sender: int
    receiver: int
    sent_ns: int
    talk: int
    size: int
    answer: int
    crc: int

    @property
    def intact(self) -> bool:
        """Whether it is what somebody of ours has sent."""
        return self.magic == DATAGRAM_MAGIC and self.told == self.crc


def read_datagram(data: bytes) -> Datagram | None:
    """What `data` says of itself, intact or not; None if it is too short to say anything."""
    if len(data) < HEAD_BYTES:
        return None
    magic, told, number, sender, receiver, sent_ns, talk, size, answer = _HEAD.unpack_from(data)
    return Datagram(magic, told, number, sender, receiver, sent_ns, talk, size, answer, _checksum(data))


def answer_to(data: bytes, sender: int) -> bytes:
    """The answer by guest `sender` to an intact datagram."""
    _, _, number, asker, _, sent_ns, talk, size, _ = _HEAD.unpack_from(data)
    head = _HEAD.pack(DATAGRAM_MAGIC, 0, number, sender, asker, sent_ns, talk, size, 1)
    return _sealed(head + data[HEAD_BYTES:])


def _checksum(data: bytes) -> int:
    return crc32(memoryview(data)[8:], crc32(data[:4]))


def _sealed(data: bytes) -> bytes:
    return data[:4] + _SUM.pack(_checksum(data)) + data[8:]


class Datagrams:
    """Those of one sender to one receiver, as part of one of its talks."""

    def __init__(self, talk: int, sender: int, receiver: int, size: int) -> None:
        """`size`: bytes of each, from `HEAD_BYTES` to `DATAGRAM_BYTES_MAX`."""
        self._size = size
        self._ends = (sender, receiver)
        self._talk = talk
        seed = f"datagram {talk}/{sender}/{receiver}".encode()
        self._pad = shake_128(seed).digest(SPREAD + size)

    def make(self, number: int, now_ns: int) -> bytes:
        """Number `number`, sent now."""
        head = _HEAD.pack(DATAGRAM_MAGIC, 0, number, *self._ends, now_ns, self._talk, self._size, 0)
        start = number % WINDOWS * STRIDE % SPREAD
        return _sealed(head + self._pad[start : start + self._size - HEAD_BYTES])
