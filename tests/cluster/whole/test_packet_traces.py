"""Traces of runs in which guests talk: every packet can be followed to where it came."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.vif.vif import VIF
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions
from tests.cluster.whole.test_run_capture import TEXT
from tests.cluster.whole.test_traces import Events, check_format, check_nesting, load

WIRE = ["to the controller", "wire", "to the driver", "bridge"]
WAYS = {
    False: ["in the ring", "bridge", "in the ring"],
    True: ["in the ring", "bridge", *WIRE, "in the ring"],
}
"""Of a packet that arrives, by whether it goes to another host."""

Traced = Callable[[str], tuple[Supervisor, Path]]


@pytest.fixture
def traced(tmp_path: Path) -> Traced:
    """Run it with a trace; the supervisor, and the file."""

    def run(driver: str) -> tuple[Supervisor, Path]:
        (tmp_path / "seen.yaml").write_text(TEXT)
        options = SessionOptions(driver=driver, out=tmp_path / "out", trace=True, private=True)
        session = Session(load_cluster(tmp_path / "seen.yaml"), options, Progress.silent())
        seen: list[Supervisor] = []
        before = session._report
        session._report = lambda supervisor, read: (seen.append(supervisor), before(supervisor, read))[1]  # type: ignore[method-assign]
        report = session.run()
        assert report.verdict.value == "held", [
            each for each in report.checks if each.verdict.value != "held"
        ]
        return seen[0], tmp_path / "out" / "trace.json"

    return run


def ways_of(events: Events) -> list[tuple[dict[str, object], list[tuple[str, str]]]]:
    """What is told of each packet, and what began in it and where, in order."""
    told: dict[object, dict[str, object]] = {}
    inside: dict[object, list[tuple[str, str]]] = defaultdict(list)
    for each in events:
        if each.get("cat") == "packet" and each["ph"] == "b":
            key = each["id2"]["local"]
            if key in told:
                inside[key].append((each["name"], each["args"]["at"]))
            else:
                told[key] = each["args"] | {"name": each["name"]}
    return [(args, inside[key]) for key, args in told.items()]


def check_packets(events: Events) -> None:
    """Those that arrived went all the way, to each host, of each kind; the others ended on it."""
    kinds = Counter()
    for told, way in ways_of(events):
        hosts = [at.partition("/")[0] for _, at in way]
        whole = WAYS[hosts[0] != hosts[-1] or len(way) > len(WAYS[False])]
        names = [name for name, _ in way]
        if told["arrived"]:
            assert names == whole, (told, way)
            kinds[told["name"], len(set(hosts))] += 1
        else:
            assert names == WAYS[True][: len(names)] or names == WAYS[False][: len(names)], (told, way)
    assert {("TCP", 1), ("TCP", 2), ("UDP", 2), ("ICMP", 2), ("ARP", 2)} <= kinds.keys(), kinds


def check_arrows(events: Events) -> None:
    """Those of one packet begin once, at the guest that has sent it, and end once, at another actor."""
    arrows: dict[object, list[tuple[str, int]]] = defaultdict(list)
    for each in events:
        if each.get("cat") == "packet" and each["ph"] in "stf":
            arrows[each["id"]].append((each["ph"], each["pid"]))
    senders = {
        told["packet"]: pid
        for each in events
        if each.get("cat") == "packet" and each["ph"] == "b" and "packet" in (told := each["args"])
        for pid in [each["pid"]]
    }
    assert len(arrows) > 50
    for number, steps in arrows.items():
        assert "".join(phase for phase, _ in steps) == f"s{'t' * (len(steps) - 2)}f"
        assert steps[0][1] == senders[number] != steps[-1][1]


def check(path: Path) -> Events:
    events = load(path)
    check_format(events)
    check_nesting(events)
    check_packets(events)
    check_arrows(events)
    return events


def test_in_virtual_time_every_packet_that_guests_have_sent_is_there(traced: Traced) -> None:
    supervisor, path = traced("simulated")
    events = check(path)

    ways = ways_of(events)
    fronts = [
        front
        for (_, name), named in supervisor.lab.readings.frontends.items()
        if name == VIF.name
        for front in named.values()
    ]
    assert len(ways) >= sum(each.sent for each in fronts) > 300
    lost = sum(not told["arrived"] for told, _ in ways)
    assert lost < len(ways) / 20, "nothing is lost but what was under way when dom0 was killed"


def test_packets_are_in_no_outage_and_no_counter(traced: Traced) -> None:
    _, path = traced("simulated")
    events = load(path)

    assert {each["name"] for each in events if each["ph"] == "C"} == {"events"}
    assert not [each for each in events if each.get("cat") in {"request", "outage"}]


def test_what_a_crash_has_lost_ends_where_it_was_seen_last(traced: Traced) -> None:
    _, path = traced("simulated")
    for told, way in ways_of(load(path)):
        if not told["arrived"]:
            assert told["last seen"] == way[-1][1]


@pytest.mark.processes
def test_packets_of_real_processes_can_be_followed(traced: Traced) -> None:
    check(traced("live")[1])


def test_a_trace_that_lost_the_controllers_is_found_out(traced: Traced) -> None:
    _, path = traced("simulated")
    events = [each for each in load(path) if each["name"] != "wire"]
    with pytest.raises(AssertionError):
        check_packets(events)


def test_a_run_with_a_trace_comes_out_as_one_without(traced: Traced, tmp_path: Path) -> None:
    traced("simulated")
    options = SessionOptions(driver="simulated", out=tmp_path / "plain", private=True)
    Session(load_cluster(tmp_path / "seen.yaml"), options, Progress.silent()).run()

    found = [json.loads((tmp_path / each / "run.json").read_text()) for each in ("out", "plain")]
    assert found[0] == found[1]
