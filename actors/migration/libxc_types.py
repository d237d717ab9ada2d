"""The types of libxc's records.

Source: docs/specs/libxc-migration-stream.pandoc.
"""

from enum import IntEnum


class LibxcType(IntEnum):
    """`REC_TYPE_*`."""

    END = 0x0
    PAGE_DATA = 0x1
    X86_PV_INFO = 0x2
    X86_PV_P2M_FRAMES = 0x3
    X86_PV_VCPU_BASIC = 0x4
    X86_PV_VCPU_EXTENDED = 0x5
    X86_PV_VCPU_XSAVE = 0x6
    SHARED_INFO = 0x7
    X86_TSC_INFO = 0x8
    HVM_CONTEXT = 0x9
    HVM_PARAMS = 0xA
    TOOLSTACK = 0xB
    X86_PV_VCPU_MSRS = 0xC
    VERIFY = 0xD
    CHECKPOINT = 0xE
    CHECKPOINT_DIRTY_PFN_LIST = 0xF
    STATIC_DATA_END = 0x10
    X86_CPUID_POLICY = 0x11
    X86_MSR_POLICY = 0x12
