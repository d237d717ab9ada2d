"""The dashboard *Experiment*: the faults, their targets, and the work before and after."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import (
    DOMAIN_STATES,
    YES_NO,
    Page,
    Query,
    S,
    bars,
    facts,
    lines,
    number,
    rate,
    row,
    states,
    total,
)

RECOVERY = metric.RECOVERY_DURATION_SECONDS
TOTAL = 'phase="total"'
MEAN_RECOVERY = (
    f"sum({RECOVERY.of(S, TOTAL, part='sum')}) / clamp_min(sum({RECOVERY.of(S, TOTAL, part='count')}), 1)"
)
MEAN_BY_PHASE = (
    f"sum by (phase) ({RECOVERY.of(S, part='sum')})"
    f" / clamp_min(sum by (phase) ({RECOVERY.of(S, part='count')}), 1)"
)
NOW = rate(metric.VBD_REQUESTS, S, by="host")


PAGE: Final = Page(
    "Experiment",
    "The faults of a run and their targets: what the work was before, and what it was after.",
    row(
        "Faults",
        number("Injected", "Faults done so far.", total(metric.HOST_FAULTS_INJECTED, S)),
        number(
            "Active",
            "Faults that have not been recovered from.",
            total(metric.HOST_FAULTS_ACTIVE, S),
            red_from=1,
        ),
        number(
            "Running for",
            "Time since the run began.",
            f"max(time() - {metric.RUN_START_TIME_SECONDS.of(S)})",
            unit="s",
        ),
        number(
            "Since the last fault",
            "Time since the last fault.",
            f"time() - max({metric.FAULT_LAST_TIME_SECONDS.of(S)})",
            unit="s",
            none_yet="no fault yet",
        ),
        number(
            "Mean recovery",
            "Mean time from a fault until all I/O flowed again; 0 before the first.",
            MEAN_RECOVERY,
            unit="s",
            red_from=5,
        ),
        height=5,
    ),
    row(
        "Time line",
        states(
            "Phase of the run",
            "Which phase the run is in.",
            YES_NO,
            Query(f"{metric.RUN_PHASE.of(S)} == 1", "{{phase}}"),
        ),
        states(
            "Active faults",
            "Which faults have not been recovered from.",
            {0: ("over", "green"), 1: ("active", "red")},
            Query(f"clamp_max({metric.HOST_FAULTS_ACTIVE.of(S)}, 1)", "{{host}}, any"),
            Query(f"clamp_max({metric.FAULTS_ACTIVE.of(S)}, 1)", "{{kind}} of {{host}}/{{target}}"),
        ),
        states(
            "Domains",
            "What each domain does.",
            DOMAIN_STATES,
            Query(metric.DOMAIN_STATE.of(S), "{{host}}/{{domain}}"),
        ),
    ),
    row(
        "Before and after",
        lines(
            "Requests",
            "Block requests answered with success, by guest.",
            "reqps",
            Query(rate(metric.VBD_REQUESTS, S, by="host, guest"), "{{host}}/{{guest}}"),
            stacked=True,
        ),
        lines(
            "Throughput against its mean",
            "Requests now, over their mean in the time that is shown: 1 is as usual.",
            "percentunit",
            Query(f"{NOW} / avg_over_time({NOW}[$__range:1s] @ end())", "{{host}}"),
        ),
        lines(
            "Outage by guest",
            "Time since the last success while there is work.",
            "s",
            Query(metric.GUEST_OUTAGE_SECONDS.of(S), "{{host}}/{{guest}}"),
        ),
    ),
    row(
        "Recovery",
        lines(
            "Mean duration by phase",
            "Until detected, until the target ran again, until all I/O flowed again, and all together.",
            "s",
            Query(MEAN_BY_PHASE, "{{phase}}"),
            steps=True,
        ),
        bars(
            "Longest outage by guest",
            "Longest time without a success in this run.",
            "s",
            Query(metric.GUEST_LONGEST_OUTAGE_SECONDS.of(S), "{{host}}/{{guest}}"),
        ),
        lines(
            "Faults so far",
            "All faults of each host, and faults by kind and target.",
            "none",
            Query(metric.HOST_FAULTS_INJECTED.of(S), "{{host}}"),
            Query(metric.FAULTS_INJECTED.of(S), "{{kind}} of {{host}}/{{target}}"),
            steps=True,
        ),
    ),
    row(
        "Run",
        facts("Runs and policies", "What runs, with which policies.", Query(metric.RUN_INFO.of(S))),
        lines(
            "Journals",
            "What the journals take, of what they may take before the guests stop working; 0 for no limit.",
            "bytes",
            Query(total(metric.JOURNAL_BYTES, S), "taken"),
            Query(f"max({metric.JOURNAL_BUDGET_BYTES.of(S)})", "allowed"),
        ),
        height=6,
    ),
)
