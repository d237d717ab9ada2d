"""Documents whose bytes follow from their name, so that whoever knows the name can check them.

`10M`, `index-4096`: the name ends with the size, in bytes, or in KiB, MiB or GiB. `10M.sha256` is the line
that `sha256sum` prints of `10M`. The ETag follows from the name, too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zlib import crc32

from actors.domu.talk.content import BLOCK_MAX, Content
from actors.notebook.talk_rows import DOCUMENT_BYTES_MAX

DOCUMENT_MAX: Final = 1 << 40
DIGEST_MAX: Final = 64 << 20
"""Of larger documents no digest is made: a guest does nothing else meanwhile."""
_NAME: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*-)?([0-9]{1,13})([KMG]?)")
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SUFFIX: Final = ".sha256"


@dataclass(frozen=True, slots=True)
class Document:
    """Its name, its size, and its bytes if they are not those of a `Content`."""

    name: str
    size: int
    text: bytes | None = None

    @property
    def etag(self) -> str:
        """With its quotes."""
        return f'"{sha256(self.name.encode()).hexdigest()[:32]}"'

    def read(self, offset: int, size: int) -> bytes:
        """The bytes of [offset, offset + size), which are in it."""
        if self.text is not None:
            return self.text[offset : offset + size]
        return _content(self.name).read(offset, size)

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """Its bytes from `start` to `end`, in pieces that are cheap to make."""
        while start < end:
            stop = min(end, (start // BLOCK_MAX + 1) * BLOCK_MAX)
            yield self.read(start, stop - start)
            start = stop

    def checksum(self) -> int:
        """Its CRC-32."""
        crc = 0
        for block in self.blocks(0, self.size):
            crc = crc32(block, crc)
        return crc


@lru_cache(maxsize=64)
def _content(name: str) -> Content:
    return Content(int.from_bytes(sha256(name.encode()).digest()[:8], "little"), 0, 0, BLOCK_MAX)


@lru_cache(maxsize=64)
def _digest(name: str) -> str:
    document = find_document(name)
    assert document is not None, "only documents have digests"
    digest = sha256()
    for block in document.blocks(0, document.size):
        digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=64)
def document_checksum(name: str) -> int:
    """The CRC-32 of the document of a name that has one."""
    document = find_document(name)
    return document.checksum() if document is not None else 0


def find_document(name: str) -> Document | None:
    """The document of a name, or None."""
    if len(name.encode()) > DOCUMENT_BYTES_MAX:
        return None
    if name.endswith(_SUFFIX):
        named = find_document(name.removesuffix(_SUFFIX))
        if named is None or named.text is not None or named.size > DIGEST_MAX:
            return None
        text = f"{_digest(named.name)}  {named.name}\n".encode()
        return Document(name, len(text), text)
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    size = int(match[1]) * _UNITS[match[2]]
    return Document(name, size) if size <= DOCUMENT_MAX else None
