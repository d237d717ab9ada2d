"""The dashboard *Cluster*: who survives, at a glance."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import (
    Page,
    Query,
    S,
    facts,
    lasting,
    latency,
    lines,
    number,
    rate,
    row,
    share,
    total,
)

PAGE: Final = Page(
    "Cluster",
    "Survival at a glance: who runs, who waits and for how long, and what is lost.",
    row(
        "Survival",
        share(
            "Guests up",
            "Guests whose domain runs, of those that should.",
            total(metric.GUEST_UP, S),
            total(metric.GUESTS_CONFIGURED, S),
        ),
        number(
            "Guests missing",
            "Guests that should run and do not.",
            f"{total(metric.GUESTS_CONFIGURED, S)} - {total(metric.GUEST_UP, S)}",
            red_from=1,
        ),
        number(
            "Guest deaths",
            "How often a guest has died in this run, whether it came back or not.",
            total(metric.GUEST_DEATHS, S),
            red_from=1,
        ),
        number(
            "Host restarts",
            "How often a machine has started again in this run, and with it all that was on it.",
            f"sum(clamp_min({metric.HOST_BOOTS.of(S)} - 1, 0))",
            red_from=1,
        ),
        number(
            "Outage now",
            "Longest time that any guest with work has had no success.",
            f"max({metric.GUEST_OUTAGE_SECONDS.of(S)})",
            unit="s",
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success of any guest in this run.",
            f"max({metric.GUEST_LONGEST_OUTAGE_SECONDS.of(S)})",
            unit="s",
            red_from=5,
        ),
        number(
            "Outages over",
            "Outages of a second or more in this run that are over, disk by disk.",
            total(metric.GUEST_OUTAGES, S, lasting(1)),
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            total(metric.VBD_LOST_WRITES, S),
            red_from=1,
        ),
        height=5,
    ),
    row(
        "Faults",
        number(
            "Active faults",
            "Faults that have not been recovered from.",
            total(metric.HOST_FAULTS_ACTIVE, S),
            red_from=1,
        ),
        number("Faults injected", "Faults done in this run.", total(metric.HOST_FAULTS_INJECTED, S)),
        number(
            "dom0 boots", "How often a dom0 was started, all hosts together.", total(metric.DOM0_BOOTS, S)
        ),
        number(
            "Spares", "Spares of dom0 that are parked, all hosts together.", total(metric.SPARE_PARKED, S)
        ),
        share(
            "Hosts up", "Hosts whose power is on.", total(metric.HOST_UP, S), f"count({metric.HOST_UP.of(S)})"
        ),
        height=5,
    ),
    row(
        "Work",
        lines(
            "Requests",
            "Block requests answered with success.",
            "reqps",
            Query(rate(metric.VBD_REQUESTS, S, by="cluster, host"), "{{cluster}}/{{host}}"),
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
            Query(total(metric.GUEST_UP, S, by="cluster, host"), "{{cluster}}/{{host}}"),
            Query(total(metric.GUESTS_CONFIGURED, S, by="cluster, host"), "{{cluster}}/{{host}} configured"),
            steps=True,
        ),
    ),
    row(
        "Errors, deaths and restarts",
        lines(
            "Errors",
            "Block requests answered with an error.",
            "reqps",
            Query(rate(metric.VBD_ERRORS, S, by="cluster, host"), "{{cluster}}/{{host}}"),
        ),
        lines(
            "Guest deaths",
            "How often guests have died, by what they died of.",
            "none",
            Query(
                total(metric.GUEST_DEATHS, S, by="cluster, host, reason"), "{{cluster}}/{{host}} {{reason}}"
            ),
            steps=True,
        ),
        lines(
            "Boots",
            "How often machines, dom0s, driver domains and guests were started.",
            "none",
            Query(total(metric.HOST_BOOTS, S, by="host"), "{{host}} machine"),
            Query(total(metric.DOMAIN_BOOTS, S, by="host, domain"), "{{host}} {{domain}}"),
            Query(total(metric.GUEST_BOOTS, S, by="host"), "{{host}} guests"),
            Query(total(metric.SPARE_PROMOTIONS, S, by="host, domain"), "{{host}} spares as {{domain}}"),
            steps=True,
        ),
    ),
    row(
        "Hosts",
        facts("Runs and policies", "What runs, with which policies.", Query(metric.RUN_INFO.of(S))),
        height=6,
    ),
)
