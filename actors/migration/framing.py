"""The header and the padding of a record: the same in libxl's and in libxc's stream.

Rules: a body is padded with zeros to a multiple of 8 octets, which its length does not count. Reserved fields
and padding have to be zero, so that what is read can be written again as it was; Xen's own restore ignores
them.
Source: docs/specs/libxc-migration-stream.pandoc; `REC_LENGTH_MAX` of tools/libs/guest/xg_sr_stream_format.h.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from actors.migration.refusal import MalformedError

HEADER: Final = Struct("<II")
"""Type, and octets of the body."""
BODY_BYTES_MAX: Final = 128 << 20
OF_CHECKPOINTS: Final = "this is of a checkpointed stream; a saved or migrated guest has none"
OPTIONAL: Final = 0x80000000
"""The bit of those types that a reader need not know."""


def padding_bytes(length: int) -> int:
    """How many zeros follow a body of `length` octets."""
    return -length % 8


def framed(kind: int, body: bytes = b"") -> bytes:
    """A whole record."""
    if len(body) > BODY_BYTES_MAX:
        raise MalformedError(f"its body has {len(body)} bytes; at most {BODY_BYTES_MAX} are right")
    return HEADER.pack(kind, len(body)) + body + bytes(padding_bytes(len(body)))


@dataclass(frozen=True, slots=True)
class OptionalRecord:
    """A record that a reader need not know; bit 31 of its type is set in any case."""

    kind: int
    body: bytes

    def encode(self) -> bytes:
        """All of it."""
        return framed(self.kind | OPTIONAL, self.body)


def unframed(padded: bytes, length: int) -> bytes:
    """The body in what follows a record header."""
    if any(padded[length:]):
        raise MalformedError(f"its padding is {padded[length:].hex()}; zeros are right")
    return padded[:length]


def check_zero(field: str, value: int) -> None:
    """Refuses a reserved field that is in use."""
    if value:
        raise MalformedError(f"{field} is {value:#x}; 0 is right")


def check_length(body: bytes, right: int) -> None:
    """Refuses a body of another length."""
    if len(body) != right:
        raise MalformedError(f"its body has {len(body)} bytes; {right} are right")


def check_length_min(body: bytes, least: int) -> None:
    """Refuses a body that is shorter."""
    if len(body) < least:
        raise MalformedError(f"its body has {len(body)} bytes; at least {least} are right")
