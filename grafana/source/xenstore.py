"""The dashboard *XenStore*: whether it answers, and what it is asked."""

from grafana.source.panels import YES_NO, Page, Query, lines, number, share, states

RATE = "[$__rate_interval]"


def page() -> Page:
    """The whole of it."""
    made = Page("XenStore", "The store: whether it answers, what it is asked, and what it holds.")
    made.row(
        "Life",
        share(
            "Answers",
            "Stores that have answered of late.",
            "sum(domzero_xenstore_up{%S})",
            "count(domzero_xenstore_up{%S})",
        ),
        number("Nodes", "Nodes in the store.", "none", Query("sum(domzero_xenstore_nodes{%S})")),
        number("Watches", "Watches that are set.", "none", Query("sum(domzero_xenstore_watches{%S})")),
        number(
            "Clients",
            "Connections of domains and tools.",
            "none",
            Query("sum(domzero_xenstore_connections{%S})"),
        ),
        number(
            "Open transactions",
            "Transactions that have begun and not ended.",
            "none",
            Query("sum(domzero_xenstore_transactions_open{%S})"),
        ),
        number(
            "Conflicts",
            "Commits refused because somebody else had changed what was read.",
            "none",
            Query("sum(domzero_xenstore_transaction_conflicts_total{%S})"),
        ),
        height=5,
    )
    made.row(
        "Availability",
        states(
            "Answers",
            "Whether xenstored answers.",
            YES_NO,
            Query("domzero_xenstore_up{%S}", "{{cluster}}/{{host}}"),
        ),
        lines(
            "Last heard of",
            "Age of what the domains that may keep the store have said of themselves.",
            "s",
            Query('domzero_statistics_age_seconds{%S,actor=~"dom0|xenstore"}', "{{host}}/{{actor}}"),
        ),
    )
    made.row(
        "Requests",
        lines(
            "Requests",
            "Requests to the store, by name.",
            "reqps",
            Query(f"sum by (request) (rate(domzero_xenstore_requests_total{{%S}}{RATE}))", "{{request}}"),
            stacked=True,
        ),
        lines(
            "Refusals",
            "Requests that the store has refused; many are how a client asks whether a node is there.",
            "reqps",
            Query(f"sum by (host) (rate(domzero_xenstore_refusals_total{{%S}}{RATE}))", "{{host}}"),
        ),
        lines(
            "Watch events",
            "Watch events fired.",
            "ops",
            Query(f"sum by (host) (rate(domzero_xenstore_watch_events_total{{%S}}{RATE}))", "{{host}}"),
        ),
    )
    made.row(
        "Contents",
        lines(
            "Nodes and watches",
            "What the store holds. A store that died with dom0 begins anew.",
            "none",
            Query("domzero_xenstore_nodes{%S}", "{{host}} nodes"),
            Query("domzero_xenstore_watches{%S}", "{{host}} watches"),
            Query("domzero_xenstore_connections{%S}", "{{host}} clients"),
        ),
        lines(
            "Transactions",
            "Begun, and refused at their end.",
            "ops",
            Query(
                f"sum by (host) (rate(domzero_xenstore_transactions_started_total{{%S}}{RATE}))",
                "{{host}} begun",
            ),
            Query(
                f"sum by (host) (rate(domzero_xenstore_transaction_conflicts_total{{%S}}{RATE}))",
                "{{host}} conflicts",
            ),
        ),
    )
    return made
