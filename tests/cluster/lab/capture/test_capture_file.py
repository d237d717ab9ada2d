"""Captures: every block as its format has it, and as dpkt and tshark read it."""

import io
import shutil
import struct
import subprocess

import dpkt
import pytest

from actors.capture_messages import Captured
from actors.network.tap import Direction, Tap
from cluster.lab.capture import pcapng
from cluster.lab.capture.blank import completed
from cluster.lab.capture.capture_file import CaptureFile
from tests.cluster.lab.capture.packets import exchanged

NAMES = ("host0/web-0/vif0", "host0/eth0")
BAD, GOOD, UNVERIFIED = "0", "1", "2"
EPOCH_NS = 1_700_000_000_000_000_001
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def a_file(*, offload: bool, snap_bytes: int = 1 << 18) -> bytes:
    tap = Tap(NAMES[0])
    tap.start(snap_bytes)
    for number, (side, packet) in enumerate(exchanged(offload=offload)):
        tap.saw(Direction(1 - side), packet, number * 1001, "source-ip" if number == 3 else "")
    file = CaptureFile(NAMES, snap_bytes, EPOCH_NS)
    blocks = b"".join(file.blocks(NAMES[0], each) for each in tap.captured())
    return file.head() + blocks + file.tail(10**9)


def fields_of(tmp_path, data: bytes, *fields: str) -> list[list[str]]:
    path = tmp_path / "seen.pcapng"
    path.write_bytes(data)
    wanted = [each for field in fields for each in ("-e", field)]
    checks = (
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    )
    run = subprocess.run(
        ["tshark", "-r", str(path), *checks, "-T", "fields", "-E", "separator=|", *wanted],
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
    )
    return [line.split("|") for line in run.stdout.splitlines()]


@pytest.mark.parametrize("offload", [False, True])
def test_dpkt_reads_the_packets_as_they_were(offload):
    frames = exchanged(offload=offload)
    read = list(dpkt.pcapng.Reader(io.BytesIO(a_file(offload=offload))))
    assert [data for _, data in read] == [
        completed(each.frame) if each.blank else each.frame for _, each in frames
    ]
    assert [round(float(at) - EPOCH_NS / 1e9, 3) for at, _ in read[:2]] == [0.0, 0.0]


@needs_tshark
@pytest.mark.parametrize("offload", [False, True])
def test_tshark_finds_nothing_malformed_and_no_bad_checksum(tmp_path, offload):
    rows = fields_of(
        tmp_path, a_file(offload=offload), "_ws.malformed", "tcp.checksum.status", "udp.checksum.status",
        "ip.checksum.status", "frame.number",
    )  # fmt: skip
    assert len(rows) == len(exchanged(offload=offload))
    assert {row[0] for row in rows} == {""}
    found = {status for row in rows for each in row[1:4] for status in each.split(",")}
    assert found == {"", GOOD, UNVERIFIED}, "unverified is the datagram that an ICMP error quotes"


@needs_tshark
def test_a_checksum_that_is_left_blank_is_seen_as_bad(tmp_path):
    frames = [each.frame for _, each in exchanged(offload=True) if each.blank]
    file = CaptureFile(NAMES, 0)
    rows = [[1, 1, len(each), 0, "", each] for each in frames]
    data = file.head() + file.blocks(NAMES[0], Captured("vif0", rows, 0))
    assert BAD in {status for row in fields_of(tmp_path, data, "tcp.checksum.status") for status in row}


@needs_tshark
def test_tshark_sees_names_directions_times_and_why_a_packet_was_dropped(tmp_path):
    rows = fields_of(
        tmp_path, a_file(offload=False), "frame.interface_name", "frame.packet_flags_direction",
        "frame.time_epoch", "frame.comment",
    )  # fmt: skip
    sides = [side for side, _ in exchanged(offload=False)]
    assert {row[0] for row in rows} == {NAMES[0]}
    assert [int(row[1], 0) for row in rows] == [2 - side for side in sides]
    assert [row[2] for row in rows[:3]] == [
        "1700000000.000000001", "1700000000.000001002", "1700000000.000002003",
    ]  # fmt: skip
    assert [number for number, row in enumerate(rows) if row[3]] == [3]
    assert rows[3][3] == "dropped: source-ip"


@needs_tshark
def test_a_packet_that_was_cut_short_keeps_its_length(tmp_path):
    rows = fields_of(tmp_path, a_file(offload=True, snap_bytes=60), "frame.len", "frame.cap_len")
    lengths = [len(each.frame) for _, each in exchanged(offload=True)]
    assert [list(map(int, row)) for row in rows] == [[each, min(each, 60)] for each in lengths]


def test_blocks_are_whole_and_what_was_missed_is_at_the_end():
    file = CaptureFile(NAMES, 0)
    data = file.head() + file.blocks("host0/eth0", Captured("eth0", [], 7)) + file.tail(3)
    kinds, offset = [], 0
    while offset < len(data):
        kind, size = struct.unpack_from("<II", data, offset)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, offset + size - 4) == (size,)
        kinds.append(kind)
        offset += size
    assert kinds == [pcapng.SECTION, *[pcapng.INTERFACE] * 2, *[pcapng.STATISTICS] * 2]
    assert data[-size:][20:] == struct.pack("<HHQHHI", 5, 8, 7, 0, 0, size)
    assert (file.packets, file.missed) == (0, 7)


@pytest.mark.parametrize("row", [[], [1, 1, 1, 0, ""], [1, 1, 1, 0, "", "text"], ["1", 1, 1, 0, "", b""]])
def test_what_is_no_packet_is_refused(row):
    with pytest.raises(ValueError, match="no packet"):
        CaptureFile(NAMES, 0).blocks(NAMES[0], Captured("vif0", [row], 0))


@pytest.mark.parametrize("size", range(0, 80, 3))
def test_a_blank_packet_that_makes_no_sense_is_left_as_it_is(size):
    frame = max((each.frame for _, each in exchanged(offload=True) if each.blank), key=len)
    cut = frame[:size]
    assert len(completed(cut)) == size
    assert completed(cut[:14] + b"\xff" * max(size - 14, 0)) == cut[:14] + b"\xff" * max(size - 14, 0)
