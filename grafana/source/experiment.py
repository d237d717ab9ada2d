"""The dashboard *Experiment*: the faults, their targets, and the work before and after."""

from grafana.source.panels import DOMAIN_STATES, YES_NO, Page, Query, bars, facts, lines, number, states

RATE = "[$__rate_interval]"
RECOVERY = "domzero_recovery_duration_seconds"
BY_PHASE = "sum by (phase)"
TOTAL = '{%S,phase="total"}'
NOW = f"sum by (host) (rate(domzero_vbd_requests_total{{%S}}{RATE}))"


def page() -> Page:
    """The whole of it."""
    made = Page(
        "Experiment",
        "The faults of a run and their targets: what the work was before, and what it was after.",
    )
    made.row(
        "Faults",
        number(
            "Injected", "Faults done so far.", "none", Query("sum(domzero_host_faults_injected_total{%S})")
        ),
        number(
            "Active",
            "Faults that have not been recovered from.",
            "none",
            Query("sum(domzero_host_faults_active{%S})"),
            red_from=1,
        ),
        number(
            "Running for",
            "Time since the run began.",
            "s",
            Query("max(time() - domzero_run_start_time_seconds{%S})"),
        ),
        number(
            "Since the last fault",
            "Time since the last fault.",
            "s",
            Query("time() - max(domzero_fault_last_time_seconds{%S})"),
            none_yet="no fault yet",
        ),
        number(
            "Mean recovery",
            "Mean time from a fault until all I/O flowed again; 0 before the first.",
            "s",
            Query(f"sum({RECOVERY}_sum{TOTAL}) / clamp_min(sum({RECOVERY}_count{TOTAL}), 1)"),
            red_from=5,
        ),
        height=5,
    )
    made.row(
        "Time line",
        states(
            "Phase of the run",
            "Which phase the run is in.",
            YES_NO,
            Query("domzero_run_phase{%S} == 1", "{{phase}}"),
        ),
        states(
            "Active faults",
            "Which faults have not been recovered from.",
            {0: ("over", "green"), 1: ("active", "red")},
            Query("clamp_max(domzero_host_faults_active{%S}, 1)", "{{host}}, any"),
            Query("clamp_max(domzero_faults_active{%S}, 1)", "{{kind}} of {{host}}/{{target}}"),
        ),
        states(
            "Domains",
            "What each domain does.",
            DOMAIN_STATES,
            Query("domzero_domain_state{%S}", "{{host}}/{{domain}}"),
        ),
    )
    made.row(
        "Before and after",
        lines(
            "Requests",
            "Block requests answered with success, by guest.",
            "reqps",
            Query(
                f"sum by (host, guest) (rate(domzero_vbd_requests_total{{%S}}{RATE}))", "{{host}}/{{guest}}"
            ),
            stacked=True,
        ),
        lines(
            "Throughput against its mean",
            "Requests now, over their mean in the time that is shown: 1 is as usual.",
            "percentunit",
            Query(
                f"{NOW} / avg_over_time({NOW}[$__range:1s] @ end())",
                "{{host}}",
            ),
        ),
        lines(
            "Outage by guest",
            "Time since the last success while there is work.",
            "s",
            Query("domzero_guest_outage_seconds{%S}", "{{host}}/{{guest}}"),
        ),
    )
    made.row(
        "Recovery",
        lines(
            "Mean duration by phase",
            "Until detected, until the target ran again, until all I/O flowed again, and all together.",
            "s",
            Query(
                f"{BY_PHASE} ({RECOVERY}_sum{{%S}}) / clamp_min({BY_PHASE} ({RECOVERY}_count{{%S}}), 1)",
                "{{phase}}",
            ),
            steps=True,
        ),
        bars(
            "Longest outage by guest",
            "Longest time without a success in this run.",
            "s",
            Query("domzero_guest_longest_outage_seconds{%S}", "{{host}}/{{guest}}"),
        ),
        lines(
            "Faults so far",
            "All faults of each host, and faults by kind and target.",
            "none",
            Query("domzero_host_faults_injected_total{%S}", "{{host}}"),
            Query("domzero_faults_injected_total{%S}", "{{kind}} of {{host}}/{{target}}"),
            steps=True,
        ),
    )
    made.row(
        "Run",
        facts("Runs and policies", "What runs, with which policies.", Query("domzero_run_info{%S}")),
        lines(
            "Journals",
            "What the journals take, of what they may take before the guests stop working; 0 for no limit.",
            "bytes",
            Query("sum(domzero_journal_bytes{%S})", "taken"),
            Query("max(domzero_journal_budget_bytes{%S})", "allowed"),
        ),
        height=6,
    )
    return made
