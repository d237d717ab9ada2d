"""What happens between two scrapes, asked of a real Prometheus that has scraped a simulated run seldom."""

import json
import math
from pathlib import Path

from cluster.studies.campaign.planted import planted
from grafana.source.alerts import ALERTS

ROOT = Path(__file__).parent.parent.parent / "grafana"
MACROS = {"$__rate_interval": "60s", "$__range": "60s", "$cluster": ".+", "$host": ".+", "$guest": ".+"}
SELDOM_S = 15
BEFORE_S, FAULT_S, AFTER_S = 15.5, 20, 30.5
CONFIGURATION = {
    "name": "seldom",
    "run": {"duration": "50s", "settle": "10s"},
    "hosts": [
        {
            "name": "host0",
            "memory": "64MiB",
            "hwdom": "reboot",
            "watchdog": "6s",
            "dom0": {"memory": "16MiB"},
            "disks": [{"name": "sda", "latency": {"read": "2ms", "write": "2ms"}}],
            "guests": [
                {
                    "name": "web",
                    "count": 3,
                    "memory": "4MiB",
                    "disks": [{"vdev": "xvda", "size": "128KiB"}],
                    "workload": {"rate": "20/s", "depth": 4, "read_share": 0.5},
                }
            ],
        }
    ],
    "faults": [{"kind": "crash", "target": "host0/dom0", "at": f"{FAULT_S}s"}],
}


def variant(*, hwdom: str, faults: list[dict[str, object]]) -> dict[str, object]:
    (host,) = CONFIGURATION["hosts"]
    return {**CONFIGURATION, "hosts": [{**host, "hwdom": hwdom}], "faults": faults}


def filled_in(expression: str) -> str:
    for name, value in MACROS.items():
        expression = expression.replace(name, value)
    return expression


def panels(kind: str) -> dict[str, dict]:
    """The panels of a type, by dashboard and title."""
    return {
        f"{path.stem}/{panel['title']}": panel
        for path in sorted((ROOT / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        if panel["type"] == kind
    }


def colour(panel: dict, value: float) -> str:
    """Grafana's: that of the last step that the value reaches."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [each["color"] for each in steps if each["value"] is None or value >= each["value"]][-1]


def red(recording, when_s: float) -> set[str]:
    """The stats that are red to whoever looks at a moment."""
    found = set()
    for name, panel in panels("stat").items():
        (target,) = panel["targets"]
        values = recording.at(filled_in(target["expr"]), when_s)
        if any(colour(panel, each) == "red" for each in values):
            found.add(name)
    return found


def firing(recording, when_s: float) -> set[str]:
    return {each.name for each in ALERTS if recording.at(each.condition, when_s)}


def up(recording, when_s: float) -> list[float]:
    return recording.at("sum(domzero_guest_up)", when_s)


def test_the_dashboard_is_red_when_every_guest_died_and_came_back_between_two_scrapes(record) -> None:
    recording = record(CONFIGURATION, SELDOM_S)

    assert (up(recording, BEFORE_S), up(recording, AFTER_S)) == ([3], [3]), "nothing to be seen in the gauges"
    assert red(recording, BEFORE_S) == set()
    assert red(recording, AFTER_S) >= {"cluster/Guest deaths", "cluster/Host restarts", "guest/Deaths"}
    assert recording.at('sum(domzero_guest_deaths_total{reason="host"})', AFTER_S) == [3]
    assert firing(recording, BEFORE_S) == set()
    assert firing(recording, AFTER_S) >= {"DomzeroGuestDied", "DomzeroHostRestarted"}


def test_it_is_red_though_they_died_before_the_first_scrape(record) -> None:
    recording = record(variant(hwdom="reboot", faults=[{**CONFIGURATION["faults"][0], "at": "1s"}]), SELDOM_S)

    assert up(recording, BEFORE_S) == [3]
    assert red(recording, BEFORE_S) >= {"cluster/Guest deaths", "cluster/Host restarts", "guest/Deaths"}
    assert firing(recording, BEFORE_S) >= {"DomzeroGuestDied", "DomzeroHostRestarted"}


def test_a_bug_that_forgets_the_dead_is_found(record) -> None:
    with planted("forget-the-dead"):
        recording = record(CONFIGURATION, SELDOM_S)

    assert "cluster/Guest deaths" not in red(recording, AFTER_S)
    assert "DomzeroGuestDied" not in firing(recording, AFTER_S)


def test_guests_that_stay_dead_are_missing_however_many_are_left(record) -> None:
    fault = {"kind": "crash", "target": "host0/web-1", "at": f"{FAULT_S}s"}
    configuration = variant(hwdom="restart", faults=[fault])
    configuration["hosts"][0]["guests"] = [{**CONFIGURATION["hosts"][0]["guests"][0], "on_crash": "destroy"}]
    recording = record(configuration, SELDOM_S)

    assert up(recording, AFTER_S) == [2]
    assert red(recording, BEFORE_S) == set()
    assert red(recording, AFTER_S) >= {"cluster/Guests up", "cluster/Guests missing", "guest/Up"}
    assert firing(recording, AFTER_S) >= {"DomzeroGuestDied", "DomzeroGuestsMissing"}


def test_no_stat_and_no_time_line_is_without_data_when_there_is_no_fault(record) -> None:
    recording = record(variant(hwdom="restart", faults=[]), SELDOM_S)

    blank = {
        name
        for kind in ("stat", "state-timeline")
        for name, panel in panels(kind).items()
        if not any(recording.at(filled_in(each["expr"]), BEFORE_S) for each in panel["targets"])
        and not panel["fieldConfig"]["defaults"].get("noValue")
    }
    assert blank == set()
    assert recording.at("domzero_host_faults_active", 0.5) == [0]
    assert red(recording, BEFORE_S) == set()


def test_the_p99_never_looks_better_in_an_outage_than_before_it(record) -> None:
    hang = {"kind": "hang", "target": "host0/dom0", "at": f"{FAULT_S}s"}
    recording = record(variant(hwdom="restart", faults=[hang]), 1)
    latencies = {name: each for name, each in panels("timeseries").items() if "atency" in name}
    assert latencies.keys() == {"cluster/Request latency", "guest/Latency"}
    (injection,) = recording.supervisor.injections
    hung_s = injection.injected_at_ns / 1e9
    assert injection.recovered_at_ns / 1e9 - hung_s > 5, "the watchdog has six seconds"
    for panel in latencies.values():
        (worst,) = [filled_in(each["expr"]) for each in panel["targets"] if "p99" in each["legendFormat"]]
        worst = worst.replace("[60s]", "[4s]")
        (before,) = recording.at(worst, hung_s - 1)
        during = [recording.at(worst, hung_s + later_s) for later_s in (1, 2, 3, 4, 5)]
        assert all(value >= before and not math.isnan(value) for (value,) in during), (before, during)
        assert during[-1][0] > 3
