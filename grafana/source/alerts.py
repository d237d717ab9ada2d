"""The alert rules, once: as Prometheus takes them, and as Grafana provisions them.

Rules: an alert is an expression and a limit, so that the expression can be tried on a run in which the
alert does not fire. What may come and go between two scrapes is told by counters (`lately`), how many there
should be by the configuration.
Source: Prometheus' alerting rules; Grafana's file provisioning of alert rules.
"""

from dataclasses import dataclass
from typing import Final

from cluster.running.metrics import catalog as metric
from cluster.running.metrics import network_catalog as network
from cluster.running.metrics import talk_catalog as talk
from grafana.source.panels import lasting, total

DATASOURCE_UID: Final = "domzero-prometheus"
FOLDER: Final = "Domzero"
INTERVAL: Final = "5s"
WINDOW_S: Final = 600
YOUNG_S: Final = 310
"""Until then the whole run counts, so that the boots with which it begins are no increase afterwards."""
WORKING: Final = 'phase=~"workload|settle"'
AT_WORK: Final = f"on (cluster, host) ({metric.RUN_PHASE.of(WORKING)} == 1)"
FRONTEND: Final = 'end="frontend"'


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


def lately(counter: str) -> str:
    """How often in the last five minutes, or in the whole run if that is younger.

    `increase()` does not know what was before the first scrape, nor that another run counts from 0 again.
    """
    young = f"on (cluster, host) (time() - {metric.RUN_START_TIME_SECONDS.of()} < {YOUNG_S})"
    return f"(({counter} and {young}) or (increase({counter}[5m]) and {counter}))"


ALERTS: Final = (
    Alert(
        "DomzeroGuestOutage",
        f"max by (cluster, host, guest) ({metric.GUEST_OUTAGE_SECONDS.of()})", ">", 5, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} gets no answers",
        "It has work and has had no success for more than 5 seconds.",
    ),
    Alert(
        "DomzeroDom0RestartLoop",
        f"sum by (cluster, host) {lately(metric.DOM0_BOOTS.of())}", ">", 3, "0s", "warning",
        "dom0 of {{ $labels.host }} restarts in a loop",
        "More than three dom0s were started within five minutes.",
    ),
    Alert(
        "DomzeroGuestWasOut",
        f"sum by (cluster, host, guest) {lately(metric.GUEST_OUTAGES.of(lasting(5)))}",
        ">", 0, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} got no answers for a while",
        "Within five minutes it had work and was out for 5 seconds or more; that is over.",
    ),
    Alert(
        "DomzeroGuestDied",
        f"sum by (cluster, host, guest, reason) {lately(metric.GUEST_DEATHS.of())}",
        ">", 0, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} has died ({{ $labels.reason }})",
        "It died within five minutes, whether it is up again or not.",
    ),
    Alert(
        "DomzeroGuestsMissing",
        f"sum by (cluster, host) ({metric.GUESTS_CONFIGURED.of()} and {AT_WORK})"
        f" - {total(metric.GUEST_UP, by='cluster, host')}",
        ">", 0, "10s", "warning",
        "guests of {{ $labels.host }} do not run",
        "Fewer guests than are configured have been up for more than 10 seconds.",
    ),
    Alert(
        "DomzeroHostRestarted",
        f"sum by (cluster, host) {lately(metric.HOST_BOOTS.of())}"
        f" - (sum by (cluster, host) (time() - {metric.RUN_START_TIME_SECONDS.of()}) < bool {YOUNG_S})",
        ">", 0, "0s", "warning",
        "{{ $labels.host }} has restarted",
        "Its machine was started again within five minutes, and everything on it died.",
    ),
    Alert(
        "DomzeroOldestRequestTooOld",
        f"max by (cluster, host, guest, vbd) ({metric.VBD_OLDEST_REQUEST_SECONDS.of()})",
        ">", 10, "0s", "warning",
        "a request of {{ $labels.host }}/{{ $labels.guest }} {{ $labels.vbd }} gets no answer",
        "The oldest request in flight is more than 10 seconds old.",
    ),
    Alert(
        "DomzeroLostWrite",
        total(metric.VBD_LOST_WRITES, by="cluster, host, guest, vbd"), ">", 0, "0s", "critical",
        "{{ $labels.host }}/{{ $labels.guest }} {{ $labels.vbd }} has lost an acknowledged write",
        "A read did not return what had been acknowledged.",
    ),
    Alert(
        "DomzeroInterfaceDisconnected",
        f"min by (cluster, host, guest, vif) ({network.VIF_XENBUS_STATE.of(FRONTEND)} and {AT_WORK})",
        "<", 4, "10s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} {{ $labels.vif }} has no backend",
        "The frontend of an interface has not been Connected for more than 10 seconds, while there is work.",
    ),
    Alert(
        "DomzeroInterfaceStalled",
        f"sum by (cluster, host, guest, vif) {lately(network.VIF_STALLS.of())}", ">", 0, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} {{ $labels.vif }} takes no packets",
        "Within five minutes its backend has given up a queue, since the guest had not emptied it for long.",
    ),
    Alert(
        "DomzeroLinkDown",
        f"min by (cluster, host, nic) ({network.NIC_LINK_UP.of()} and {AT_WORK})",
        "<", 1, "5s", "warning",
        "the link of {{ $labels.host }}/{{ $labels.nic }} is down",
        "A network controller has had no link for more than 5 seconds, while there is work.",
    ),
    Alert(
        "DomzeroTalkSilent",
        f"max by (cluster, host, guest, talk, kind) ({talk.TALK_SILENCE_SECONDS.of()})",
        ">", 5, "0s", "warning",
        "{{ $labels.host }}/{{ $labels.guest }} {{ $labels.talk }} hears nothing",
        "The talk, or one of its connections, has waited for a sign of life for more than 5 seconds.",
    ),
    Alert(
        "DomzeroXenstoreDown",
        f"min by (cluster, host) ({metric.XENSTORE_UP.of()})", "<", 1, "5s", "warning",
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
