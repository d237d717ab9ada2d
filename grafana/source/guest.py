"""The dashboard *Guest*: I/O, outage, and the phases of a reconnect."""

from grafana.source.panels import (
    DOMAIN_STATES,
    XENBUS_STATES,
    Page,
    Query,
    facts,
    lasting,
    latency,
    lines,
    number,
    share,
    states,
)

G = '%S,guest=~"$guest"'
D = '%S,domain=~"$guest"'
P = '%S,process=~"$guest"'
RATE = "[$__rate_interval]"
NAME = "{{host}}/{{guest}}"
VBD = "{{host}}/{{guest}} {{vbd}}"


def page() -> Page:
    """The whole of it."""
    made = Page("Guest", "What a guest sees of its disks: requests, latency, outages, reconnects.", ["guest"])
    made.row(
        "Now",
        share(
            "Up",
            "How many of the chosen guests run.",
            f"sum(domzero_guest_up{{{G}}})",
            f"sum(domzero_guests_configured{{{G}}})",
        ),
        number(
            "Boots", "How often they were started.", "none", Query(f"sum(domzero_guest_boots_total{{{G}}})")
        ),
        number(
            "Deaths",
            "How often they have died in this run.",
            "none",
            Query(f"sum(domzero_guest_deaths_total{{{G}}})"),
            red_from=1,
        ),
        number(
            "Outage now",
            "Longest time that one of them with work has had no success.",
            "s",
            Query(f"max(domzero_guest_outage_seconds{{{G}}})"),
            red_from=1,
        ),
        number(
            "Longest outage",
            "Longest time without a success in this run.",
            "s",
            Query(f"max(domzero_guest_longest_outage_seconds{{{G}}})"),
            red_from=5,
        ),
        number(
            "Outages over",
            "Their outages of a second or more in this run that are over, disk by disk.",
            "none",
            Query(f"sum(domzero_guest_outages_total{{{G},{lasting(1)}}})"),
            red_from=1,
        ),
        number(
            "Oldest request",
            "Age of the oldest request without an answer.",
            "s",
            Query(f"max(domzero_vbd_oldest_request_seconds{{{G}}})"),
            red_from=1,
        ),
        number(
            "Lost writes",
            "Acknowledged writes that were not found when read back.",
            "none",
            Query(f"sum(domzero_vbd_lost_writes_total{{{G}}})"),
            red_from=1,
        ),
        height=5,
    )
    made.row(
        "Input and output",
        lines(
            "Requests",
            "Block requests answered with success, by operation.",
            "iops",
            Query(
                f"sum by (host, guest, vbd, operation) (rate(domzero_vbd_requests_total{{{G}}}{RATE}))",
                f"{VBD} {{{{operation}}}}",
            ),
        ),
        lines(
            "Throughput",
            "Bytes moved by block requests.",
            "Bps",
            Query(
                f"sum by (host, guest, vbd, direction) (rate(domzero_vbd_bytes_total{{{G}}}{RATE}))",
                f"{VBD} {{{{direction}}}}",
            ),
        ),
        latency("Latency", G),
    )
    made.row(
        "Outage and reconnect",
        lines(
            "Outage",
            "Time since the last success while there is work.",
            "s",
            Query(f"domzero_guest_outage_seconds{{{G}}}", NAME),
        ),
        states(
            "Xenbus states",
            "The frontend's end and the backend's, as each has told last.",
            XENBUS_STATES,
            Query(f"domzero_vbd_xenbus_state{{{G}}}", f"{VBD} {{{{end}}}}"),
        ),
        states(
            "Domain",
            "What the guest's domain does.",
            DOMAIN_STATES,
            Query(f"domzero_domain_state{{{D}}}", "{{host}}/{{domain}}"),
        ),
    )
    made.row(
        "Phases of the reconnects",
        lines(
            "Time in reconnects",
            "All reconnects so far: the handshake for a new ring, and until its first answer.",
            "s",
            Query(
                f"sum by (host, guest, phase) (domzero_vbd_reconnect_seconds_total{{{G}}})",
                f"{NAME} {{{{phase}}}}",
            ),
            steps=True,
        ),
        lines(
            "Reconnects",
            "New rings offered, old rings taken up again, requests issued again.",
            "none",
            Query(f"sum by (host, guest, vbd) (domzero_vbd_reconnects_total{{{G}}})", f"{VBD} reconnects"),
            Query(f"sum by (host, guest, vbd) (domzero_vbd_resumes_total{{{G}}})", f"{VBD} resumes"),
            Query(
                f"sum by (host, guest, vbd) (domzero_vbd_replayed_requests_total{{{G}}})", f"{VBD} replayed"
            ),
            steps=True,
        ),
    )
    made.row(
        "Ring and queue",
        lines(
            "Ring",
            "Slots of the ring, and those with a request that has no answer.",
            "none",
            Query(f"sum by (host, guest, vbd) (domzero_vbd_ring_slots_used{{{G}}})", f"{VBD} used"),
            Query(f"max(domzero_vbd_ring_slots{{{G}}})", "slots"),
        ),
        lines(
            "Queue depth",
            "Requests that wait for an answer, and those not in the ring yet.",
            "none",
            Query(f"sum by (host, guest, vbd) (domzero_vbd_requests_in_flight{{{G}}})", f"{VBD} in flight"),
            Query(f"sum by (host, guest, vbd) (domzero_vbd_requests_queued{{{G}}})", f"{VBD} queued"),
        ),
        lines(
            "Truth",
            "Acknowledged writes, reads that were verified, errors, and losses.",
            "ops",
            Query(
                f"sum by (host, guest) (rate(domzero_vbd_acknowledged_writes_total{{{G}}}{RATE}))",
                f"{NAME} acknowledged writes",
            ),
            Query(
                f"sum by (host, guest) (rate(domzero_vbd_verified_reads_total{{{G}}}{RATE}))",
                f"{NAME} verified reads",
            ),
            Query(f"sum by (host, guest) (rate(domzero_vbd_errors_total{{{G}}}{RATE}))", f"{NAME} errors"),
            Query(
                f"sum by (host, guest) (rate(domzero_vbd_lost_writes_total{{{G}}}{RATE}))",
                f"{NAME} lost writes",
            ),
        ),
    )
    made.row(
        "Vitals",
        lines(
            "Memory",
            "Memory that the guest's kernel uses, and the rest.",
            "bytes",
            Query(f"sum by (host, guest) (domzero_guest_memory_committed_bytes{{{G}}})", f"{NAME} committed"),
            Query(f"sum by (host, guest) (domzero_guest_memory_free_bytes{{{G}}})", f"{NAME} free"),
        ),
        lines(
            "I/O wait",
            "Share of the time in which workloads wait for their disks, summed over the disks.",
            "percentunit",
            Query(f"sum by (host, guest) (rate(domzero_guest_io_wait_seconds_total{{{G}}}{RATE}))", NAME),
        ),
    )
    made.row(
        "Kernel",
        lines(
            "Hypercalls",
            "Hypercalls that the guest makes, by name.",
            "ops",
            Query(f"sum by (hypercall) (rate(domzero_hypercalls_total{{{D}}}{RATE}))", "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Events",
            "Events sent, and upcalls delivered.",
            "ops",
            Query(
                f"sum by (host, domain) (rate(domzero_events_sent_total{{{D}}}{RATE}))",
                "{{host}}/{{domain}} sent",
            ),
            Query(
                f"sum by (host, domain) (rate(domzero_upcalls_total{{{D}}}{RATE}))",
                "{{host}}/{{domain}} upcalls",
            ),
        ),
        lines(
            "CPU",
            "Processor time of the guest's process.",
            "percentunit",
            Query(
                f"sum by (host, process) (rate(domzero_process_cpu_seconds_total{{{P}}}{RATE}))",
                "{{host}}/{{process}}",
            ),
        ),
    )
    made.row(
        "Disks",
        facts("Backends", "Which domain serves which virtual disk.", Query(f"domzero_vbd_info{{{G}}}")),
        height=6,
    )
    return made
