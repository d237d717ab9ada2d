"""`domzero run --capture`: every packet of a run from the first one on, as tshark reads it."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.loading import load_cluster
from cluster.running.control.preflight import CannotStart
from cluster.running.run.progress import Progress
from cluster.running.run.run_capture import FILE, CapturePlace
from cluster.running.run.session import Session, SessionOptions

HOST = "memory: 256MiB, dom0: {memory: 32MiB}, disks: [{name: sda}], nics: [{name: eth0}]"
TEXT = f"""\
name: seen
run: {{duration: 300ms, settle: 10s}}
hosts:
  - {{name: host0, {HOST}, guests: [
      {{name: db-0, memory: 8MiB, networks: [{{}}], talks: [
        {{kind: stream, serve: true}}, {{kind: http, serve: true}}, {{kind: udp, serve: true}}]}},
      {{name: web-0, memory: 8MiB, networks: [{{}}], talks: [
        {{kind: stream, to: db-0, bandwidth: 1Mbit}}]}}]}}
  - {{name: host1, {HOST}, guests: [
      {{name: far-0, memory: 8MiB, networks: [{{}}], talks: [
        {{kind: http, to: host0/db-0, rate: 20/s}}, {{kind: udp, to: host0/db-0, rate: 50/s}},
        {{kind: ping, to: host0/web-0, rate: 50/s}}]}}]}}
faults:
  - {{kind: crash, target: host0/dom0, at: 150ms}}
"""
GUESTS = ("host0/db-0/vif0", "host0/web-0/vif0", "host1/far-0/vif0")
PLACES = ("", ":backend", ":bridge")
BAD, GOOD = "0", "1"
DAMAGED = '_ws.malformed || _ws.expert.group == "Malformed"'
CHECKED = ("ip", "tcp", "udp")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run it, in a driver, and capture; the run directory."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "seen.yaml").write_text(TEXT)

    def captured(name: str, capture: str = "", driver: str = "simulated") -> Path:
        options = SessionOptions(
            driver=driver, out=folder / name, private=True, capture=CapturePlace.of(capture)
        )
        report = Session(load_cluster(folder / "seen.yaml"), options, Progress.silent()).run()
        assert report.verdict.value == "held", [
            each for each in report.checks if each.verdict.value != "held"
        ]
        return folder / name

    return captured


@pytest.fixture(scope="module")
def simulated(run: Run) -> Path:
    return run("simulated")


def tshark(path: Path, *words: str, fields: tuple[str, ...] = ()) -> list[list[str]]:
    """The fields of every packet, with all checksums verified."""
    checks = [word for each in CHECKED for word in ("-o", f"{each}.check_checksum:TRUE")]
    wanted = [word for each in fields for word in ("-e", each)]
    command = ["tshark", "-r", str(path), *checks, "-o", "tcp.desegment_tcp_streams:FALSE", *words]
    done = subprocess.run(
        [*command, "-T", "fields", "-E", "separator=|", *wanted],
        capture_output=True, text=True, check=True,
        env={"HOME": str(path.parent), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
    )  # fmt: skip
    return [line.split("|") for line in done.stdout.splitlines()]


def check_packets(path: Path) -> None:
    """Nothing is malformed, no checksum bad, and there are good ones of each kind."""
    assert tshark(path, "-Y", DAMAGED, fields=("frame.number", "frame.interface_name")) == []
    fields = tuple(f"{each}.checksum.status" for each in (*CHECKED, "icmp"))
    rows = tshark(path, fields=fields)
    for name, found in zip(fields, zip(*rows, strict=True), strict=True):
        statuses = {status for each in found for status in each.split(",")}
        assert GOOD in statuses, name
        assert BAD not in statuses, name


@needs_tshark
def test_tshark_finds_nothing_malformed_and_no_bad_checksum_at_any_place(simulated: Path) -> None:
    check_packets(simulated / FILE)


@needs_tshark
def test_every_interface_is_seen_at_every_place_and_every_controller(simulated: Path) -> None:
    rows = tshark(simulated / FILE, fields=("frame.interface_name", "frame.time_epoch"))
    counts = Counter(name for name, _ in rows)

    assert counts.keys() == {
        *(f"{guest}{place}" for guest in GUESTS for place in PLACES),
        *("host0/eth0", "host1/eth0"),
    }
    for guest in GUESTS:
        assert counts[f"{guest}:backend"] == counts[f"{guest}:bridge"] > 10
    assert all(0 < float(at) < 60 for _, at in rows), "virtual time begins with 0"


@needs_tshark
def test_it_begins_with_the_first_packets_and_goes_on_after_dom0_was_killed(simulated: Path) -> None:
    asked = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
    client = 'frame.interface_name == "host0/web-0/vif0" && ip'
    rows = tshark(
        simulated / FILE, "-Y", client, fields=("frame.number", "tcp.flags.syn", "frame.time_epoch")
    )
    assert rows[0][1] in {"1", "True"}, "the first of a connection is its SYN"
    (syn,) = tshark(simulated / FILE, "-Y", f"{asked} && {client}", fields=("frame.number",))
    assert syn[0] == rows[0][0]
    backend = 'frame.interface_name == "host0/web-0/vif0:backend"'
    seen = [float(at) for (at,) in tshark(simulated / FILE, "-Y", backend, fields=("frame.time_epoch",))]
    booted_s = float(rows[0][2])
    assert min(seen) < booted_s + 0.1
    assert max(seen) > booted_s + 0.2, "the next dom0 shows what it serves"


def test_a_simulated_capture_is_the_same_again_and_a_folder_has_it_in_files(
    run: Run, simulated: Path, tmp_path: Path
) -> None:
    again = run("again", f"{tmp_path}/packets/")
    once = run("once")

    assert (once / FILE).read_bytes() == (simulated / FILE).read_bytes()
    assert (once / "run.json").read_bytes() == (simulated / "run.json").read_bytes()
    assert not (again / FILE).exists()
    files = {each.name: each.stat().st_size for each in (tmp_path / "packets").iterdir()}
    assert len(files) == len(GUESTS) * len(PLACES) + 2
    assert files["host0-eth0.pcapng"] > 1000


@pytest.mark.processes
@needs_tshark
def test_real_processes_are_captured_to_a_file_that_is_named(run: Run, tmp_path: Path) -> None:
    run("live", str(tmp_path / "live.pcapng"), driver="live")

    check_packets(tmp_path / "live.pcapng")
    names = {name for (name,) in tshark(tmp_path / "live.pcapng", fields=("frame.interface_name",))}
    assert names == {
        *(f"{guest}{place}" for guest in GUESTS for place in PLACES),
        *("host0/eth0", "host1/eth0"),
    }


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        (TEXT, "nowhere/a.pcapng", "nowhere/a.pcapng: nowhere is no folder"),
        (
            "name: mute\nhosts: [{name: host0, memory: 64MiB, dom0: {memory: 16MiB}}]\n",
            "",
            "nothing to capture: no guest has a network interface (networks:)",
        ),
    ],
)
def test_what_cannot_be_captured_is_refused_before_anything_is_made(
    tmp_path: Path, text: str, where: str, said: str
) -> None:
    (tmp_path / "seen.yaml").write_text(text)
    cluster = load_cluster(tmp_path / "seen.yaml")
    options = SessionOptions(driver="simulated", out=tmp_path / "out", capture=CapturePlace.of(where))

    with pytest.raises(CannotStart) as error:
        Session(cluster, options, Progress.silent())
    assert str(error.value) == said
    assert not (tmp_path / "out").exists()
