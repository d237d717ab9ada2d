"""The dashboard *Cluster*: who survives, at a glance."""

from grafana.source.panels import Page, Query, facts, lasting, latency, lines, number, share


def page() -> Page:
    """The whole of it."""
    made = Page("Cluster", "Survival at a glance: who runs, who waits and for how long, and what is lost.")
    made.row(
        "Survival",
        share(
            "Guests up",
            "Guests whose domain runs, of those that should.",
            "sum(domzero_guest_up{%S})",
            "sum(domzero_guests_configured{%S})",
        ),
        number(
            "Guests missing",
            "Guests that should run and do not.",
            "none",
            Query("sum(domzero_guests_configured{%S}) - sum(domzero_guest_up{%S})"),
            red_from=1,
        ),
        number(
            "Guest deaths",
            "How often a guest has died in this run, whether it came back or not.",
            "none",
            Query("sum(domzero_guest_deaths_total{%S})"),
            red_from=1,
        ),
        number(
            "Host restarts",
            "How often a machine has started again in this run, and with it all that was on it.",
            "none",
            Query("sum(clamp_min(domzero_host_boots_total{%S} - 1, 0))"),
            red_from=1,
        ),
        number(
            "Outage now",
            "Longest time that any guest with work has had no success.",
            "s",
            Query("max(domzero_guest_outage_seconds{%S})"),
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success of any guest in this run.",
            "s",
            Query("max(domzero_guest_longest_outage_seconds{%S})"),
            red_from=5,
        ),
        number(
            "Outages over",
            "Outages of a second or more in this run that are over, disk by disk.",
            "none",
            Query(f"sum(domzero_guest_outages_total{{%S,{lasting(1)}}})"),
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            "none",
            Query("sum(domzero_vbd_lost_writes_total{%S})"),
            red_from=1,
        ),
        height=5,
    )
    made.row(
        "Faults",
        number(
            "Active faults",
            "Faults that have not been recovered from.",
            "none",
            Query("sum(domzero_host_faults_active{%S})"),
            red_from=1,
        ),
        number(
            "Faults injected",
            "Faults done in this run.",
            "none",
            Query("sum(domzero_host_faults_injected_total{%S})"),
        ),
        number(
            "dom0 boots",
            "How often a dom0 was started, all hosts together.",
            "none",
            Query("sum(domzero_dom0_boots_total{%S})"),
        ),
        share(
            "Hosts up", "Hosts whose power is on.", "sum(domzero_host_up{%S})", "count(domzero_host_up{%S})"
        ),
        height=5,
    )
    made.row(
        "Work",
        lines(
            "Requests",
            "Block requests answered with success.",
            "reqps",
            Query(
                "sum by (cluster, host) (rate(domzero_vbd_requests_total{%S}[$__rate_interval]))",
                "{{cluster}}/{{host}}",
            ),
        ),
        latency("Request latency", "%S"),
    )
    made.row(
        "Outages",
        lines(
            "Outage by guest",
            "Time since the last success of a guest that has work; the ten longest.",
            "s",
            Query("topk(10, domzero_guest_outage_seconds{%S})", "{{host}}/{{guest}}"),
        ),
        lines(
            "Guests up",
            "Guests whose domain runs, and those that should.",
            "none",
            Query("sum by (cluster, host) (domzero_guest_up{%S})", "{{cluster}}/{{host}}"),
            Query(
                "sum by (cluster, host) (domzero_guests_configured{%S})", "{{cluster}}/{{host}} configured"
            ),
            steps=True,
        ),
    )
    made.row(
        "Errors, deaths and restarts",
        lines(
            "Errors",
            "Block requests answered with an error.",
            "reqps",
            Query(
                "sum by (cluster, host) (rate(domzero_vbd_errors_total{%S}[$__rate_interval]))",
                "{{cluster}}/{{host}}",
            ),
        ),
        lines(
            "Guest deaths",
            "How often guests have died, by what they died of.",
            "none",
            Query(
                "sum by (cluster, host, reason) (domzero_guest_deaths_total{%S})",
                "{{cluster}}/{{host}} {{reason}}",
            ),
            steps=True,
        ),
        lines(
            "Boots",
            "How often machines, dom0s, driver domains and guests were started.",
            "none",
            Query("sum by (host) (domzero_host_boots_total{%S})", "{{host}} machine"),
            Query("sum by (host, domain) (domzero_domain_boots_total{%S})", "{{host}} {{domain}}"),
            Query("sum by (host) (domzero_guest_boots_total{%S})", "{{host}} guests"),
            steps=True,
        ),
    )
    made.row(
        "Hosts",
        facts("Runs and policies", "What runs, with which policies.", Query("domzero_run_info{%S}")),
        height=6,
    )
    return made
