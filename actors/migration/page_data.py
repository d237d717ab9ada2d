"""The contents of a guest's frames.

Source: docs/specs/libxc-migration-stream.pandoc; `XEN_DOMCTL_PFINFO_*` of xen/include/public/domctl.h.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, Self

from actors.abi.types import PAGE_SIZE
from actors.migration.framing import check_length, check_length_min, check_zero, framed
from actors.migration.libxc_types import LibxcType
from actors.migration.refusal import MalformedError

_COUNT: Final = Struct("<II")
_TYPE_SHIFT: Final = 60
_PFN_BITS: Final = 52


class PageType(IntEnum):
    """What a frame is to the hypervisor."""

    NOTAB = 0x0
    L1TAB = 0x1
    L2TAB = 0x2
    L3TAB = 0x3
    L4TAB = 0x4
    L1TAB_PIN = 0x9
    L2TAB_PIN = 0xA
    L3TAB_PIN = 0xB
    L4TAB_PIN = 0xC
    BROKEN = 0xD
    XALLOC = 0xE
    XTAB = 0xF


WITHOUT_CONTENTS: Final = {PageType.BROKEN, PageType.XALLOC, PageType.XTAB}
_TYPES: Final = set(PageType)


@dataclass(frozen=True, slots=True)
class Page:
    """A frame: its pfn, its type, and its contents, which are empty for types that have none."""

    pfn: int
    type: PageType
    contents: bytes = b""


@dataclass(frozen=True, slots=True)
class PageData:
    """At least one frame."""

    name: ClassVar[str] = "PAGE_DATA"
    pages: tuple[Page, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        check_length_min(body, _COUNT.size + 8)
        count, reserved = _COUNT.unpack_from(body)
        check_zero("a reserved field", reserved)
        check_length_min(body, _COUNT.size + 8 * max(count, 1))
        entries = Struct(f"<{count}Q").unpack_from(body, _COUNT.size)
        kinds = [_type_of(each) for each in entries]
        if not kinds:
            raise MalformedError("it has no frames; at least 1 is right")
        at = _COUNT.size + 8 * count
        full = [kind not in WITHOUT_CONTENTS for kind in kinds]
        check_length(body, at + PAGE_SIZE * sum(full))
        pages = []
        for entry, kind, has_contents in zip(entries, kinds, full, strict=True):
            end = at + PAGE_SIZE * has_contents
            pages.append(Page(entry & (1 << _PFN_BITS) - 1, kind, body[at:end]))
            at = end
        return cls(tuple(pages))

    def encode(self) -> bytes:
        """All of it."""
        if not self.pages:
            raise MalformedError("it has no frames; at least 1 is right")
        for each in self.pages:
            right = 0 if each.type in WITHOUT_CONTENTS else PAGE_SIZE
            if len(each.contents) != right:
                raise MalformedError(f"pfn {each.pfn} has {len(each.contents)} bytes; {right} are right")
            if each.pfn >> _PFN_BITS:
                raise MalformedError(f"pfn {each.pfn:#x} has more than {_PFN_BITS} bits")
        entries = [each.type << _TYPE_SHIFT | each.pfn for each in self.pages]
        body = _COUNT.pack(len(entries), 0) + Struct(f"<{len(entries)}Q").pack(*entries)
        return framed(LibxcType.PAGE_DATA, body + b"".join(each.contents for each in self.pages))


def _type_of(entry: int) -> PageType:
    check_zero(f"bits 52 to 59 of pfn entry {entry:#x}", entry >> _PFN_BITS & 0xFF)
    kind = entry >> _TYPE_SHIFT
    if kind not in _TYPES:
        raise MalformedError(f"pfn entry {entry:#x} has page type {kind:#x}; 0 to 4 or 9 to 15 is right")
    return PageType(kind)
