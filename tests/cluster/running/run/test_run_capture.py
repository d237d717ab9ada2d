"""What a capture of a run does with what it is shown, and when it cannot go on."""

import io
from collections.abc import Callable
from pathlib import Path

import dpkt
import pytest

from actors.capture_messages import Captured
from actors.network.tap import PacketRow
from cluster.lab.experiment.captures import CapturePoint, Captures
from cluster.running.control.preflight import CannotStart
from cluster.running.run import run_capture
from cluster.running.run.run_capture import CapturePlace, RunCapture

FRONT, WIRE = "host0/web-0/vif0", "host0/eth0"
ROW: PacketRow = [1000, 1, 60, 0, "", bytes(60)]


class Lookers(Captures):
    """Captures of a cluster in which packets come from the test."""

    def __init__(self) -> None:
        super().__init__({}, lambda _effect: None)
        self.confirmed: list[str] = []
        self.going_on = False

    def everything(self) -> tuple[CapturePoint, ...]:
        return tuple(CapturePoint(each, "host0", "nic", each) for each in (FRONT, WIRE))

    def start(self, points: object, snap_bytes: int, take: Callable[[str, Captured], None]) -> object:
        del points, snap_bytes
        self.show, self.going_on = take, True
        return self

    def stop(self, capture: object) -> None:
        assert capture is self
        self.going_on = False

    def taken(self, name: str, captured: Captured) -> None:
        del captured
        self.confirmed.append(name)


class Bench:
    def __init__(self, place: CapturePlace) -> None:
        self.said: list[str] = []
        self.captures = Lookers()
        self.capture = RunCapture(place, self.said.append)
        self.capture.begin(self.captures, lambda: 5_000_000_000, 10**18)

    def show(self, name: str, *, missed: int = 0) -> None:
        self.captures.show(name, Captured("vif0", [ROW], missed))


def packets(path: Path) -> list[bytes]:
    return [data for _, data in dpkt.pcapng.Reader(io.BytesIO(path.read_bytes()))]


@pytest.mark.parametrize(
    ("text", "name", "apart"), [("", "", False), ("a.pcapng", "a.pcapng", False), ("new/", "new", True)]
)
def test_what_is_meant_by_a_path(text: str, name: str, apart: bool) -> None:
    place = CapturePlace.of(text)
    assert (place.path.name, place.apart) == (name, apart)


def test_a_folder_that_is_there_needs_no_slash(tmp_path: Path) -> None:
    assert CapturePlace.of(str(tmp_path)) == CapturePlace(tmp_path, apart=True)


def test_packets_are_in_the_file_at_once_and_confirmed(tmp_path: Path) -> None:
    bench = Bench(CapturePlace(tmp_path / "a.pcapng"))
    bench.show(FRONT)
    bench.show(WIRE)
    assert packets(tmp_path / "a.pcapng") == [bytes(60)] * 2
    assert bench.captures.confirmed == [FRONT, WIRE]

    bench.show(WIRE, missed=7)
    bench.capture.end()
    assert bench.said == [f"capture: 3 packets, 7 missed; {tmp_path / 'a.pcapng'}"]
    assert not bench.captures.going_on


def test_in_a_folder_each_interface_has_a_file(tmp_path: Path) -> None:
    bench = Bench(CapturePlace(tmp_path / "new", apart=True))
    bench.show(WIRE)
    bench.capture.end()

    counts = {each.name: len(packets(each)) for each in (tmp_path / "new").iterdir()}
    assert counts == {"host0-web-0-vif0.pcapng": 0, "host0-eth0.pcapng": 1}
    assert bench.said == [f"capture: 1 packets; {tmp_path / 'new'}"]


def test_a_full_capture_ends_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(CapturePlace(tmp_path / "a.pcapng"))
    bench.show(FRONT)
    monkeypatch.setattr(run_capture, "BYTES_MAX", 100)
    bench.show(FRONT)

    assert not bench.captures.going_on
    assert "goes no further" in bench.said[0]
    assert packets(tmp_path / "a.pcapng") == [bytes(60)]
    bench.capture.end()
    assert len(bench.said) == 2


def test_a_disk_that_is_full_ends_the_capture_and_not_the_run() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(CannotStart, match="/dev/full: no space left on device"):
        Bench(CapturePlace(full))


def test_a_disk_that_becomes_full_ends_the_capture_and_not_the_run(tmp_path: Path) -> None:
    bench = Bench(CapturePlace(tmp_path / "a.pcapng"))
    file = bench.capture._files[FRONT][0]
    file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        bench.capture._files = {name: (full, each) for name, (_, each) in bench.capture._files.items()}
        bench.show(FRONT)
        bench.capture.end()

    assert not bench.captures.going_on
    assert bench.captures.confirmed == []
    assert bench.said[0] == f"capture: {tmp_path / 'a.pcapng'}: no space left on device"


def test_one_that_has_not_begun_says_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    RunCapture(CapturePlace(tmp_path / "a.pcapng"), said.append).end()

    assert said == []
