"""libxc's records: which type has which body.

Source: docs/specs/libxc-migration-stream.pandoc.
Left out: records of x86 HVM guests, of checkpointed streams, and TOOLSTACK, which is deprecated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from actors.migration.cpu_policies import CpuidPolicy, MsrPolicy
from actors.migration.framing import OF_CHECKPOINTS, OPTIONAL, OptionalRecord, check_length
from actors.migration.libxc_types import LibxcType
from actors.migration.page_data import PageData
from actors.migration.pv_records import P2mFrames, PvInfo, SharedInfo, TscInfo, VcpuContext
from actors.migration.refusal import MalformedError
from actors.migration.signals import Signal


@dataclass(frozen=True, slots=True)
class LibxcOptional(OptionalRecord):
    """One of libxc's stream."""

    name: ClassVar[str] = "optional record of libxc"


LibxcRecord = (
    PageData
    | PvInfo
    | P2mFrames
    | VcpuContext
    | SharedInfo
    | TscInfo
    | CpuidPolicy
    | MsrPolicy
    | Signal
    | LibxcOptional
)

_PARSERS: Final[dict[int, Callable[[bytes], LibxcRecord]]] = {
    LibxcType.PAGE_DATA: PageData.parse,
    LibxcType.X86_PV_INFO: PvInfo.parse,
    LibxcType.X86_PV_P2M_FRAMES: P2mFrames.parse,
    LibxcType.SHARED_INFO: SharedInfo.parse,
    LibxcType.X86_TSC_INFO: TscInfo.parse,
    LibxcType.X86_CPUID_POLICY: CpuidPolicy.parse,
    LibxcType.X86_MSR_POLICY: MsrPolicy.parse,
}
_VCPU: Final = {
    LibxcType.X86_PV_VCPU_BASIC,
    LibxcType.X86_PV_VCPU_EXTENDED,
    LibxcType.X86_PV_VCPU_XSAVE,
    LibxcType.X86_PV_VCPU_MSRS,
}
_SIGNALS: Final = {LibxcType.STATIC_DATA_END, LibxcType.VERIFY, LibxcType.END}
_OF_HVM: Final = "this is of an x86 HVM guest; records of x86 PV guests are right"
_LEFT_OUT: Final = {
    LibxcType.HVM_CONTEXT: _OF_HVM,
    LibxcType.HVM_PARAMS: _OF_HVM,
    LibxcType.TOOLSTACK: "this type is deprecated; no saved or migrated guest has one",
    LibxcType.CHECKPOINT: OF_CHECKPOINTS,
    LibxcType.CHECKPOINT_DIRTY_PFN_LIST: OF_CHECKPOINTS,
}


def libxc_name(kind: int) -> str:
    """What to call a record of this type."""
    if kind & OPTIONAL:
        return f"{LibxcOptional.name} {kind:#010x}"
    return LibxcType(kind).name if kind in set(LibxcType) else f"libxc record of type {kind:#x}"


def parse_libxc(kind: int, body: bytes) -> LibxcRecord:
    """The record that has this type and body."""
    if kind & OPTIONAL:
        return LibxcOptional(kind, body)
    if kind in _PARSERS:
        return _PARSERS[kind](body)
    if kind in _VCPU:
        return VcpuContext.parse(LibxcType(kind), body)
    if kind in _SIGNALS:
        check_length(body, 0)
        return Signal(LibxcType(kind))
    if kind in _LEFT_OUT:
        raise MalformedError(_LEFT_OUT[LibxcType(kind)])
    raise MalformedError("this mandatory type is not known; 0x0 to 0x12 are right, or an optional one")
