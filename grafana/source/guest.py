"""The dashboard *Guest*: I/O, outage, and the phases of a reconnect."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import (
    DOMAIN_STATES,
    XENBUS_STATES,
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
    states,
    total,
)

G = f'{S},guest=~"$guest"'
D = f'{S},domain=~"$guest"'
P = f'{S},process=~"$guest"'
NAME = "{{host}}/{{guest}}"
VBD = "{{host}}/{{guest}} {{vbd}}"


PAGE: Final = Page(
    "Guest",
    "What a guest sees of its disks: requests, latency, outages, reconnects.",
    row(
        "Now",
        share(
            "Up",
            "How many of the chosen guests run.",
            total(metric.GUEST_UP, G),
            total(metric.GUESTS_CONFIGURED, G),
        ),
        number("Boots", "How often they were started.", total(metric.GUEST_BOOTS, G)),
        number("Deaths", "How often they have died in this run.", total(metric.GUEST_DEATHS, G), red_from=1),
        number(
            "Outage now",
            "Longest time that one of them with work has had no success.",
            f"max({metric.GUEST_OUTAGE_SECONDS.of(G)})",
            unit="s",
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success in this run.",
            f"max({metric.GUEST_LONGEST_OUTAGE_SECONDS.of(G)})",
            unit="s",
            red_from=5,
        ),
        number(
            "Outages over",
            "Their outages of a second or more in this run that are over, disk by disk.",
            total(metric.GUEST_OUTAGES, G, lasting(1)),
            red_from=1,
        ),
        number(
            "Oldest request",
            "Age of the oldest request without an answer.",
            f"max({metric.VBD_OLDEST_REQUEST_SECONDS.of(G)})",
            unit="s",
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            total(metric.VBD_LOST_WRITES, G),
            red_from=1,
        ),
        height=5,
    ),
    row(
        "Input and output",
        lines(
            "Requests",
            "Block requests answered with success, by operation.",
            "iops",
            Query(rate(metric.VBD_REQUESTS, G, by="host, guest, vbd, operation"), f"{VBD} {{{{operation}}}}"),
        ),
        lines(
            "Throughput",
            "Bytes moved by block requests.",
            "Bps",
            Query(rate(metric.VBD_BYTES, G, by="host, guest, vbd, direction"), f"{VBD} {{{{direction}}}}"),
        ),
        latency("Latency", G),
    ),
    row(
        "Outage and reconnect",
        lines(
            "Outage",
            "Time since the last success while there is work.",
            "s",
            Query(metric.GUEST_OUTAGE_SECONDS.of(G), NAME),
        ),
        states(
            "Xenbus states",
            "The frontend's end and the backend's, as each has told last.",
            XENBUS_STATES,
            Query(metric.VBD_XENBUS_STATE.of(G), f"{VBD} {{{{end}}}}"),
        ),
        states(
            "Domain",
            "What the guest's domain does.",
            DOMAIN_STATES,
            Query(metric.DOMAIN_STATE.of(D), "{{host}}/{{domain}}"),
        ),
    ),
    row(
        "Phases of the reconnects",
        lines(
            "Time in reconnects",
            "All reconnects so far: the handshake for a new ring, and until its first answer.",
            "s",
            Query(total(metric.VBD_RECONNECT_SECONDS, G, by="host, guest, phase"), f"{NAME} {{{{phase}}}}"),
            steps=True,
        ),
        lines(
            "Reconnects",
            "New rings offered, old rings taken up again, requests issued again, keys written again.",
            "none",
            Query(total(metric.VBD_RECONNECTS, G, by="host, guest, vbd"), f"{VBD} reconnects"),
            Query(total(metric.VBD_RESUMES, G, by="host, guest, vbd"), f"{VBD} resumes"),
            Query(total(metric.VBD_REPLAYED_REQUESTS, G, by="host, guest, vbd"), f"{VBD} replayed"),
            Query(total(metric.VBD_KEYS_PUBLISHED_AGAIN, G, by="host, guest, vbd"), f"{VBD} keys again"),
            steps=True,
        ),
    ),
    row(
        "Ring and queue",
        lines(
            "Ring",
            "Slots of the ring, and those with a request that has no answer.",
            "none",
            Query(total(metric.VBD_RING_SLOTS_USED, G, by="host, guest, vbd"), f"{VBD} used"),
            Query(f"max({metric.VBD_RING_SLOTS.of(G)})", "slots"),
        ),
        lines(
            "Queue depth",
            "Requests that wait for an answer, and those not in the ring yet.",
            "none",
            Query(total(metric.VBD_REQUESTS_IN_FLIGHT, G, by="host, guest, vbd"), f"{VBD} in flight"),
            Query(total(metric.VBD_REQUESTS_QUEUED, G, by="host, guest, vbd"), f"{VBD} queued"),
        ),
        lines(
            "Truth",
            "Acknowledged writes, reads that were verified, errors, and losses.",
            "ops",
            Query(rate(metric.VBD_ACKNOWLEDGED_WRITES, G, by="host, guest"), f"{NAME} acknowledged writes"),
            Query(rate(metric.VBD_VERIFIED_READS, G, by="host, guest"), f"{NAME} verified reads"),
            Query(rate(metric.VBD_ERRORS, G, by="host, guest"), f"{NAME} errors"),
            Query(rate(metric.VBD_LOST_WRITES, G, by="host, guest"), f"{NAME} lost writes"),
        ),
    ),
    row(
        "Vitals",
        lines(
            "Memory",
            "Memory that the guest's kernel uses, and the rest.",
            "bytes",
            Query(total(metric.GUEST_MEMORY_COMMITTED_BYTES, G, by="host, guest"), f"{NAME} committed"),
            Query(total(metric.GUEST_MEMORY_FREE_BYTES, G, by="host, guest"), f"{NAME} free"),
        ),
        lines(
            "I/O wait",
            "Share of the time in which workloads wait for their disks, summed over the disks.",
            "percentunit",
            Query(rate(metric.GUEST_IO_WAIT_SECONDS, G, by="host, guest"), NAME),
        ),
    ),
    row(
        "Kernel",
        lines(
            "Hypercalls",
            "Hypercalls that the guest makes, by name.",
            "ops",
            Query(rate(metric.HYPERCALLS, D, by="hypercall"), "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Events",
            "Events sent, and upcalls delivered.",
            "ops",
            Query(rate(metric.EVENTS_SENT, D, by="host, domain"), "{{host}}/{{domain}} sent"),
            Query(rate(metric.UPCALLS, D, by="host, domain"), "{{host}}/{{domain}} upcalls"),
        ),
        lines(
            "CPU",
            "Processor time of the guest's process.",
            "percentunit",
            Query(rate(metric.PROCESS_CPU_SECONDS, P, by="host, process"), "{{host}}/{{process}}"),
        ),
    ),
    row(
        "Disks",
        facts("Backends", "Which domain serves which virtual disk.", Query(metric.VBD_INFO.of(G))),
        height=6,
    ),
    variables=("guest",),
)
