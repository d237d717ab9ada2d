"""The files of `grafana/` as such: made by the code, sound for Grafana's schema and linter, for promtool."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from ruamel.yaml import YAML

from cluster.running.metrics.catalog import CATALOG
from cluster.running.metrics.family import PREFIX
from cluster.running.metrics.outage_counts import LENGTHS
from grafana.source.alerts import ALERTS, DATASOURCE_UID, lately
from grafana.source.files import generated
from grafana.source.panels import ANNOTATION_FORMATS

ROOT = Path(__file__).parent.parent.parent / "grafana"
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))
NAMES = ["cluster", "experiment", "guest", "host", "network", "xenstore"]
EXTRA_KEYS = {"step", "tagKeys", *(key for each in ANNOTATION_FORMATS.values() for key in each)}
COUNTED_AS_THEY_ARE = {
    "dom0_boots", "domain_boots", "host_boots", "guest_boots", "guest_deaths", "guest_outages",
    "spare_promotions", "faults_injected", "host_faults_injected", "vbd_lost_writes", "vbd_reconnects",
    "vbd_resumes", "vbd_replayed_requests", "vbd_reconnect_seconds", "xenstore_transaction_conflicts",
    "disk_errors", "disk_resets", "disk_write_back_failures", "disk_fault_effects",
    "vbd_keys_published_again", "xenstore_reconnects",
    "talk_connections", "gateway_connections",
    "tcp_resets", "tcp_aborted", "vif_stalls", "vif_throttled", "vif_reconnects", "vif_detached_seconds",
    "vif_frontend_drops", "vif_backend_drops", "inet_drops", "bridge_drops", "bridge_uplink_drops",
    "uplink_restarts", "nic_rx_drops", "nic_tx_drops", "nic_filtered", "nic_resets", "nic_failures",
    "nic_link_changes", "nic_interrupts_lost", "switch_drops", "switch_not_learnt",
    "ioapic_lost_edges", "ioapic_undeliverable", "ioapic_unmatched_ends",
}  # fmt: skip


def installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def yaml(path: str) -> dict:
    return YAML(typ="safe").load((ROOT / path).read_text())


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [installed("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(params=DASHBOARDS, ids=lambda each: each.stem)
def dashboard(request) -> dict:
    return json.loads(request.param.read_text())


def panels(dashboard: dict) -> list[dict]:
    return [each for each in dashboard["panels"] if each["type"] != "row"]


def test_what_is_committed_is_what_the_code_makes() -> None:
    assert [each.stem for each in DASHBOARDS] == NAMES
    for path, text in generated().items():
        assert (ROOT / path).read_text() == text, f"{path}: `make dashboards` has not been run"


def test_grafanas_own_schema_reads_a_dashboard_without_loss(dashboard) -> None:
    for annotation in dashboard["annotations"]["list"]:
        for key in EXTRA_KEYS:
            annotation.pop(key)

    again = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))

    assert again == dashboard


def test_every_panel_asks_the_chosen_data_source_and_says_what_it_shows(dashboard) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert "${DS_" not in json.dumps(dashboard)
    for panel in panels(dashboard):
        assert panel["datasource"] == chosen, panel["title"]
        assert all(each["datasource"] == chosen for each in panel["targets"]), panel["title"]
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
    assert all(each["datasource"] == chosen for each in dashboard["annotations"]["list"])


def test_every_expression_is_limited_to_the_chosen_hosts(dashboard) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            selectors = re.findall(r"(?<!\w)domzero_\w+({[^}]*})?", target["expr"])
            assert selectors, target["expr"]
            assert all('cluster=~"$cluster",host=~"$host"' in each for each in selectors), target["expr"]


def test_a_metric_is_referred_to_by_its_row_so_that_one_that_is_renamed_is_missed() -> None:
    for path in (ROOT / "source").glob("*.py"):
        assert not re.findall(rf"\b{PREFIX}\w+", path.read_text()), path.name


def test_panels_do_not_overlap_and_have_numbers_of_their_own(dashboard) -> None:
    numbers = [each["id"] for each in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    assert dashboard["editable"] is False
    cells = [
        (x, y)
        for each in dashboard["panels"]
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_variables_choose_the_source_the_host_and_the_guest(dashboard) -> None:
    names = [each["name"] for each in dashboard["templating"]["list"]]

    assert names[:3] == ["datasource", "cluster", "host"]
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert ("guest" in names) == (dashboard["uid"] in {"domzero-guest", "domzero-network"})


def test_a_counter_is_shown_as_a_rate_unless_its_count_is_what_matters(dashboard) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            for name in re.findall(r"(?<!\w)domzero_(\w+)_total", target["expr"]):
                assert CATALOG[name].kind == "counter"
                rate = re.search(
                    rf"rate\(domzero_{name}_total{{[^}}]*}}\[\$__(rate_interval|range)\]", target["expr"]
                )
                assert rate or name in COUNTED_AS_THEY_ARE, target["expr"]


def test_what_should_be_there_is_never_a_number_that_is_written_here(dashboard) -> None:
    for panel in panels(dashboard):
        if panel["type"] != "stat":
            continue
        settings = panel["fieldConfig"]["defaults"]
        first, *rest = settings["thresholds"]["steps"]
        if first["color"] == "red":
            assert (settings["unit"], [each["value"] for each in rest]) == ("percentunit", [1]), panel[
                "title"
            ]


def test_an_alert_that_counts_also_sees_what_was_before_the_first_scrape() -> None:
    counting = [each for each in ALERTS if "increase(" in each.expression]

    assert {each.name for each in counting} == {
        "DomzeroGuestWasOut", "DomzeroGuestDied", "DomzeroHostRestarted", "DomzeroDom0RestartLoop",
        "DomzeroInterfaceStalled",
    }  # fmt: skip
    for alert in counting:
        (counter,) = re.findall(r"increase\((\w+(?:{[^}]*})?)\[", alert.expression)
        assert lately(counter) in alert.expression


def test_the_outages_that_are_chosen_are_those_of_the_metric() -> None:
    chosen = {
        length
        for text in generated().values()
        for found in re.findall(r'length=~\\*"([^"\\]+)', text)
        for length in found.split("|")
    }

    assert chosen
    assert chosen <= LENGTHS.keys()


def test_faults_are_annotations_everywhere(dashboard) -> None:
    assert [each["name"] for each in dashboard["annotations"]["list"]] == ["Faults", "Recovery"]


def test_grafanas_linter_has_nothing_to_say_but_what_is_excused() -> None:
    linter = installed("dashboard-linter")
    excuses = str(ROOT / "dashboards" / ".lint")
    for path in DASHBOARDS:
        done = subprocess.run(
            [linter, "lint", "--strict", "--verbose", "--config", excuses, str(path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert all(each["reason"] for each in yaml("dashboards/.lint")["exclusions"].values())


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", str(ROOT / "prometheus" / "rules.yml"))
    promtool("check", "config", "--syntax-only", str(ROOT / "prometheus" / "prometheus.yml"))


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(ROOT / "prometheus" / "rules_test.yml"))
    tested = {
        each["alertname"]
        for test in yaml("prometheus/rules_test.yml")["tests"]
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert tested == {each.name for each in ALERTS}


def test_the_documented_alerts_are_those_that_there_are() -> None:
    text = (ROOT.parent / "docs" / "monitoring.md").read_text()

    documented = re.findall(r"^\| `(Domzero\w+)` \| .+ \| (\w+) \|$", text, re.MULTILINE)

    assert documented == [(each.name, each.severity) for each in ALERTS]


def test_a_lost_write_is_critical() -> None:
    assert {each.name: each.severity for each in ALERTS if each.severity == "critical"} == {
        "DomzeroLostWrite": "critical"
    }


def test_what_is_provisioned_fits_together() -> None:
    (source,) = yaml("provisioning/datasources/domzero.yaml")["datasources"]
    (provider,) = yaml("provisioning/dashboards/domzero.yaml")["providers"]
    (group,) = yaml("provisioning/alerting/domzero.yaml")["groups"]

    assert (source["uid"], source["type"], source["isDefault"]) == (DATASOURCE_UID, "prometheus", True)
    assert provider["options"]["path"] == "$DOMZERO_DASHBOARDS"
    assert [each["title"] for each in group["rules"]] == [each.name for each in ALERTS]
    for rule in group["rules"]:
        assert [each["datasourceUid"] for each in rule["data"]] == [DATASOURCE_UID, "__expr__"]
        assert rule["condition"] == rule["data"][-1]["refId"]


def test_what_compose_mounts_is_there() -> None:
    services = yaml("compose.yaml")["services"]

    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source.startswith("${") or (ROOT / source).is_dir(), volume
        assert service["network_mode"] == "host"
    settings = services["grafana"]["environment"]
    used = set(
        re.findall(r"\$(\w+)", "".join(each.read_text() for each in (ROOT / "provisioning").rglob("*.yaml")))
    )
    assert {each for each in used if each.startswith("DOMZERO_")} <= settings.keys()
    assert settings["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
