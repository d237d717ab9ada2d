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
    row,
    share,
    states,
)

G = f'{S},guest=~"$guest"'
D = f'{S},domain=~"$guest"'
P = f'{S},process=~"$guest"'
RATE = "[$__rate_interval]"
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
            f"sum({metric.GUEST_UP.of(G)})",
            f"sum({metric.GUESTS_CONFIGURED.of(G)})",
        ),
        number("Boots", "How often they were started.", "none", Query(f"sum({metric.GUEST_BOOTS.of(G)})")),
        number(
            "Deaths",
            "How often they have died in this run.",
            "none",
            Query(f"sum({metric.GUEST_DEATHS.of(G)})"),
            red_from=1,
        ),
        number(
            "Outage now",
            "Longest time that one of them with work has had no success.",
            "s",
            Query(f"max({metric.GUEST_OUTAGE_SECONDS.of(G)})"),
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success in this run.",
            "s",
            Query(f"max({metric.GUEST_LONGEST_OUTAGE_SECONDS.of(G)})"),
            red_from=5,
        ),
        number(
            "Outages over",
            "Their outages of a second or more in this run that are over, disk by disk.",
            "none",
            Query(f"sum({metric.GUEST_OUTAGES.of(G, lasting(1))})"),
            red_from=1,
        ),
        number(
            "Oldest request",
            "Age of the oldest request without an answer.",
            "s",
            Query(f"max({metric.VBD_OLDEST_REQUEST_SECONDS.of(G)})"),
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            "none",
            Query(f"sum({metric.VBD_LOST_WRITES.of(G)})"),
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
            Query(
                f"sum by (host, guest, vbd, operation) (rate({metric.VBD_REQUESTS.of(G)}{RATE}))",
                f"{VBD} {{{{operation}}}}",
            ),
        ),
        lines(
            "Throughput",
            "Bytes moved by block requests.",
            "Bps",
            Query(
                f"sum by (host, guest, vbd, direction) (rate({metric.VBD_BYTES.of(G)}{RATE}))",
                f"{VBD} {{{{direction}}}}",
            ),
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
            Query(
                f"sum by (host, guest, phase) ({metric.VBD_RECONNECT_SECONDS.of(G)})",
                f"{NAME} {{{{phase}}}}",
            ),
            steps=True,
        ),
        lines(
            "Reconnects",
            "New rings offered, old rings taken up again, requests issued again, keys written again.",
            "none",
            Query(f"sum by (host, guest, vbd) ({metric.VBD_RECONNECTS.of(G)})", f"{VBD} reconnects"),
            Query(f"sum by (host, guest, vbd) ({metric.VBD_RESUMES.of(G)})", f"{VBD} resumes"),
            Query(f"sum by (host, guest, vbd) ({metric.VBD_REPLAYED_REQUESTS.of(G)})", f"{VBD} replayed"),
            Query(
                f"sum by (host, guest, vbd) ({metric.VBD_KEYS_PUBLISHED_AGAIN.of(G)})", f"{VBD} keys again"
            ),
            steps=True,
        ),
    ),
    row(
        "Ring and queue",
        lines(
            "Ring",
            "Slots of the ring, and those with a request that has no answer.",
            "none",
            Query(f"sum by (host, guest, vbd) ({metric.VBD_RING_SLOTS_USED.of(G)})", f"{VBD} used"),
            Query(f"max({metric.VBD_RING_SLOTS.of(G)})", "slots"),
        ),
        lines(
            "Queue depth",
            "Requests that wait for an answer, and those not in the ring yet.",
            "none",
            Query(f"sum by (host, guest, vbd) ({metric.VBD_REQUESTS_IN_FLIGHT.of(G)})", f"{VBD} in flight"),
            Query(f"sum by (host, guest, vbd) ({metric.VBD_REQUESTS_QUEUED.of(G)})", f"{VBD} queued"),
        ),
        lines(
            "Truth",
            "Acknowledged writes, reads that were verified, errors, and losses.",
            "ops",
            Query(
                f"sum by (host, guest) (rate({metric.VBD_ACKNOWLEDGED_WRITES.of(G)}{RATE}))",
                f"{NAME} acknowledged writes",
            ),
            Query(
                f"sum by (host, guest) (rate({metric.VBD_VERIFIED_READS.of(G)}{RATE}))",
                f"{NAME} verified reads",
            ),
            Query(f"sum by (host, guest) (rate({metric.VBD_ERRORS.of(G)}{RATE}))", f"{NAME} errors"),
            Query(
                f"sum by (host, guest) (rate({metric.VBD_LOST_WRITES.of(G)}{RATE}))",
                f"{NAME} lost writes",
            ),
        ),
    ),
    row(
        "Vitals",
        lines(
            "Memory",
            "Memory that the guest's kernel uses, and the rest.",
            "bytes",
            Query(f"sum by (host, guest) ({metric.GUEST_MEMORY_COMMITTED_BYTES.of(G)})", f"{NAME} committed"),
            Query(f"sum by (host, guest) ({metric.GUEST_MEMORY_FREE_BYTES.of(G)})", f"{NAME} free"),
        ),
        lines(
            "I/O wait",
            "Share of the time in which workloads wait for their disks, summed over the disks.",
            "percentunit",
            Query(f"sum by (host, guest) (rate({metric.GUEST_IO_WAIT_SECONDS.of(G)}{RATE}))", NAME),
        ),
    ),
    row(
        "Kernel",
        lines(
            "Hypercalls",
            "Hypercalls that the guest makes, by name.",
            "ops",
            Query(f"sum by (hypercall) (rate({metric.HYPERCALLS.of(D)}{RATE}))", "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Events",
            "Events sent, and upcalls delivered.",
            "ops",
            Query(
                f"sum by (host, domain) (rate({metric.EVENTS_SENT.of(D)}{RATE}))",
                "{{host}}/{{domain}} sent",
            ),
            Query(
                f"sum by (host, domain) (rate({metric.UPCALLS.of(D)}{RATE}))",
                "{{host}}/{{domain}} upcalls",
            ),
        ),
        lines(
            "CPU",
            "Processor time of the guest's process.",
            "percentunit",
            Query(
                f"sum by (host, process) (rate({metric.PROCESS_CPU_SECONDS.of(P)}{RATE}))",
                "{{host}}/{{process}}",
            ),
        ),
    ),
    row(
        "Disks",
        facts("Backends", "Which domain serves which virtual disk.", Query(metric.VBD_INFO.of(G))),
        height=6,
    ),
    variables=("guest",),
)
