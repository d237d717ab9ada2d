"""A small whole stream, record by record, in the order in which a real `xl save` writes its own."""

from actors.abi.types import PAGE_SIZE
from actors.migration import signals
from actors.migration.cpu_policies import CpuidLeaf, CpuidPolicy, Msr, MsrPolicy
from actors.migration.decoder import StreamDecoder
from actors.migration.encoder import StreamEncoder
from actors.migration.libxc import LibxcOptional
from actors.migration.libxc_headers import DomainHeader, ImageHeader
from actors.migration.libxc_types import LibxcType
from actors.migration.libxl import (
    Emulator,
    EmulatorRecord,
    LibxcContext,
    LibxlEnd,
    LibxlHeader,
    LibxlOptional,
    LibxlType,
)
from actors.migration.page_data import Page, PageData, PageType
from actors.migration.pv_records import P2mFrames, PvInfo, SharedInfo, TscInfo, VcpuContext
from actors.migration.records import Record
from actors.migration.save_header import SaveHeader

CONFIG = '{"c_info": {"type": "pv", "name": "web-1"}, "b_info": {"max_memkb": 24}}'
PAGES = (
    Page(0, PageType.NOTAB, b"\1" * PAGE_SIZE),
    Page(1, PageType.XTAB),
    Page(2, PageType.L4TAB_PIN, b"\2" * PAGE_SIZE),
)
VCPU_KINDS = (
    LibxcType.X86_PV_VCPU_BASIC,
    LibxcType.X86_PV_VCPU_EXTENDED,
    LibxcType.X86_PV_VCPU_XSAVE,
    LibxcType.X86_PV_VCPU_MSRS,
)
VCPUS = [VcpuContext(kind, 0, bytes(range(1, 6 + kind))) for kind in VCPU_KINDS]

WHOLE: list[Record] = [
    SaveHeader(CONFIG),
    LibxlHeader(),
    LibxcContext(),
    ImageHeader(),
    DomainHeader(4, 17),
    PvInfo(8, 4),
    CpuidPolicy((CpuidLeaf(0, 0xFFFFFFFF, 13, 1, 2, 3), CpuidLeaf(7, 0, 0, 0, 0, 0))),
    MsrPolicy((Msr(0xCE, 1 << 31),)),
    signals.STATIC_DATA_END,
    P2mFrames(0, 5, (4,)),
    PageData(PAGES),
    PageData((Page(5, PageType.NOTAB, bytes(PAGE_SIZE)),)),
    TscInfo(0, 2_596_130, 62_532_776_204, 1),
    SharedInfo(b"\3" * PAGE_SIZE),
    *VCPUS,
    signals.END,
    LibxlEnd(),
]
"""Of a guest of six frames and one vcpu."""


EXTRA: list[Record] = [
    LibxlOptional(0x80000001, b"abc"),
    EmulatorRecord(LibxlType.EMULATOR_XENSTORE_DATA, Emulator.QEMU_UPSTREAM, 0, b"key\0value\0"),
    EmulatorRecord(LibxlType.EMULATOR_CONTEXT, Emulator.QEMU_UPSTREAM, 0, b"state"),
]
RICH = [*WHOLE[:5], LibxcOptional(0x80000007, b"seven"), *WHOLE[5:-1], *EXTRA, WHOLE[-1]]
"""The same with all that need not be there."""


def written(records: list[Record]) -> bytes:
    """A whole stream; refuses records in a wrong order."""
    encoder = StreamEncoder()
    data = b"".join(encoder.encode(each) for each in records)
    assert encoder.is_complete
    return data


def unchecked(records: list[Record]) -> bytes:
    """The same without an eye on the order."""
    return b"".join(each.encode() for each in records)


def read(data: bytes, step: int) -> list[Record]:
    """A whole stream that comes in pieces of `step` bytes; StreamError if it is refused."""
    decoder, records = StreamDecoder(), []
    for at in range(0, len(data), step):
        records += decoder.feed(data[at : at + step])
    decoder.finish()
    return records
