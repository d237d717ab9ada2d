"""A stream with what an `xl save` of a real Xen wrote has each record at the recorded place."""

import json
import os
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from actors.abi.types import PAGE_SIZE
from actors.migration import signals
from actors.migration.cpu_policies import CpuidLeaf, CpuidPolicy, Msr, MsrPolicy
from actors.migration.decoder import StreamDecoder
from actors.migration.libxc_headers import DomainHeader, ImageHeader
from actors.migration.libxc_types import LibxcType
from actors.migration.libxl import LibxcContext, LibxlEnd, LibxlHeader
from actors.migration.page_data import Page, PageData, PageType
from actors.migration.pv_records import P2mFrames, PvInfo, SharedInfo, TscInfo, VcpuContext
from actors.migration.records import Record
from actors.migration.save_header import SaveHeader
from tests.migration.streams import written

FILE = Path(
    os.environ.get(
        "DOMZERO_MIGRATION_STREAM",
        Path(__file__).parents[3] / "shared/conformance/chapters/migration-stream.jsonl",
    )
)


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, int]]:
    if not FILE.exists():
        pytest.skip(f"no recorded stream: {FILE.name} (DOMZERO_MIGRATION_STREAM names one)")
    rows = [json.loads(line) for line in FILE.read_text().splitlines()]
    return {row.get("name", f"{row['part']} {row['offset']}"): row for row in rows}


def like(recorded: dict[str, dict[str, int]]) -> list[Record]:
    """The recorded guest without most of its pages; what has no row fills the gap between two that have."""
    config = recorded["xl 32"]["optional_data_len"] - 5
    info, p2m, tsc = recorded["X86_PV_INFO"], recorded["X86_PV_P2M_FRAMES"], recorded["X86_TSC_INFO"]
    leaves = recorded["X86_CPUID_POLICY"]["length"] // 24
    extended = recorded["X86_PV_VCPU_EXTENDED"]
    return [
        SaveHeader("{}".ljust(config)),
        LibxlHeader(),
        LibxcContext(),
        ImageHeader(),
        DomainHeader(4, 17),
        PvInfo(info["guest_width"], info["pt_levels"]),
        CpuidPolicy((CpuidLeaf(0, 0, 0, 0, 0, 0),) * leaves),
        MsrPolicy((Msr(0xCE, 0), Msr(0x10A, 0))),
        signals.STATIC_DATA_END,
        P2mFrames(p2m["start_pfn"], p2m["end_pfn"], tuple(range((p2m["length"] - 8) // 8))),
        PageData((Page(0, PageType.NOTAB, bytes(PAGE_SIZE)),)),
        TscInfo(tsc["mode"], tsc["khz"], tsc["nsec"], tsc["incarnation"]),
        SharedInfo(bytes(PAGE_SIZE)),
        VcpuContext(LibxcType.X86_PV_VCPU_BASIC, 0, bytes(5168)),
        VcpuContext(LibxcType.X86_PV_VCPU_EXTENDED, extended["vcpu"], bytes(extended["length"] - 8)),
        signals.END,
        LibxlEnd(),
    ]


def test_each_record_stands_where_the_recorded_one_does(recorded: dict[str, dict[str, int]]) -> None:
    records = like(recorded)
    left_out = 0  # pages, later on
    starts = list(accumulate((len(each.encode()) for each in records), initial=0))
    for each, (start, end) in zip(records, pairwise(starts), strict=True):
        row = recorded.get("libxc 1310" if isinstance(each, ImageHeader) else each.name)
        if row is None:
            continue
        if "length" in row:
            assert end - start == 8 + row["length"], each.name
        if each.name == "X86_TSC_INFO":
            left_out = row["offset"] - start
        assert start + left_out == row["offset"], each.name


def test_the_recorded_order_is_a_right_one(recorded: dict[str, dict[str, int]]) -> None:
    records = like(recorded)
    offsets = [recorded[each.name]["offset"] for each in records if each.name in recorded]
    assert offsets == sorted(offsets)
    assert StreamDecoder().feed(written(records)) == records
