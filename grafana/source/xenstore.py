"""The dashboard *XenStore*: whether it answers, and what it is asked."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import YES_NO, Page, Query, S, lines, number, rate, row, share, states, total

KEEPERS = 'actor=~"dom0|xenstore"'


PAGE: Final = Page(
    "XenStore",
    "The store: whether it answers, what it is asked, and what it holds.",
    row(
        "Life",
        share(
            "Answers",
            "Stores that have answered of late.",
            total(metric.XENSTORE_UP, S),
            f"count({metric.XENSTORE_UP.of(S)})",
        ),
        number("Nodes", "Nodes in the store.", total(metric.XENSTORE_NODES, S)),
        number("Watches", "Watches that are set.", total(metric.XENSTORE_WATCHES, S)),
        number("Clients", "Connections of domains and tools.", total(metric.XENSTORE_CONNECTIONS, S)),
        number(
            "Open transactions",
            "Transactions that have begun and not ended.",
            total(metric.XENSTORE_TRANSACTIONS_OPEN, S),
        ),
        number(
            "Conflicts",
            "Commits refused because somebody else had changed what was read.",
            total(metric.XENSTORE_TRANSACTION_CONFLICTS, S),
        ),
        height=5,
    ),
    row(
        "Availability",
        states(
            "Answers",
            "Whether xenstored answers.",
            YES_NO,
            Query(metric.XENSTORE_UP.of(S), "{{cluster}}/{{host}}"),
        ),
        lines(
            "Last heard of",
            "Age of what the domains that may keep the store have said of themselves.",
            "s",
            Query(metric.STATISTICS_AGE_SECONDS.of(S, KEEPERS), "{{host}}/{{actor}}"),
        ),
    ),
    row(
        "Requests",
        lines(
            "Requests",
            "Requests to the store, by name.",
            "reqps",
            Query(rate(metric.XENSTORE_REQUESTS, S, by="request"), "{{request}}"),
            stacked=True,
        ),
        lines(
            "Refusals",
            "Requests that the store has refused; many are how a client asks whether a node is there.",
            "reqps",
            Query(rate(metric.XENSTORE_REFUSALS, S, by="host"), "{{host}}"),
        ),
        lines(
            "Watch events",
            "Watch events fired.",
            "ops",
            Query(rate(metric.XENSTORE_WATCH_EVENTS, S, by="host"), "{{host}}"),
        ),
    ),
    row(
        "Contents",
        lines(
            "Nodes and watches",
            "What the store holds. A store that died with dom0 begins anew.",
            "none",
            Query(metric.XENSTORE_NODES.of(S), "{{host}} nodes"),
            Query(metric.XENSTORE_WATCHES.of(S), "{{host}} watches"),
            Query(metric.XENSTORE_CONNECTIONS.of(S), "{{host}} clients"),
        ),
        lines(
            "Driver domains",
            "How often they have connected to the store anew.",
            "none",
            Query(metric.XENSTORE_RECONNECTS.of(S), "{{host}} reconnects"),
        ),
        lines(
            "Transactions",
            "Begun, and refused at their end.",
            "ops",
            Query(rate(metric.XENSTORE_TRANSACTIONS_STARTED, S, by="host"), "{{host}} begun"),
            Query(rate(metric.XENSTORE_TRANSACTION_CONFLICTS, S, by="host"), "{{host}} conflicts"),
        ),
    ),
)
