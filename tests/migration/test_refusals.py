"""Who reads a stream is told which record is at fault, and what would be right."""

import re
from struct import pack

import pytest

from actors.abi.types import PAGE_SIZE
from actors.migration import signals
from actors.migration.decoder import StreamDecoder
from actors.migration.encoder import StreamEncoder
from actors.migration.framing import framed
from actors.migration.libxc_headers import DomainHeader
from actors.migration.libxc_types import LibxcType
from actors.migration.libxl import LibxcContext, LibxlEnd, LibxlOptional
from actors.migration.page_data import Page, PageData, PageType
from actors.migration.pv_records import P2mFrames, PvInfo
from actors.migration.records import Record
from actors.migration.refusal import MalformedError, StreamError
from tests.migration.streams import CONFIG, PAGES, VCPUS, WHOLE, unchecked, written

STREAM = written(WHOLE)
IMAGE = STREAM.index(b"\xff" * 8)


def read(decoder: StreamDecoder, data: bytes) -> None:
    decoder.feed(data)
    decoder.finish()


def refusal(data: bytes) -> StreamError:
    """Of a stream that has to be refused; it has to stay so."""
    decoder = StreamDecoder()
    with pytest.raises(StreamError) as caught:
        read(decoder, data)
    with pytest.raises(StreamError, match=re.escape(str(caught.value))):
        decoder.feed(STREAM)
    return caught.value


def patched(at: int, new: bytes) -> bytes:
    return STREAM[:at] + new + STREAM[at + len(new) :]


def replaced(old: Record, *new: Record | bytes) -> bytes:
    """The whole stream with something else in place of a record, in whatever order that is."""
    index = WHOLE.index(old)
    middle = b"".join(each if isinstance(each, bytes) else each.encode() for each in new)
    return unchecked(WHOLE[:index]) + middle + unchecked(WHOLE[index + 1 :])


PV_INFO, P2M, PAGE_DATA, BASIC = WHOLE[5], WHOLE[9], WHOLE[10], VCPUS[0]

HEADERS = [
    (patched(0, b"LinuxGuestRecord"), "xl header", "it begins with b'LinuxGuestRe'"),
    (patched(32, b"\1\2\3\4"), "xl header", "byte order is 0x04030201; 0x01020304 is right"),
    (patched(36, b"\1"), "xl header", "mandatory flags are 0x1; 0x3 is right"),
    (patched(40, b"\1"), "xl header", "optional flags is 0x1; 0 is right"),
    (patched(44, b"\xff" * 4), "xl header", "4294967295 bytes; 5 to 1048576 are right"),
    (patched(48, b"\1"), "xl header", f"configuration has 1 bytes; {len(CONFIG) + 1} are right"),
    (patched(52, b"!"), "xl header", "is no JSON"),
    (patched(52, b'["a"]'.ljust(len(CONFIG))), "xl header", "no JSON object"),
    (patched(52 + len(CONFIG), b"!"), "xl header", "does not end with a NUL"),
    (STREAM.replace(b"LibxlFmt", b"LibxlFmu"), "libxl header", "ident is b'LibxlFmu'; b'LibxlFmt' is right"),
    (patched(IMAGE - 13, b"\1"), "libxl header", "version is 1; 2 is right"),
    (patched(IMAGE - 9, b"\1"), "libxl header", "options are 0x1; 0 is right"),
    (patched(IMAGE, b"\0"), "image header", "marker is 0x00ffffffffffffff; 0xffffffffffffffff is right"),
    (patched(IMAGE + 8, b"!"), "image header", "id is 0x21454e46; 0x58454e46 is right"),
    (patched(IMAGE + 15, b"\2"), "image header", "version is 2; 3 is right"),
    (patched(IMAGE + 17, b"\1"), "image header", "options are 0x1; 0 is right (little-endian)"),
    (patched(IMAGE + 23, b"\1"), "image header", "reserved field is 0x1; 0 is right"),
    (patched(IMAGE + 24, b"\2"), "domain header", "the guest is x86 HVM; x86 PV (1) is right"),
    (patched(IMAGE + 24, b"\3"), "domain header", "the guest is of type 0x3; x86 PV (1) is right"),
    (patched(IMAGE + 28, b"\x10"), "domain header", "page shift is 16; 12 is right"),
]

