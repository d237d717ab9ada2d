"""Traces of whole runs: every answered request can be followed from its guest to the disk and back.

Perfetto's own trace processor is asked where it is present: `.ci/run` puts it, as WebAssembly, into
`.trace-processor` (or DOMZERO_TRACE_PROCESSOR names the folder), and node runs it.
"""

import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.trace.perfetto import write_trace
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

ROOT = Path(__file__).parent.parent.parent.parent
QUERY = ROOT / "tests" / "perfetto" / "query.mjs"
ENGINE = Path(os.environ.get("DOMZERO_TRACE_PROCESSOR") or ROOT / ".trace-processor")
PHASES = ["in the ring", "backend", "command", "disk", "answer in the ring"]
FIELDS = {
    "M": {"args"},
    "X": {"ts", "dur"},
    "b": {"ts", "id2", "cat"},
    "e": {"ts", "id2", "cat"},
    "s": {"ts", "id", "cat"},
    "t": {"ts", "id", "cat"},
    "f": {"ts", "id", "cat", "bp"},
    "i": {"ts", "s"},
    "C": {"ts", "args"},
}
Events = list[dict[str, object]]
CRASH = {"kind": "crash", "target": "host0/dom0", "at": "150ms"}


@pytest.fixture
def simulated(scenarios, laboratory) -> Path:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], trace=True, invariants=False)
    return run.directory / "trace.json"


@pytest.fixture
def live(scenarios, laboratory, control_sockets: Path) -> Path:
    options = SessionOptions(out=laboratory.folder / "live", trace=True)
    file = laboratory.write(scenarios["renegotiate-dom0-crash"])
    run = laboratory.run(Session(load_cluster(file), options, Progress.silent()))
    assert not list(run.directory.rglob("*.records"))
    return run.directory / "trace.json"


