"""What a domain builder leaves in the first frames of a domain: where its store and console are.

Real start_info is a C structure; ours is a u32 length (little endian) and a msgpack map, in the
frames from gfn 0 on, because the command line of a guest here carries a description of its work. The last
16 bytes of the last of these frames are the domain's: there it counts events that Xen does not see.
Source: xen/include/public/xen.h, struct start_info.
"""

from dataclasses import asdict, dataclass
from typing import Final

import msgpack

from actors.abi.types import PAGE_SIZE
from actors.runtime.memory import Memory

MAGIC = "xen-3.0-x86_64"
MAX_FRAMES = 32
STORE_GFN = MAX_FRAMES
CONSOLE_GFN = MAX_FRAMES + 1
FIRST_FREE_GFN = MAX_FRAMES + 2
COUNTS_GFN: Final = MAX_FRAMES - 1
COUNTS_BYTES: Final = 16
RECORD_BYTES_MAX: Final = MAX_FRAMES * PAGE_SIZE - COUNTS_BYTES


@dataclass(frozen=True, slots=True)
class StartInfo:
    """The start-of-day record. Port 0 and gfn 0 mean that there is none.

    `box_frames` machine frames from `box_mfn` on are Xen's: what is written there outlives this domain.
    """

    nr_pages: int
    store_gfn: int = 0
    store_port: int = 0
    store_domid: int = 0
    console_gfn: int = 0
    console_port: int = 0
    cmd_line: str = ""
    box_mfn: int = 0
    box_frames: int = 0
    magic: str = MAGIC

    def pack(self) -> bytes:
        """The bytes as they lie in memory."""
        body: bytes = msgpack.packb(asdict(self))
        return len(body).to_bytes(4, "little") + body


def read_start_info(memory: Memory, mfns: list[int]) -> StartInfo:
    """The record in these frames, first to last; ValueError when there is none that makes sense."""
    first = memory.frame(mfns[0])
    length = int.from_bytes(first[:4], "little")
    if not 0 < length <= min(len(mfns) * PAGE_SIZE, RECORD_BYTES_MAX) - 4:
        raise ValueError(f"start info of {length} bytes in {len(mfns)} frames")
    frames = mfns[: -(-(length + 4) // PAGE_SIZE)]
    body = b"".join(bytes(memory.frame(mfn)) for mfn in frames)[4 : 4 + length]
    info = StartInfo(**msgpack.unpackb(body))
    if info.magic != MAGIC:
        raise ValueError(f"start info with magic {info.magic!r}")
    return info


def write_start_info(memory: Memory, mfns: list[int], info: StartInfo) -> None:
    """Put the record into these frames; ValueError if they are too few."""
    packed = info.pack()
    if len(packed) > min(len(mfns) * PAGE_SIZE, RECORD_BYTES_MAX):
        raise ValueError(f"start info of {len(packed)} bytes does not fit {len(mfns)} frames")
    for index in range(0, len(packed), PAGE_SIZE):
        part = packed[index : index + PAGE_SIZE]
        memory.frame(mfns[index // PAGE_SIZE])[: len(part)] = part


class DirectCounts:
    """How many events a domain has sent directly, and how many messages with such events it has taken.

    In memory of the domain, which may write what it likes there: it tells of itself only.
    """

    __slots__ = ("_words",)

    def __init__(self, memory: Memory, mfn: int) -> None:
        """`mfn`: the frame at COUNTS_GFN."""
        self._words = memory.frame(mfn)[-COUNTS_BYTES:].cast("Q")

    @property
    def sent(self) -> int:
        """Events that were sent."""
        return self._words[0]

    @sent.setter
    def sent(self, count: int) -> None:
        self._words[0] = count

    @property
    def taken(self) -> int:
        """Messages with events that were taken."""
        return self._words[1]

    @taken.setter
    def taken(self, count: int) -> None:
        self._words[1] = count
