"""What `xl save` and `xl migrate` write first: a magic, flags, and the domain's configuration as JSON.

Source: `struct save_file_header` of tools/xl/xl.h; `save_domain_core_writeconfig` of
tools/xl/xl_saverestore.c.
Left out: files without a configuration, and configurations in `xl`'s own syntax (Xen 4.4 and earlier).
"""

import json
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from actors.migration.framing import check_zero
from actors.migration.refusal import MalformedError

MAGIC: Final = b"Xen saved domain, xl format\n \0 \r"
BYTE_ORDER: Final = 0x01020304
MANDATORY_JSON: Final = 1
MANDATORY_STREAM_V2: Final = 2
CONFIG_BYTES_MAX: Final = 1 << 20
"""Ours; `xl` has no limit."""

_FIXED: Final = Struct("<32s4I")
_LENGTH: Final = Struct("<I")
FIXED_BYTES: Final = _FIXED.size


def optional_bytes(fixed: bytes) -> int:
    """How many bytes follow the 48 of `fixed`, which are checked."""
    magic, order, mandatory, optional, length = _FIXED.unpack(fixed)
    if magic != MAGIC:
        raise MalformedError(f"it begins with {magic[:12]!r}...; {MAGIC!r} is right")
    if order != BYTE_ORDER:
        raise MalformedError(f"its byte order is {order:#010x}; {BYTE_ORDER:#010x} is right")
    if mandatory != MANDATORY_JSON | MANDATORY_STREAM_V2:
        raise MalformedError(
            f"its mandatory flags are {mandatory:#x}; 0x3 is right (JSON, stream of version 2)"
        )
    check_zero("optional flags", optional)
    if not _LENGTH.size < length <= CONFIG_BYTES_MAX:
        raise MalformedError(f"its optional data has {length} bytes; 5 to {CONFIG_BYTES_MAX} are right")
    return int(length)


def _check_config(text: bytes) -> None:
    try:
        config = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the domain configuration is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise MalformedError(
            "the domain configuration is no JSON object; one with the keys of libxl is right"
        )


@dataclass(frozen=True, slots=True)
class SaveHeader:
    """`config` is the text of a JSON object, as libxl writes a domain's configuration."""

    name: ClassVar[str] = "xl header"
    config: str

    @classmethod
    def parse(cls, optional: bytes) -> Self:
        """From what follows the fixed part."""
        (length,) = _LENGTH.unpack_from(optional)
        if _LENGTH.size + length != len(optional):
            right = len(optional) - _LENGTH.size
            raise MalformedError(f"the domain configuration has {length} bytes; {right} are right")
        text = optional[_LENGTH.size :]
        if text[-1:] != b"\0":
            raise MalformedError("the domain configuration does not end with a NUL")
        _check_config(text[:-1])
        return cls(text[:-1].decode())

    def encode(self) -> bytes:
        """All of it."""
        text = self.config.encode()
        _check_config(text)
        optional = _LENGTH.pack(len(text) + 1) + text + b"\0"
        fixed = _FIXED.pack(MAGIC, BYTE_ORDER, MANDATORY_JSON | MANDATORY_STREAM_V2, 0, len(optional))
        optional_bytes(fixed)
        return fixed + optional
