"""What the log of a guest that works with XenStore says, to whoever reads it.

Layout: u64 words, those of `StoreWord`, then for each node the last number issued and acknowledged.
Rules: changes nothing.
"""

from enum import IntEnum
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from pathlib import Path
from typing import Final, Self

MAGIC: Final = int.from_bytes(b"DZstores", "little")
VERSION: Final = 1
WORD_BYTES: Final = 8


class StoreWord(IntEnum):
    """Where each number of the header is, in units of 8 bytes."""

    MAGIC = 0
    VERSION = 1
    NODES = 2
    BOOTS = 3
    WANTED = 4
    ISSUED = 5
    ACKNOWLEDGED = 6
    REFUSED = 7
    READ_BACK = 8
    LOST = 9
    TORN = 10
    WAITING_SINCE_NS = 11
    LONGEST_WAIT_NS = 12


HEADER_WORDS: Final = len(StoreWord)


class StoreLogError(ValueError):
    """A file is not such a log."""


class StoreLogReader:
    """The log of one guest, in `content`."""

    def __init__(self, content: mmap | bytearray) -> None:
        self._words = memoryview(content).cast("Q")

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> Self:
        """Map an existing log. StoreLogError if it is none."""
        if path.stat().st_size < HEADER_WORDS * WORD_BYTES:
            raise StoreLogError(f"{path}: too short for a store log")
        with path.open("rb+" if writable else "rb") as file:
            log = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE if writable else ACCESS_READ))
        if (log.word(StoreWord.MAGIC), log.word(StoreWord.VERSION)) != (MAGIC, VERSION):
            raise StoreLogError(f"{path}: not a store log of version {VERSION}")
        return log

    def word(self, word: StoreWord) -> int:
        """A number of the header."""
        return self._words[word]

    @property
    def nodes(self) -> int:
        """How many nodes the guest writes."""
        return self._words[StoreWord.NODES]
