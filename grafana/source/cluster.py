"""The dashboard *Cluster*: who survives, at a glance."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import Page, Query, S, facts, lasting, latency, lines, number, row, share

PAGE: Final = Page(
    "Cluster",
    "Survival at a glance: who runs, who waits and for how long, and what is lost.",
    row(
        "Survival",
        share(
            "Guests up",
            "Guests whose domain runs, of those that should.",
            f"sum({metric.GUEST_UP.of(S)})",
            f"sum({metric.GUESTS_CONFIGURED.of(S)})",
        ),
        number(
            "Guests missing",
            "Guests that should run and do not.",
            "none",
            Query(f"sum({metric.GUESTS_CONFIGURED.of(S)}) - sum({metric.GUEST_UP.of(S)})"),
            red_from=1,
        ),
        number(
            "Guest deaths",
            "How often a guest has died in this run, whether it came back or not.",
            "none",
            Query(f"sum({metric.GUEST_DEATHS.of(S)})"),
            red_from=1,
        ),
        number(
            "Host restarts",
            "How often a machine has started again in this run, and with it all that was on it.",
            "none",
            Query(f"sum(clamp_min({metric.HOST_BOOTS.of(S)} - 1, 0))"),
            red_from=1,
        ),
        number(
            "Outage now",
            "Longest time that any guest with work has had no success.",
            "s",
            Query(f"max({metric.GUEST_OUTAGE_SECONDS.of(S)})"),
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success of any guest in this run.",
            "s",
            Query(f"max({metric.GUEST_LONGEST_OUTAGE_SECONDS.of(S)})"),
            red_from=5,
        ),
        number(
            "Outages over",
            "Outages of a second or more in this run that are over, disk by disk.",
            "none",
            Query(f"sum({metric.GUEST_OUTAGES.of(S, lasting(1))})"),
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            "none",
            Query(f"sum({metric.VBD_LOST_WRITES.of(S)})"),
            red_from=1,
        ),
        height=5,
    ),
    row(
        "Faults",
        number(
            "Active faults",
            "Faults that have not been recovered from.",
            "none",
            Query(f"sum({metric.HOST_FAULTS_ACTIVE.of(S)})"),
            red_from=1,
        ),
        number(
            "Faults injected",
            "Faults done in this run.",
            "none",
            Query(f"sum({metric.HOST_FAULTS_INJECTED.of(S)})"),
        ),
        number(
            "dom0 boots",
            "How often a dom0 was started, all hosts together.",
            "none",
            Query(f"sum({metric.DOM0_BOOTS.of(S)})"),
        ),
        share(
            "Hosts up",
            "Hosts whose power is on.",
            f"sum({metric.HOST_UP.of(S)})",
            f"count({metric.HOST_UP.of(S)})",
        ),
        height=5,
    ),
    row(
        "Work",
        lines(
            "Requests",
            "Block requests answered with success.",
            "reqps",
            Query(
                f"sum by (cluster, host) (rate({metric.VBD_REQUESTS.of(S)}[$__rate_interval]))",
                "{{cluster}}/{{host}}",
            ),
        ),
        latency("Request latency", S),
    ),
    row(
        "Outages",
        lines(
            "Outage by guest",
            "Time since the last success of a guest that has work; the ten longest.",
            "s",
            Query(f"topk(10, {metric.GUEST_OUTAGE_SECONDS.of(S)})", "{{host}}/{{guest}}"),
        ),
        lines(
            "Guests up",
            "Guests whose domain runs, and those that should.",
            "none",
            Query(f"sum by (cluster, host) ({metric.GUEST_UP.of(S)})", "{{cluster}}/{{host}}"),
            Query(
                f"sum by (cluster, host) ({metric.GUESTS_CONFIGURED.of(S)})",
                "{{cluster}}/{{host}} configured",
            ),
            steps=True,
        ),
    ),
    row(
        "Errors, deaths and restarts",
        lines(
            "Errors",
            "Block requests answered with an error.",
            "reqps",
            Query(
                f"sum by (cluster, host) (rate({metric.VBD_ERRORS.of(S)}[$__rate_interval]))",
                "{{cluster}}/{{host}}",
            ),
        ),
        lines(
            "Guest deaths",
            "How often guests have died, by what they died of.",
            "none",
            Query(
                f"sum by (cluster, host, reason) ({metric.GUEST_DEATHS.of(S)})",
                "{{cluster}}/{{host}} {{reason}}",
            ),
            steps=True,
        ),
        lines(
            "Boots",
            "How often machines, dom0s, driver domains and guests were started.",
            "none",
            Query(f"sum by (host) ({metric.HOST_BOOTS.of(S)})", "{{host}} machine"),
            Query(f"sum by (host, domain) ({metric.DOMAIN_BOOTS.of(S)})", "{{host}} {{domain}}"),
            Query(f"sum by (host) ({metric.GUEST_BOOTS.of(S)})", "{{host}} guests"),
            steps=True,
        ),
    ),
    row(
        "Hosts",
        facts("Runs and policies", "What runs, with which policies.", Query(metric.RUN_INFO.of(S))),
        height=6,
    ),
)
