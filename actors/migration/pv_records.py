"""Of a paravirtual guest: its address width, its P2M, its vcpus, its shared info and its clock.

Source: docs/specs/libxc-migration-stream.pandoc; tools/libs/guest/xg_sr_restore_x86_pv.c for what is refused.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from actors.abi.types import PAGE_SIZE
from actors.migration.framing import check_length, check_length_min, check_zero, framed
from actors.migration.libxc_types import LibxcType
from actors.migration.refusal import MalformedError

_INFO: Final = Struct("<BBHI")
_RANGE: Final = Struct("<II")
_VCPU: Final = Struct("<II")
_TSC: Final = Struct("<IIQII")
WIDTHS: Final = {(4, 3), (8, 4)}
"""(octets of an address, levels of page tables) of 32-bit and of 64-bit guests."""


@dataclass(frozen=True, slots=True)
class PvInfo:
    """How wide an address of the guest is, in octets, and how many levels its page tables have."""

    name: ClassVar[str] = "X86_PV_INFO"
    guest_width: int
    pt_levels: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        check_length(body, _INFO.size)
        width, levels, reserved, reserved_too = _INFO.unpack(body)
        check_zero("a reserved field", reserved or reserved_too)
        record = cls(width, levels)
        record.check()
        return record

    def check(self) -> None:
        """Refuses what no x86 guest has."""
        if (self.guest_width, self.pt_levels) not in WIDTHS:
            raise MalformedError(
                f"guest width {self.guest_width} with {self.pt_levels} levels; 4 with 3 or 8 with 4 is right"
            )

    def encode(self) -> bytes:
        """All of it."""
        self.check()
        return framed(LibxcType.X86_PV_INFO, _INFO.pack(self.guest_width, self.pt_levels, 0, 0))


@dataclass(frozen=True, slots=True)
class P2mFrames:
    """`frames`: the pfns of the frames that hold the guest's P2M of `start_pfn` to `end_pfn`, inclusive."""

    name: ClassVar[str] = "X86_PV_P2M_FRAMES"
    start_pfn: int
    end_pfn: int
    frames: tuple[int, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        check_length_min(body, _RANGE.size)
        if len(body) % 8:
            raise MalformedError(f"its body has {len(body)} bytes; a multiple of 8 is right")
        start, end = _RANGE.unpack_from(body)
        count = (len(body) - _RANGE.size) // 8
        return cls(start, end, Struct(f"<{count}Q").unpack_from(body, _RANGE.size))

    def check(self, guest_width: int) -> None:
        """Refuses another number of frames than the P2M of a guest of this width takes."""
        if self.start_pfn > self.end_pfn:
            raise MalformedError(f"it begins at pfn {self.start_pfn} and ends at {self.end_pfn}")
        in_frame = PAGE_SIZE // guest_width
        right = self.end_pfn // in_frame - self.start_pfn // in_frame + 1
        if len(self.frames) != right:
            span = f"pfns {self.start_pfn} to {self.end_pfn}"
            raise MalformedError(f"it has {len(self.frames)} frames; {right} are right for {span}")
        if max(self.frames) > self.end_pfn:
            raise MalformedError(f"it names frame {max(self.frames)}; at most {self.end_pfn} is right")

    def encode(self) -> bytes:
        """All of it."""
        body = _RANGE.pack(self.start_pfn, self.end_pfn) + Struct(f"<{len(self.frames)}Q").pack(*self.frames)
        return framed(LibxcType.X86_PV_P2M_FRAMES, body)


@dataclass(frozen=True, slots=True)
class VcpuContext:
    """What a domctl says of `vcpu`; `kind` tells which one (X86_PV_VCPU_BASIC: getvcpucontext)."""

    kind: LibxcType
    vcpu: int
    context: bytes

    @property
    def name(self) -> str:
        """As the specification calls it."""
        return self.kind.name

    @classmethod
    def parse(cls, kind: LibxcType, body: bytes) -> Self:
        """From the body."""
        check_length_min(body, _VCPU.size + 1)
        vcpu, reserved = _VCPU.unpack_from(body)
        check_zero("a reserved field", reserved)
        return cls(kind, vcpu, body[_VCPU.size :])

    def encode(self) -> bytes:
        """All of it."""
        if not self.context:
            raise MalformedError(f"the context of vcpu {self.vcpu} is empty; such a record is left out")
        return framed(self.kind, _VCPU.pack(self.vcpu, 0) + self.context)


@dataclass(frozen=True, slots=True)
class SharedInfo:
    """The contents of the shared info page."""

    name: ClassVar[str] = "SHARED_INFO"
    page: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        check_length(body, PAGE_SIZE)
        return cls(body)

    def encode(self) -> bytes:
        """All of it."""
        check_length(self.page, PAGE_SIZE)
        return framed(LibxcType.SHARED_INFO, self.page)


@dataclass(frozen=True, slots=True)
class TscInfo:
    """How the guest's clock goes: `TSC_MODE_*`, kHz, nanoseconds that it has run, how often it was moved."""

    name: ClassVar[str] = "X86_TSC_INFO"
    mode: int
    khz: int
    nsec: int
    incarnation: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        check_length(body, _TSC.size)
        *fields, reserved = _TSC.unpack(body)
        check_zero("a reserved field", reserved)
        return cls(*fields)

    def encode(self) -> bytes:
        """All of it."""
        return framed(LibxcType.X86_TSC_INFO, _TSC.pack(self.mode, self.khz, self.nsec, self.incarnation, 0))
