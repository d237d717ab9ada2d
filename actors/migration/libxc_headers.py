"""The two headers of libxc's stream, version 3.

Source: docs/specs/libxc-migration-stream.pandoc.
Left out: images of version 2, big-endian ones, and guests that are not x86 PV.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from actors.migration.framing import check_zero
from actors.migration.refusal import MalformedError

MARKER: Final = 0xFFFFFFFFFFFFFFFF
ID: Final = int.from_bytes(b"XENF")
VERSION: Final = 3
X86_PV: Final = 1
X86_HVM: Final = 2
PAGE_SHIFT: Final = 12

_IMAGE: Final = Struct(">QIIHHI")
_DOMAIN: Final = Struct("<IHHII")
IMAGE_BYTES: Final = _IMAGE.size
DOMAIN_BYTES: Final = _DOMAIN.size


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Says that what follows is libxc's, and of which version."""

    name: ClassVar[str] = "image header"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From its 24 bytes."""
        marker, ident, version, options, reserved, reserved_too = _IMAGE.unpack(data)
        if marker != MARKER:
            raise MalformedError(
                f"its marker is {marker:#018x}; {MARKER:#018x} is right (older images have none)"
            )
        if ident != ID:
            raise MalformedError(f"its id is {ident:#010x}; {ID:#010x} is right")
        if version != VERSION:
            raise MalformedError(f"its version is {version}; {VERSION} is right")
        if options:
            raise MalformedError(f"its options are {options:#x}; 0 is right (little-endian)")
        check_zero("a reserved field", reserved or reserved_too)
        return cls()

    def encode(self) -> bytes:
        """Its 24 bytes."""
        return _IMAGE.pack(MARKER, ID, VERSION, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class DomainHeader:
    """An x86 PV guest with pages of 4 KiB, saved under this version of Xen."""

    name: ClassVar[str] = "domain header"
    xen_major: int
    xen_minor: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From its 16 bytes."""
        kind, page_shift, reserved, major, minor = _DOMAIN.unpack(data)
        if kind != X86_PV:
            other = "x86 HVM" if kind == X86_HVM else f"of type {kind:#x}"
            raise MalformedError(f"the guest is {other}; x86 PV (1) is right")
        if page_shift != PAGE_SHIFT:
            raise MalformedError(f"its page shift is {page_shift}; {PAGE_SHIFT} is right")
        check_zero("a reserved field", reserved)
        return cls(major, minor)

    def encode(self) -> bytes:
        """Its 16 bytes."""
        return _DOMAIN.pack(X86_PV, PAGE_SHIFT, 0, self.xen_major, self.xen_minor)
