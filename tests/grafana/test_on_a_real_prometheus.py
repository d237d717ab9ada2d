"""Every expression of `grafana/`, asked of a Prometheus that has scraped a real crash."""

import json
import math
import re
from pathlib import Path

import pytest

from cluster.running.metrics.catalog import CATALOG
from cluster.running.metrics.family import PREFIX
from grafana.source.alerts import ALERTS

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent.parent / "grafana"
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))
MACROS = {"$__rate_interval": "1s", "$__range": "5s", "$cluster": ".+", "$host": ".+", "$guest": ".+"}
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def filled_in(expression: str) -> str:
    for name, value in MACROS.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"an unknown macro in {expression}"
    return expression


def panels() -> list[tuple[str, str, list[str]]]:
    """(dashboard, title, expressions) of every panel."""
    found = []
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            if panel["type"] != "row":
                expressions = [filled_in(each["expr"]) for each in panel["targets"]]
                found.append((path.stem, panel["title"], expressions))
    return found


def says_something(series: list[dict]) -> bool:
    values = [each["value"][1] for each in series]
    return any(not math.isnan(float(each)) for each in values)


def test_every_panel_shows_the_run(crash_run) -> None:
    silent = [
        f"{dashboard}/{title}: {expression}"
        for dashboard, title, expressions in panels()
        for expression in expressions
        if not crash_run.prometheus.over(expression, crash_run.start_s, crash_run.end_s)
    ]
    assert silent == []


def test_no_panel_is_blank_while_dom0_hangs(crash_run) -> None:
    at_s = crash_run.outage_s
    blank = []
    for dashboard, title, expressions in panels():
        found = [crash_run.prometheus.at(each, at_s) for each in expressions]
        blank += [
            f"{dashboard}/{title}: {each}"
            for each, series in zip(expressions, found, strict=True)
            if not series
        ]
        if not any(says_something(series) for series in found):
            blank.append(f"{dashboard}/{title} as a whole")
    assert blank == []


def test_a_guest_that_died_for_good_keeps_its_panels(crash_run) -> None:
    blank = []
    for path in (ROOT / "dashboards" / "guest.json",):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                expression = filled_in(target["expr"].replace("$guest", "web-1"))
                if not crash_run.prometheus.at(expression, crash_run.after_death_s):
                    blank.append(f"{panel['title']}: {expression}")
    assert blank == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda each: each.stem)
def test_variables_and_annotations_find_something(path: Path, crash_run) -> None:
    dashboard = json.loads(path.read_text())
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            series, label = LABEL_VALUES.fullmatch(filled_in(variable["query"])).groups()
            found = crash_run.prometheus.ask(
                f"label/{label}/values",
                **{"match[]": series, "start": crash_run.start_s, "end": crash_run.end_s},
            )
            assert found, variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        expression = filled_in(annotation["expr"])
        assert crash_run.prometheus.over(expression, crash_run.start_s, crash_run.end_s), expression


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each.name)
def test_alerts_can_be_evaluated_throughout(alert, crash_run) -> None:
    prometheus = crash_run.prometheus
    assert prometheus.over(alert.expression, crash_run.start_s, crash_run.end_s)
    assert prometheus.at(alert.expression, crash_run.outage_s)
    prometheus.over(alert.condition, crash_run.start_s, crash_run.end_s)


def test_prometheus_has_taken_the_rules(crash_run) -> None:
    (group,) = crash_run.prometheus.ask("rules")["groups"]

    assert [each["name"] for each in group["rules"]] == [each.name for each in ALERTS]
    assert {each["health"] for each in group["rules"]} <= {"ok", "unknown"}


def test_a_fault_is_seen_within_two_scrapes(crash_run) -> None:
    window = 'domzero_faults_active{target="dom0"}[10s]'
    (series,) = crash_run.prometheus.at(window, crash_run.outage_s + 2)
    injected_s = crash_run.unix_s(crash_run.faults[0].injected_at_ns)
    later = [float(value) for at_s, value in series["values"] if at_s > injected_s]

    assert 1.0 in later[:2]


def test_the_outage_itself_is_on_the_picture(crash_run) -> None:
    def largest(expression: str) -> float:
        found = crash_run.prometheus.over(expression, crash_run.start_s, crash_run.end_s)
        return max(float(value) for each in found for _, value in each["values"])

    assert largest('domzero_guest_outage_seconds{guest="web-0"}') > 0.5
    assert largest("domzero_dom0_boots_total") == 2
    assert largest('domzero_domain_state{domain="dom0"}') >= 3
    found = crash_run.prometheus.at('domzero_domain_state{domain="web-1"}', crash_run.after_death_s)
    assert [each["value"][1] for each in found] == ["0"]


def test_every_metric_is_exported_and_every_name_in_the_files_is_one(crash_run) -> None:
    stored = {
        each for each in crash_run.prometheus.ask("label/__name__/values") if each.startswith("domzero_")
    }
    exported = set()
    for family in CATALOG.values():
        suffixes = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
        exported |= {family.full_name + suffix for suffix in suffixes}
    assert stored == exported

    text = "".join(
        each.read_text() for each in ROOT.rglob("*") if each.suffix in {".json", ".yml", ".yaml", ".md"}
    )
    named = set(re.findall(r"(?<!\w)domzero_\w+", text))
    assert named <= stored
    unseen = [name for name in CATALOG if not any(each.startswith(PREFIX + name) for each in named)]
    assert unseen == [], "what is measured is shown"