BODIES = [
    (PV_INFO, framed(2, bytes(7)), "X86_PV_INFO", "its body has 7 bytes; 8 are right"),
    (PV_INFO, framed(2, pack("<BBHI", 8, 3, 0, 0)), "X86_PV_INFO", "width 8 with 3 levels; 4 with 3 or 8"),
    (PV_INFO, framed(2, pack("<BBHI", 8, 4, 0, 9)), "X86_PV_INFO", "reserved field is 0x9; 0 is right"),
    (P2M, framed(3, bytes(7)), "X86_PV_P2M_FRAMES", "has 7 bytes; at least 8 are right"),
    (P2M, framed(3, bytes(17)), "X86_PV_P2M_FRAMES", "has 17 bytes; a multiple of 8 is right"),
    (P2M, P2mFrames(0, 512, (4,)), "X86_PV_P2M_FRAMES", "has 1 frames; 2 are right for pfns 0 to 512"),
    (P2M, P2mFrames(5, 4, ()), "X86_PV_P2M_FRAMES", "begins at pfn 5 and ends at 4"),
    (P2M, P2mFrames(0, 5, (6,)), "X86_PV_P2M_FRAMES", "names frame 6; at most 5 is right"),
    (PAGE_DATA, framed(1, bytes(16)), "PAGE_DATA", "it has no frames; at least 1 is right"),
    (PAGE_DATA, framed(1, pack("<II", 2, 0) + bytes(8)), "PAGE_DATA", "has 16 bytes; at least 24 are right"),
    (PAGE_DATA, framed(1, pack("<IIQ", 1, 0, 5 << 60)), "PAGE_DATA", "page type 0x5; 0 to 4 or 9 to 15"),
    (PAGE_DATA, framed(1, pack("<IIQ", 1, 0, 1 << 52)), "PAGE_DATA", "bits 52 to 59 of pfn entry"),
    (PAGE_DATA, framed(1, pack("<IIQ", 1, 0, 0)), "PAGE_DATA", "its body has 16 bytes; 4112 are right"),
    (PAGE_DATA, PageData((*PAGES, Page(6, PageType.XTAB))), "PAGE_DATA", "has pfn 6; the P2M ends at 5"),
    (BASIC, framed(4, bytes(8)), "X86_PV_VCPU_BASIC", "has 8 bytes; at least 9 are right"),
    (BASIC, framed(4, bytes(9))[:-1] + b"\1", "X86_PV_VCPU_BASIC", "padding is 00000000000001; zeros"),
    (WHOLE[6], framed(0x11, bytes(25)), "X86_CPUID_POLICY", "has 25 bytes; a multiple of 24"),
    (WHOLE[7], framed(0x12), "X86_MSR_POLICY", "has 0 bytes; a multiple of 16"),
    (WHOLE[7], framed(0x12, pack("<IIQ", 1, 2, 3)), "X86_MSR_POLICY", "reserved field of MSR 0x1 is 0x2"),
    (WHOLE[12], framed(8, bytes(32)), "X86_TSC_INFO", "has 32 bytes; 24 are right"),
    (WHOLE[13], framed(7, bytes(PAGE_SIZE - 1)), "SHARED_INFO", "has 4095 bytes; 4096 are right"),
    (signals.END, framed(0, b"!"), "END", "its body has 1 bytes; 0 are right"),
    (PV_INFO, framed(0x9), "HVM_CONTEXT", "of an x86 HVM guest"),
    (PV_INFO, framed(0xB), "TOOLSTACK", "deprecated"),
    (PV_INFO, framed(0xE), "CHECKPOINT", "of a checkpointed stream"),
    (PV_INFO, framed(0x13), "libxc record of type 0x13", "this mandatory type is not known"),
    (PV_INFO, pack("<II", 1, 1 << 28), "PAGE_DATA", "has 268435456 bytes; at most 134217728 are right"),
    (LibxlEnd(), framed(3), "EMULATOR_CONTEXT", "has 0 bytes; at least 8 are right"),
    (LibxlEnd(), framed(3, pack("<II", 3, 0)), "EMULATOR_CONTEXT", "emulator is 3; 0, 1 or 2 is right"),
    (LibxlEnd(), framed(2, pack("<II", 2, 0) + b"a\0"), "EMULATOR_XENSTORE_DATA", "it has 1 strings; pairs"),
    (LibxlEnd(), framed(2, pack("<II", 2, 0) + b"a"), "EMULATOR_XENSTORE_DATA", "do not end with a NUL"),
    (LibxlEnd(), framed(4), "CHECKPOINT_END", "of a checkpointed stream"),
    (LibxlEnd(), framed(6), "libxl record of type 0x6", "this mandatory type is not known"),
]


@pytest.mark.parametrize(("data", "name", "problem"), HEADERS)
def test_a_wrong_header_is_refused(data: bytes, name: str, problem: str) -> None:
    found = refusal(data)
    assert found.place.name == name
    assert problem in found.problem


@pytest.mark.parametrize(("old", "new", "name", "problem"), BODIES)
def test_a_wrong_record_is_refused(old: Record, new: Record | bytes, name: str, problem: str) -> None:
    found = refusal(replaced(old, new))
    assert found.place.name == name
    assert found.place.offset == len(unchecked(WHOLE[: WHOLE.index(old)]))
    assert problem in found.problem


