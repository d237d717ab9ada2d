"""What `captures/` holds: what one end of a connection of Linux's TCP saw, and what its user called."""

import json
from pathlib import Path
from typing import NamedTuple

import dpkt

CAPTURES = Path(__file__).parent / "captures"
PORT = 5000
"""Of the end that listens; the other has the next one."""


class LinkEnd(NamedTuple):
    """Its addresses."""

    mac: str
    address: str


LINK = (LinkEnd("02:00:00:00:00:0a", "10.98.0.1"), LinkEnd("02:00:00:00:00:0b", "10.98.0.2"))
"""First the end whose packets were kept."""


class Captured(NamedTuple):
    """Times are of one clock, in nanoseconds; captured are microseconds."""

    frames: list[tuple[int, bytes]]
    calls: list[tuple[int, str, int]]
    """Of the first end's user: connect, listen, send, recv (how many bytes), shutdown, close, abort."""
    settings: dict[str, int | bool]
    """That differ from those of `TcpSettings`."""


def pattern(start: int, size: int) -> bytes:
    """The bytes that either end sends, from the `start`th on."""
    return bytes((position * 7 + position // 251) & 0xFF for position in range(start, start + size))


def names() -> list[str]:
    return sorted(path.stem for path in CAPTURES.glob("*.pcapng"))


def write(path: Path, frames: list[tuple[int, bytes]]) -> None:
    """As pcapng, with times in microseconds."""
    with path.open("wb") as file:
        writer = dpkt.pcapng.Writer(file, snaplen=1 << 18)
        for at_ns, frame in frames:
            writer.writepkt(frame, ts=at_ns / 1e9)


def load(name: str) -> Captured:
    with (CAPTURES / f"{name}.pcapng").open("rb") as file:
        frames = [(round(at * 1_000_000) * 1000, bytes(frame)) for at, frame in dpkt.pcapng.Reader(file)]
    told = json.loads((CAPTURES / f"{name}.json").read_text())
    return Captured(frames, [(at, call, *rest, 0)[:3] for at, call, *rest in told["calls"]], told["settings"])