@pytest.fixture
def ask() -> Callable[..., list[list[dict[str, object]]]]:
    """Rows of SQL statements about a trace, from Perfetto's trace processor."""
    node = shutil.which("node")
    if node is None or not (ENGINE / "trace_processor.wasm").is_file():
        pytest.skip(f"node, or Perfetto's trace processor in {ENGINE}, is not there (.ci/run installs it)")

    def query(trace: Path, *statements: str) -> list[list[dict[str, object]]]:
        done = subprocess.run(
            [node, str(QUERY), str(ENGINE), str(trace), *statements],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return query


def load(path: Path) -> Events:
    return json.loads(path.read_text())["traceEvents"]


def requests_of(events: Events) -> list[list[str]]:
    """For each request that was answered, what began in it, in order."""
    found: dict[object, list[str]] = defaultdict(list)
    answered = set()
    for each in events:
        if each.get("cat") == "request" and each["ph"] == "b":
            key = each["id2"]["local"]
            found[key].append(each["name"])
            if each["args"].get("answered"):
                answered.add(key)
    return [names for key, names in found.items() if key in answered]


def check_format(events: Events) -> None:
    for each in events:
        assert {"ph", "pid", "name"} <= each.keys()
        assert FIELDS[each["ph"]] <= each.keys(), each
        assert each.get("dur", 1) > 0
    named = {each["pid"] for each in events if each["name"] == "process_name"}
    assert {each["pid"] for each in events} == named


def check_nesting(events: Events) -> None:
    """Slices of an actor never overlap; what begins asynchronously ends, the last first."""
    last: dict[object, float] = {}
    open_: dict[object, list[str]] = defaultdict(list)
    for each in events:
        if each["ph"] == "X":
            assert each["ts"] >= last.get(each["pid"], -1e18) - 0.0005
            last[each["pid"]] = each["ts"] + each["dur"]
        elif each["ph"] == "b":
            open_[each["id2"]["local"]].append(each["name"])
        elif each["ph"] == "e":
            assert open_[each["id2"]["local"]].pop() == each["name"]
    assert not any(open_.values())


def check_story(events: Events) -> None:
    """The crash is in it: the fault, the outages of both guests, and requests that went twice."""
    (fault,) = [each for each in events if each["ph"] == "i" and each["s"] == "g"]
    assert fault["name"] == "fault: 1 crash of host0/dom0"
    outages = [each for each in events if each.get("cat") == "outage" and each["ph"] == "b"]
    assert sorted(each["args"]["guest"] for each in outages) == ["web-0", "web-1"]
    assert all(each["args"]["over"] for each in outages)
    counters = {(each["name"], *each["args"]) for each in events if each["ph"] == "C"}
    assert counters == {("requests", "in flight"), ("events", "outstanding")}


def check_requests(events: Events) -> None:
    ways = requests_of(events)
    assert len(ways) > 20
    for names in ways:
        assert names[0] in {"read", "write", "flush"}
        # A backend that resumes takes up what another one had taken: it is in the ring only once.
        assert names[1] == PHASES[0], names
        assert names[-len(PHASES) + 1 :] == PHASES[1:], names


def check(path: Path) -> None:
    events = load(path)
    check_format(events)
    check_nesting(events)
    check_story(events)
    check_requests(events)


def test_a_simulated_run_can_be_followed(simulated: Path) -> None:
    check(simulated)


@pytest.mark.parametrize(
    "name", ["packed-reboot", "three-crashes-resumed", "resume-stubdom-hang", "guest-restart", "two-hosts"]
)
def test_whatever_dies_and_comes_back_requests_can_be_followed(name: str, scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios[name], trace=True, invariants=False)
    events = load(run.directory / "trace.json")
    check_format(events)
    check_nesting(events)
    check_requests(events)
    flags = [each["name"] for each in events if each["ph"] == "i" and each["s"] == "g"]
    assert len(flags) == len(run.supervisor.injections)


def test_a_gap_of_the_clock_and_what_never_fired_are_in_the_trace(
    scenarios, laboratory, variant, tmp_path: Path
) -> None:
    never = {"kind": "hang", "target": "host0/dom0", "when": {"fault": 1, "state": "detected", "nth": 2}}
    scenario = variant(scenarios["renegotiate-dom0-crash"], faults=(CRASH, never))
    supervisor = laboratory.simulate(scenario, invariants=False).supervisor
    began_ns = supervisor.phases.began_ns + 1_000_000
    supervisor.lab.outcome.clock_gaps.append(ClockGap("workload", began_ns, began_ns + 5_000_000, 0, 2, ()))

    write_trace(tmp_path / "trace.json", supervisor, "live", [])

    events = load(tmp_path / "trace.json")
    gap = [(each["ph"], each["ts"]) for each in events if each["name"] == "clock gap"]
    assert gap == [("b", 1000.0), ("e", 6000.0)]
    (told,) = [each for each in events if str(each["name"]).startswith("never fired")]
    assert told["name"] == "never fired: 2 hang of host0/dom0"
    assert told["args"]["why"] == "when fault 1 is detected, time 2: that was so once, and not again"


@pytest.mark.processes
def test_a_run_of_real_processes_can_be_followed(live: Path) -> None:
    check(live)


def test_a_trace_that_lost_the_disk_is_found_out(simulated: Path) -> None:
    events = [each for each in load(simulated) if each["name"] != "disk"]
    with pytest.raises(AssertionError):
        check_requests(events)


TROUBLE = "select name, value from stats where value > 0 and severity != 'info'"
LOOSE = "select count(*) as n from flow where slice_out is null or slice_in is null"
WAY = """
    select s.name, p.name as process, extract_arg(s.arg_set_id, 'args.at') as at, s.ts, s.dur, s.depth
    from slice s join process_track t on s.track_id = t.id join process p using (upid)
    where extract_arg(s.arg_set_id, 'args.request') = (
        select extract_arg(arg_set_id, 'args.request') from slice
        where category = 'request' and depth = 0 order by dur desc, ts limit 1)
    order by s.ts, s.depth"""
ARROWS = """
    select a.name as sent, p.name as source, b.name as taken, q.name as destination
    from flow f join slice a on f.slice_out = a.id join slice b on f.slice_in = b.id
    join thread_track t on a.track_id = t.id join thread h on t.utid = h.utid
    join process p on h.upid = p.upid join thread_track u on b.track_id = u.id
    join thread i on u.utid = i.utid join process q on i.upid = q.upid"""


def ask_for_the_way(trace: Path, ask: Callable[..., list[list[dict[str, object]]]]) -> None:
    trouble, loose, way, arrows = ask(trace, TROUBLE, LOOSE, WAY, ARROWS)
    assert trouble == []
    assert loose == [{"n": 0}]
    guest, names = way[0]["process"], [each["name"] for each in way]
    assert names[-len(PHASES) :] == PHASES
    assert names.count("in the ring") == 2, "the longest request went twice: dom0 was killed under it"
    assert [each["at"] for each in way[-len(PHASES) :]] == [
        str(guest).split(" ")[0], "host0/dom0", "host0/dom0", "host0/sda", "host0/dom0",
    ]  # fmt: skip
    assert {each["process"] for each in way} == {guest}
    seen = Counter((each["sent"], each["source"], each["taken"], each["destination"]) for each in arrows)
    places = {(source, destination) for _, source, _, destination in seen}
    for place in (
        (guest, "host0/dom0"),
        ("host0/dom0", "host0/sda"),
        ("host0/sda", "host0/dom0"),
        ("host0/dom0", guest),
        (guest, "host0/hypervisor"),
        ("host0/sda", "host0/ioapic"),
        ("host0/ioapic", "host0/hypervisor"),
    ):
        assert place in places


def test_perfetto_finds_the_way_of_a_request_in_virtual_time(simulated: Path, ask) -> None:
    ask_for_the_way(simulated, ask)


@pytest.mark.processes
def test_perfetto_finds_the_way_of_a_request_through_real_processes(live: Path, ask) -> None:
    ask_for_the_way(live, ask)
