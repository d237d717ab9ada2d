"""Wireshark finds nothing wrong with what this stack sends, nor with the captures that it is held to."""

import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from actors.inet.address import Endpoint
from tests.inet.captured import CAPTURES, load, names, write
from tests.inet.test_tcp_streams import bad_wire
from tests.inet.wire import MILLISECOND, Peer, Wire, joined

OURS = ("tcp.port==80", "tcp.port==9", "tcp.port==5000-5001", "udp.port==53-54")
"""Ports whose data is not that of a protocol."""
CHECKED = ("ip", "tcp", "udp", "icmp")
GOOD = "1"


def tshark(path: Path, *arguments: str) -> list[str]:
    """The lines that it prints, with all checksums checked; skips where it is not installed."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("no tshark here")
    checks = [word for name in ("ip", "tcp", "udp") for word in ("-o", f"{name}.check_checksum:TRUE")]
    plain = [word for ports in OURS for word in ("-d", f"{ports},data")]
    command = [program, "-n", "-r", str(path), *checks, *plain, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def assert_sound(path: Path, count: int) -> None:
    """So many frames, none malformed, each with good checksums; that of a quoted datagram is not checked."""
    fields = [word for name in CHECKED for word in ("-e", f"{name}.checksum.status")]
    rows = [
        line.split("\t")
        for line in tshark(path, "-T", "fields", "-e", "_ws.malformed", "-e", "_ws.short", *fields)
    ]
    assert len(rows) == count
    assert {part for row in rows for part in row[:2]} == {""}
    for ip, tcp, udp, icmp in (row[2:] for row in rows):
        assert set(ip.split(",")) <= {GOOD, ""}
        assert tcp in (GOOD, "")
        assert icmp in (GOOD, "")
        assert udp in (GOOD, "") or icmp


def kept(wire: Wire, path: Path) -> int:
    """What both stacks have sent; how many frames."""
    write(path, [(at_ns, outgoing.frame) for at_ns, _, outgoing in wire.frames])
    return len(wire.frames)


def a_bit_of_all(wire: Wire) -> None:
    """Both ways of a stream, a refusal, datagrams with and without a taker, an echo."""
    wire.keep = True
    client, server = Peer(Random(1).randbytes(60_000)), Peer(Random(2).randbytes(3_001))
    joined(wire, client, server)
    wire.run()
    first, second = wire.stacks
    there = second.interface.address
    first.tcp.connect(Endpoint(there, 9), client, wire.now_ns)
    second.udp.bind(53, lambda *_: None)
    socket = first.udp.bind(0, lambda *_: None)
    for port, size in ((53, 0), (53, 33), (54, 1_000)):
        first.udp.send(
            socket, bytes(range(size % 256)) * (size // 256 + 1), Endpoint(there, port), wire.now_ns
        )
    first.icmp.echo(there, 7, 1, b"an odd number of bytes.", wire.now_ns)
    wire.run()
    assert bytes(client.got) + bytes(server.got)


def test_nothing_that_this_stack_sends_is_malformed(tmp_path: Path) -> None:
    wire = Wire(fate=lambda _, __: [10 * MILLISECOND])
    a_bit_of_all(wire)
    path = tmp_path / "quiet.pcapng"
    assert_sound(path, kept(wire, path))
    protocols = set(tshark(path, "-T", "fields", "-e", "_ws.col.Protocol"))
    assert protocols == {"ARP", "TCP", "UDP", "ICMP"}
    odd = "tcp.analysis.flags && !tcp.analysis.window_update && !(tcp.flags.reset == 1)"
    assert tshark(path, "-Y", odd) == []


def test_nor_on_a_link_that_loses_doubles_and_reorders(tmp_path: Path) -> None:
    wire = Wire(fate=bad_wire(3, 0.05, 0.02, 20))
    a_bit_of_all(wire)
    path = tmp_path / "lossy.pcapng"
    assert_sound(path, kept(wire, path))
    assert tshark(path, "-Y", "tcp.options.sack_le")
    assert tshark(path, "-Y", "tcp.analysis.retransmission")


@pytest.mark.parametrize("name", names())
def test_nor_in_a_capture_of_linux(name: str) -> None:
    path = CAPTURES / f"{name}.pcapng"
    assert_sound(path, len(load(name).frames))


def test_a_wrong_checksum_is_seen(tmp_path: Path) -> None:
    wire = Wire()
    a_bit_of_all(wire)
    path = tmp_path / "wrong.pcapng"
    frames = [bytearray(outgoing.frame) for _, _, outgoing in wire.frames]
    frames[20][-1] ^= 1
    write(path, [(0, bytes(frame)) for frame in frames])
    tshark(path)
    with pytest.raises(AssertionError):
        assert_sound(path, len(frames))
    write(path, [(0, bytes(frames[5][:30]))])
    with pytest.raises(AssertionError):
        assert_sound(path, 1)
