"""Guests that talk through a dom0 or a driver domain that dies: which connections live, and how silent."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from actors.domu.network_interface import NetworkInterface
from actors.network.packet import Packet
from actors.notebook.talk_header import TalkRole, TalkWord
from cluster.lab.config.loading import load_cluster
from cluster.lab.verdict.report import Report, build_report
from cluster.lab.verdict.talk_result import TalkResult
from cluster.running.drivers.simulated import run_simulated
from cluster.running.run.kept_run import KeptRun
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

ROOT = Path(__file__).parents[3]
CONFIG = """\
name: eight
run: {{duration: 1500ms, settle: 10s}}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {{memory: 32MiB}}
    disks: [{{name: sda}}]
    nics: [{{name: eth0}}]
    {drivers}
    guests:
      - name: sink
        memory: 8MiB
        networks: [{{backend: {backend}}}]
        talks: [{{kind: stream, serve: true}}]
      - name: web
        count: 8
        memory: 8MiB
        networks: [{{backend: {backend}}}]
        talks: [{{kind: stream, to: sink, bandwidth: 2Mbit, block: 1KiB}}]
faults:
  - {{kind: {kind}, target: host0/{backend}, at: {at}}}
"""
DRIVER = "driver_domains: [{name: net, memory: 8MiB, nics: [eth0]}]"
RTO_MIN_NS = 200_000_000
SLACK_NS = 50_000_000
"""The round trip itself, and how often receipts are given."""

Run = Callable[..., Report]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def simulated(text: str, seed: int = 1) -> Report:
        path = tmp_path / "talks.yaml"
        path.write_text(text)
        cluster = replace(load_cluster(path), seed=seed)
        supervisor, read = run_simulated(cluster, lambda _what, _text: None, None, trace=False)
        return build_report(cluster, "simulated", supervisor, tmp_path, read)

    return simulated


def talks(report: Report) -> TalkResult:
    assert report.talks is not None
    return report.talks


def written(backend: str, kind: str, at: str) -> str:
    return CONFIG.format(backend=backend, kind=kind, at=at, drivers=DRIVER if backend != "dom0" else "")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("backend", "kind"), [("dom0", "crash"), ("net", "crash")])
def test_every_connection_lives_and_is_silent_no_longer_than_the_recovery_and_a_timeout(
    run: Run, backend: str, kind: str, seed: int
) -> None:
    at_ms = Random(f"{backend} {kind} {seed}").randint(400, 1200)
    report = run(written(backend, kind, f"{at_ms}ms"), seed)
    result = talks(report)

    assert report.verdict.value == "held", [each for each in report.checks if each.verdict.value != "held"]
    assert (result.connections.opened, result.connections.lived) == (8, 8)
    (fault,) = report.to_dict()["faults"]  # type: ignore[misc]
    recovery_ns = fault["recovered_at_ns"] - fault["injected_at_ns"]
    assert result.silence_max_ns <= recovery_ns + RTO_MIN_NS + SLACK_NS
    assert result.silence_max_ns > 1_000_000
    assert result.bytes.in_order == result.bytes.sent > 2_500_000


def test_a_seed_says_all(run: Run) -> None:
    text = written("dom0", "crash", "700ms")
    assert run(text, 3).to_json() == run(text, 3).to_json()
    assert run(text, 3).to_json() != run(text, 4).to_json()


def test_each_guest_tells_its_longest_silence_and_disks_have_no_outage(run: Run) -> None:
    report = run(written("dom0", "crash", "700ms"))
    for guest in report.guests:
        assert guest.outage_max_ns is None
        assert guest.talks is not None
        assert guest.talks.silence_max_ns > 0 or guest.name == "sink"
    longest_ns = max(each.talks.silence_max_ns for each in report.guests if each.talks)
    assert longest_ns == talks(report).silence_max_ns


def test_what_was_predicted_of_the_networks_is_judged(run: Run) -> None:
    text = written("dom0", "crash", "700ms")
    text += "expect: {connections_reset: 0, misdelivered: 0, datagrams_lost: 0, silence_max: 1ms}\n"
    expected = {each.text.partition(":")[0]: each.verdict.value for each in run(text).expected}
    assert expected["at most 0 connections reset"] == "held"
    assert expected["at most 0 misdelivered"] == "held"
    assert expected["at most 0 datagrams lost"] == "held"
    assert expected["silence at most 1 ms"] == "failed"


def test_a_dead_guests_talks_are_abandoned_and_begin_again(run: Run) -> None:
    text = CONFIG.format(backend="dom0", kind="crash", at="1s", drivers="").replace(
        "target: host0/dom0", "target: host0/web-0"
    )
    text = text.replace("count: 8", "count: 2\n        on_crash: restart")
    report = run(text)
    result = talks(report)
    assert (result.connections.opened, result.connections.abandoned) == (3, 1)
    assert result.holds(), result.offenders
    found = {each.name: each.talks.connections for each in report.guests if each.talks}
    assert [(each.opened, each.lived, each.abandoned) for each in found.values()] == [
        (0, 0, 0), (2, 1, 1), (1, 1, 0),
    ]  # fmt: skip
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    head, *rows = next(each for each in out.getvalue().split("\n\n") if each.startswith("guest")).splitlines()
    assert head.split()[-4:] == ["connections", "lived", "reset", "silence"]
    assert [each.split()[-5:-2] for each in rows[1:]] == [["2", "1", "0"], ["1", "1", "0"]]
    assert rows[0].split()[-4:] == ["0", "0", "0", "-"], "who only answers waits for nobody"
    (client,) = next(each for each in report.facts.guests if each.name == "web-0").talks
    assert (client.role, client.word(TalkWord.BOOTS)) == (TalkRole.client, 2)


@pytest.mark.processes
def test_the_example_holds_with_real_processes(laboratory, control_sockets: Path, tmp_path: Path) -> None:
    cluster = load_cluster(ROOT / "configs/network.yaml")
    small = replace(cluster, duration_ns=5_000_000_000)
    run = laboratory.run(Session(small, SessionOptions(out=tmp_path / "live"), Progress.silent()))

    result = talks(run.report)
    assert result.holds(), result.offenders
    assert (result.connections.lived, result.connections.reset) == (3, 0)
    assert run.check("network") == "held"
    assert KeptRun.read(run.directory).report().to_json() == run.report.to_json()


def test_damage_that_no_checksum_shows_fails_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = NetworkInterface._receive
    damaged = []

    def receive(self: NetworkInterface, packet: Packet) -> None:
        if len(packet.frame) > 1000 and len(damaged) < 2:
            damaged.append(packet.frame)
            frame = packet.frame[:-40] + bytes([packet.frame[-40] ^ 1]) + packet.frame[-39:]
            packet = packet._replace(frame=frame)
        before(self, packet)

    monkeypatch.setattr(NetworkInterface, "_receive", receive)
    report = run(written("dom0", "crash", "700ms"))
    (check,) = [each for each in report.checks if each.name == "network"]
    assert check.verdict.value == "failed"
    assert talks(report).bytes.corrupt == 2 * 1024
    assert "is corrupt" in check.detail
