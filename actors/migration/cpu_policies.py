"""What a guest's processor looks like: CPUID leaves and MSRs, as `XEN_DOMCTL_get_cpu_policy` gives them.

Source: docs/specs/libxc-migration-stream.pandoc; `xen_cpuid_leaf_t` and `xen_msr_entry_t` of
xen/include/public/arch-x86/xen.h.
"""

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, NamedTuple, Self

from actors.migration.framing import check_zero, framed
from actors.migration.libxc_types import LibxcType
from actors.migration.refusal import MalformedError

_LEAF: Final = Struct("<6I")
_MSR: Final = Struct("<IIQ")


class CpuidLeaf(NamedTuple):
    """What CPUID answers for a leaf and a subleaf."""

    leaf: int
    subleaf: int
    a: int
    b: int
    c: int
    d: int


class Msr(NamedTuple):
    """A model-specific register and its value."""

    register: int
    value: int


@dataclass(frozen=True, slots=True)
class CpuidPolicy:
    """At least one leaf."""

    name: ClassVar[str] = "X86_CPUID_POLICY"
    leaves: tuple[CpuidLeaf, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        _check_entries(len(body), _LEAF.size)
        return cls(tuple(CpuidLeaf(*each) for each in _LEAF.iter_unpack(body)))

    def encode(self) -> bytes:
        """All of it."""
        body = b"".join(_LEAF.pack(*each) for each in self.leaves)
        _check_entries(len(body), _LEAF.size)
        return framed(LibxcType.X86_CPUID_POLICY, body)


@dataclass(frozen=True, slots=True)
class MsrPolicy:
    """At least one register."""

    name: ClassVar[str] = "X86_MSR_POLICY"
    msrs: tuple[Msr, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """From the body."""
        _check_entries(len(body), _MSR.size)
        entries = list(_MSR.iter_unpack(body))
        for index, flags, _ in entries:
            check_zero(f"the reserved field of MSR {index:#x}", flags)
        return cls(tuple(Msr(index, value) for index, _, value in entries))

    def encode(self) -> bytes:
        """All of it."""
        body = b"".join(_MSR.pack(each.register, 0, each.value) for each in self.msrs)
        _check_entries(len(body), _MSR.size)
        return framed(LibxcType.X86_MSR_POLICY, body)


def _check_entries(length: int, size: int) -> None:
    if not length or length % size:
        raise MalformedError(f"its body has {length} bytes; a multiple of {size} that is not 0 is right")
