"""Networks that are set up wrongly, or whose guests do not do their part: who suffers, and nobody else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.domu import network_interface
from actors.domu.network_interface import interface_of
from actors.inet.interface import Interface
from actors.notebook.talk_header import TalkWord
from actors.vif.receive_queue import ReceiveQueue
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.report import Report, build_report
from cluster.running.drivers.simulated import run_simulated

MS = 1_000_000
RTO_MIN_NS = 200 * MS
HOST = {"memory": "128MiB", "dom0": {"memory": "32MiB"}, "nics": [{"name": "eth0"}]}
PING = {"kind": "ping", "rate": "100/s"}

Run = tuple[Supervisor, Report]
Simulate = Callable[..., Run]


def guest(name: str, *talks: Mapping[str, object], **network: object) -> dict[str, Any]:
    return {"name": name, "memory": "8MiB", "networks": [network], "talks": list(talks)}


@pytest.fixture
def simulate(tmp_path: Path) -> Simulate:
    def run(*hosts: Mapping[str, object], duration: str = "600ms", **more: object) -> Run:
        path = tmp_path / "bad.yaml"
        told = {"name": "bad", "run": {"duration": duration, "settle": "10s"}, "hosts": list(hosts), **more}
        path.write_text(yaml.safe_dump(told))
        cluster = load_cluster(path)
        supervisor, read = run_simulated(
            cluster, lambda _what, _text: None, None, trace=False, invariants=True
        )
        return supervisor, build_report(cluster, "simulated", supervisor, tmp_path, read)

    return run


def word(supervisor: Supervisor, name: str, word: TalkWord, talk: int = 0) -> int:
    (found,) = [each for each in supervisor.lab.guests.values() if each.name == name]
    return found.talks[talk].word(word)


def failed(report: Report) -> list[str]:
    return [f"{each.name}: {each.detail}" for each in report.checks if each.verdict.value != "held"]


def test_eight_streams_at_full_speed_live_through_the_death_of_their_driver_domain(
    simulate: Simulate,
) -> None:
    net = {"name": "net", "memory": "16MiB", "nics": ["eth0"]}
    served = {"kind": "stream", "serve": True}
    sending = [
        guest(f"web-{each}", {"kind": "stream", "to": "sink"}, backend="net", rate="8Mb/s@5ms")
        for each in range(8)
    ]
    host = {**HOST, "driver_domains": [net], "guests": [guest("sink", served, backend="net"), *sending]}
    crash = {"kind": "crash", "target": "host0/net", "at": "300ms"}
    _, report = simulate({**host, "name": "host0"}, faults=[crash])

    assert failed(report) == []
    assert report.talks is not None
    assert (report.talks.connections.opened, report.talks.connections.lived) == (8, 8)
    assert report.talks.bytes.in_order == report.talks.bytes.sent > 8 * 200_000
    (fault,) = report.to_dict()["faults"]  # type: ignore[misc]
    recovery_ns = fault["recovered_at_ns"] - fault["injected_at_ns"]
    assert report.talks.silence_max_ns <= recovery_ns + RTO_MIN_NS


def test_frames_that_are_larger_than_the_wire_takes_are_lost_and_everybody_else_goes_on(
    simulate: Simulate,
) -> None:
    stream = {"kind": "stream", "serve": True}
    jumbo = guest("jumbo", {"kind": "stream", "to": "host1/far"}, {**PING, "to": "host1/far"}, mtu=9000)
    fits = guest("fits", {"kind": "stream", "to": "host1/far", "bandwidth": "1Mbit", "block": "1KiB"})
    supervisor, report = simulate(
        {**HOST, "name": "host0", "guests": [jumbo, fits]},
        {**HOST, "name": "host1", "guests": [guest("far", stream, mtu=9000)]},
    )

    assert failed(report) == []
    assert word(supervisor, "jumbo", TalkWord.ESTABLISHED) == 1
    assert word(supervisor, "jumbo", TalkWord.BYTES_RECEIPTED) == 0, (
        "what opens it is small, and nothing else"
    )
    assert word(supervisor, "jumbo", TalkWord.ANSWERED, 1) == word(supervisor, "jumbo", TalkWord.SENT, 1) > 50
    assert word(supervisor, "fits", TalkWord.BYTES_RECEIPTED) > 60_000
    assert word(supervisor, "fits", TalkWord.LONGEST_GAP_NS) < 50 * MS


@pytest.mark.parametrize("guarded", [True, False])
def test_a_guest_that_takes_anothers_address_hurts_it_unless_it_is_held_to_its_own(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    mac = "00:16:3e:11:22:33"

    def taken(row: Mapping[str, object]) -> Interface:
        return interface_of({**row, "mac": mac} if row["ip"] == "10.0.0.9/24" else row)

    monkeypatch.setattr(network_interface, "interface_of", taken)
    guests = [
        guest("db", {**PING, "to": "owner"}, ip="10.0.0.2/24"),
        guest("owner", mac=mac, ip="10.0.0.3/24"),
        guest("thief", {**PING, "to": "other", "rate": "1000/s"}, antispoof=guarded, ip="10.0.0.9/24"),
        guest("other", {**PING, "to": "db"}, ip="10.0.0.4/24"),
    ]
    supervisor, report = simulate({**HOST, "name": "host0", "guests": guests})

    assert failed(report) == []
    lost = {
        each: word(supervisor, each, TalkWord.SENT) - word(supervisor, each, TalkWord.ANSWERED)
        for each in ("db", "other")
    }
    assert lost["other"] == 0
    if guarded:
        assert lost["db"] == word(supervisor, "thief", TalkWord.ANSWERED) == 0
    else:
        assert lost["db"] > 10, "what is for its owner goes to who spoke last"


def test_a_guest_that_never_empties_its_ring_holds_up_nobody(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ReceiveQueue.on_event

    def on_event(queue: ReceiveQueue) -> None:
        if getattr(queue._kernel, "name", "") != "deaf":
            real(queue)

    monkeypatch.setattr(ReceiveQueue, "on_event", on_event)
    flood = {"kind": "udp", "to": "10.0.0.2", "rate": "3000/s", "size": 1400}
    host = {
        **HOST,
        "guests": [
            guest("deaf", {"kind": "udp", "serve": True}, ip="10.0.0.2/24"),
            guest("loud", flood, {**PING, "to": "near"}, ip="10.0.0.3/24"),
            guest("near", {**PING, "to": "loud"}, ip="10.0.0.4/24"),
        ],
    }
    supervisor, report = simulate({**host, "name": "host0"})

    assert failed(report) == []
    assert word(supervisor, "loud", TalkWord.ANSWERED) == 0
    for name, talk in (("loud", 1), ("near", 0)):
        answered = word(supervisor, name, TalkWord.ANSWERED, talk)
        assert answered == word(supervisor, name, TalkWord.SENT, talk) > 50
        assert word(supervisor, name, TalkWord.LONGEST_GAP_NS, talk) < 50 * MS