MAY_BE_LEFT_OUT = {
    "X86_CPUID_POLICY",
    "X86_MSR_POLICY",
    "X86_TSC_INFO",
    "X86_PV_VCPU_EXTENDED",
    "X86_PV_VCPU_XSAVE",
    "X86_PV_VCPU_MSRS",
}
MAY_COME_AGAIN = {"X86_PV_P2M_FRAMES", "PAGE_DATA"}


def follows_order(records: list[Record]) -> bool:
    encoder = StreamEncoder()
    try:
        for each in records:
            encoder.encode(each)
    except MalformedError:
        return False
    return encoder.is_complete


@pytest.mark.parametrize("index", range(len(WHOLE)), ids=lambda index: WHOLE[index].name)
def test_a_record_that_others_need_cannot_be_left_out(index: int) -> None:
    # Of the two PAGE_DATA each may be left out, not both.
    can = WHOLE[index].name in MAY_BE_LEFT_OUT or WHOLE[index].name == "PAGE_DATA"
    assert follows_order(WHOLE[:index] + WHOLE[index + 1 :]) == can


@pytest.mark.parametrize("index", range(len(WHOLE)), ids=lambda index: WHOLE[index].name)
def test_a_record_that_comes_once_cannot_come_twice(index: int) -> None:
    again = [*WHOLE[: index + 1], *WHOLE[index:]]
    assert follows_order(again) == (WHOLE[index].name in MAY_COME_AGAIN)


ORDERS = [
    ([*WHOLE[:9], LibxlOptional(0x80000001, b"")], "optional record of libxl comes within libxc's stream"),
    ([*WHOLE[:5], *WHOLE[8:]], "STATIC_DATA_END comes before X86_PV_INFO; after is right"),
    ([*WHOLE[:9], PV_INFO], "X86_PV_INFO comes after STATIC_DATA_END; before is right"),
    ([*WHOLE[:9], PAGE_DATA], "PAGE_DATA comes before X86_PV_P2M_FRAMES; after is right"),
    ([*WHOLE[:10], BASIC], "X86_PV_VCPU_BASIC comes before PAGE_DATA; after is right"),
    ([*WHOLE[:15], PAGE_DATA], "PAGE_DATA comes after X86_PV_VCPU_BASIC; before is right"),
    ([*WHOLE[:15], BASIC], "X86_PV_VCPU_BASIC of vcpu 0 comes a second time; once is right"),
    ([*WHOLE[:14], signals.END], "END comes before X86_PV_VCPU_BASIC; after is right"),
    ([*WHOLE[:5], DomainHeader(4, 17)], "domain header comes a second time; once is right"),
    ([*WHOLE[:3], LibxlEnd()], "END of libxl comes before END; after is right"),
    ([LibxcContext()], "LIBXC_CONTEXT comes before libxl header; after is right"),
    ([*WHOLE, LibxlEnd()], "END of libxl comes a second time; once is right"),
]


@pytest.mark.parametrize(("records", "problem"), ORDERS)
def test_a_record_at_the_wrong_place_is_not_written(records: list[Record], problem: str) -> None:
    with pytest.raises(MalformedError, match=re.escape(problem)):
        written(records)


def test_an_end_needs_the_first_vcpu() -> None:
    other = [type(each)(each.kind, 1, each.context) for each in VCPUS]
    found = refusal(unchecked([*WHOLE[:14], *other, *WHOLE[18:]]))
    assert "END comes before X86_PV_VCPU_BASIC of vcpu 0" in found.problem


def test_pages_may_be_sent_again_to_be_verified() -> None:
    assert follows_order([*WHOLE[:12], signals.VERIFY, PAGE_DATA, *WHOLE[12:]])


def test_a_cut_says_in_which_record_it_is() -> None:
    at = len(unchecked(WHOLE[:10]))
    found = refusal(STREAM[: at + 100])
    assert (found.place.name, found.place.number, found.place.offset) == ("PAGE_DATA", 5, at)
    assert found.problem == "cut short: 92 of the next 8224 bytes are there"


def test_bytes_after_the_end_are_refused() -> None:
    found = refusal(STREAM + b"?")
    assert str(found) == (
        f"what follows the END of libxl (record 2, at byte {len(STREAM)}): 1 more bytes; none are right"
    )


def test_what_cannot_be_read_is_not_written() -> None:
    with pytest.raises(MalformedError, match="pfn 1 has 3 bytes; 4096 are right"):
        PageData((Page(1, PageType.NOTAB, b"abc"),)).encode()
    with pytest.raises(MalformedError, match="pfn 1 has 3 bytes; 0 are right"):
        PageData((Page(1, PageType.XTAB, b"abc"),)).encode()
    with pytest.raises(MalformedError, match="width 4 with 4 levels"):
        PvInfo(4, 4).encode()
    with pytest.raises(MalformedError, match="context of vcpu 0 is empty"):
        type(VCPUS[0])(LibxcType.X86_PV_VCPU_BASIC, 0, b"").encode()
