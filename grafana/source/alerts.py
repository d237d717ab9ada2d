"""The alert rules, once: as Prometheus takes them, and as Grafana provisions them.

Rules: an alert is an expression and a limit, so that the expression can be tried on a run in which the
alert does not fire. Source: Prometheus' alerting rules; Grafana's file provisioning of alert rules.
"""

from dataclasses import dataclass
from typing import Final

DATASOURCE_UID: Final = "domzero-prometheus"
FOLDER: Final = "Domzero"
INTERVAL: Final = "5s"
WINDOW_S: Final = 600


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires while `expression` `comparison` `limit` has held for `hold`."""

    name: str
    expression: str
    comparison: str
    limit: float
    hold: str
    severity: str
    summary: str
    description: str

    @property
    def condition(self) -> str:
        """The whole expression."""
        return f"{self.expression} {self.comparison} {self.limit:g}"


ALERTS: Final = (
    Alert(
        "DomzeroGuestOutage",
        "max by (cluster, host, guest) (domzero_guest_outage_seconds)", ">", 5, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} gets no answers",
        "It has work and has waited for an answer for more than 5 seconds.",
    ),
    Alert(
        "DomzeroDom0RestartLoop",
        "sum by (cluster, host) (increase(domzero_dom0_boots_total[5m]))", ">", 3, "0s", "warning",
        "dom0 of {{ $labels.host }} restarts in a loop",
        "More than three dom0s were started within five minutes.",
    ),
    Alert(
        "DomzeroOldestRequestTooOld",
        "max by (cluster, host, guest, vbd) (domzero_vbd_oldest_request_seconds)", ">", 10, "0s", "warning",
        "a request of {{ $labels.host }}/{{ $labels.guest }} {{ $labels.vbd }} gets no answer",
        "The oldest request in flight is more than 10 seconds old.",
    ),
    Alert(
        "DomzeroLostWrite",
        "sum by (cluster, host, guest, vbd) (domzero_vbd_lost_writes_total)", ">", 0, "0s", "critical",
        "{{ $labels.host }}/{{ $labels.guest }} {{ $labels.vbd }} has lost an acknowledged write",
        "A read did not return what had been acknowledged.",
    ),
    Alert(
        "DomzeroXenstoreDown",
        "min by (cluster, host) (domzero_xenstore_up)", "<", 1, "5s", "warning",
        "xenstored of {{ $labels.host }} does not answer",
        "The domain that keeps the store is dead, hung, or has not got so far yet, for more than 5 seconds.",
    ),
)  # fmt: skip


def prometheus_rules() -> dict[str, object]:
    """The content of a rule file of Prometheus."""
    rules = [
        {
            "alert": each.name,
            "expr": each.condition,
            "for": each.hold,
            "labels": {"severity": each.severity},
            "annotations": {"summary": each.summary, "description": each.description},
        }
        for each in ALERTS
    ]
    return {"groups": [{"name": "domzero", "interval": INTERVAL, "rules": rules}]}


def grafana_rules() -> dict[str, object]:
    """The content of a file in Grafana's `provisioning/alerting`."""
    group = {
        "orgId": 1,
        "name": "domzero",
        "folder": FOLDER,
        "interval": "10s",  # Grafana's shortest
        "rules": [_grafana_rule(each) for each in ALERTS],
    }
    return {"apiVersion": 1, "groups": [group]}


def _grafana_rule(alert: Alert) -> dict[str, object]:
    model = {"refId": "A", "expr": alert.condition, "instant": True, "range": False, "editorMode": "code"}
    threshold: dict[str, object] = {
        "refId": "B",
        "type": "threshold",
        "expression": "A",
        "conditions": [{"evaluator": {"type": "gte", "params": [0]}}],
    }
    return {
        "uid": alert.name.lower(),
        "title": alert.name,
        "condition": "B",
        "data": [
            _datum("A", DATASOURCE_UID, model),
            _datum("B", "__expr__", threshold),
        ],
        "for": alert.hold,
        "noDataState": "OK",  # the condition filters, so nothing to say is good news
        "execErrState": "Error",
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description},
    }


def _datum(ref_id: str, datasource: str, model: dict[str, object]) -> dict[str, object]:
    return {
        "refId": ref_id,
        "relativeTimeRange": {"from": WINDOW_S, "to": 0},
        "datasourceUid": datasource,
        "model": model,
    }
