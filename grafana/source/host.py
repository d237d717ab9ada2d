"""The dashboard *Host*: domains, interrupts, hypercalls, memory, processes, disks."""

from grafana.source.panels import DOMAIN_STATES, Page, Query, lines, states

RATE = "[$__rate_interval]"


def page() -> Page:
    """The whole of it."""
    made = Page(
        "Host", "What one host does: its domains, hypercalls, events, interrupts, memory and processes."
    )
    made.row(
        "Domains",
        states(
            "State of the domains",
            "What each domain does. A domain that has died stays here, off.",
            DOMAIN_STATES,
            Query("domzero_domain_state{%S}", "{{host}}/{{domain}}"),
        ),
        lines(
            "CPU",
            "Processor time of each actor's process.",
            "percentunit",
            Query(
                f"sum by (host, process) (rate(domzero_process_cpu_seconds_total{{%S}}{RATE}))",
                "{{host}}/{{process}}",
            ),
            stacked=True,
        ),
        height=10,
    )
    made.row(
        "Hypercalls",
        lines(
            "Hypercalls by name",
            "Hypercalls entered, by name.",
            "ops",
            Query(f"sum by (hypercall) (rate(domzero_hypercalls_total{{%S}}{RATE}))", "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Hypercalls by domain",
            "Entered, and returned to the caller: they differ by what is under way.",
            "ops",
            Query(
                f"sum by (host, domain) (rate(domzero_hypercalls_total{{%S}}{RATE}))",
                "{{host}}/{{domain}} entered",
            ),
            Query(
                f"sum by (host, domain) (rate(domzero_hypercall_exits_total{{%S}}{RATE}))",
                "{{host}}/{{domain}} returned",
            ),
        ),
        lines(
            "Refused hypercalls",
            "Hypercalls answered with an error.",
            "ops",
            Query(f"sum by (host) (rate(domzero_hypercalls_refused_total{{%S}}{RATE}))", "{{host}}"),
        ),
    )
    made.row(
        "Events and interrupts",
        lines(
            "Events and upcalls",
            "Events sent; upcalls delivered, and returned from. A storm collapses into few upcalls.",
            "ops",
            Query(f"sum by (host) (rate(domzero_events_sent_total{{%S}}{RATE}))", "{{host}} events sent"),
            Query(f"sum by (host) (rate(domzero_upcalls_total{{%S}}{RATE}))", "{{host}} upcalls"),
            Query(
                f"sum by (host) (rate(domzero_upcalls_taken_total{{%S}}{RATE}))", "{{host}} upcalls returned"
            ),
        ),
        lines(
            "Interrupts",
            "Device interrupts delivered to dom0, and ended by it (EOI); spurious ones had no taker.",
            "ops",
            Query(
                f"sum by (host, device) (rate(domzero_interrupts_total{{%S}}{RATE}))",
                "{{host}}/{{device}} delivered",
            ),
            Query(
                f"sum by (host, device) (rate(domzero_interrupts_ended_total{{%S}}{RATE}))",
                "{{host}}/{{device}} ended",
            ),
            Query(
                f"sum by (host) (rate(domzero_spurious_interrupts_total{{%S}}{RATE}))", "{{host}} spurious"
            ),
        ),
        lines(
            "Event channels",
            "Ports in use, and those with an event under way.",
            "none",
            Query("sum by (host, domain) (domzero_event_channels{%S})", "{{host}}/{{domain}}"),
            Query("sum by (host) (domzero_event_channels_pending{%S})", "{{host}} pending"),
        ),
    )
    made.row(
        "Memory and grants",
        lines(
            "Frames by owner",
            "Machine frames of 4 KiB: whose they are.",
            "none",
            Query("sum by (host, owner) (domzero_frames{%S})", "{{host}}/{{owner}}"),
            stacked=True,
        ),
        lines(
            "Grants",
            "Grants of others that a domain has mapped, and grants of its own that are in use.",
            "none",
            Query("sum by (host, domain) (domzero_grants_mapped{%S})", "{{host}}/{{domain}} mapped"),
            Query("sum by (host, domain) (domzero_grants_in_use{%S})", "{{host}}/{{domain}} granted"),
            Query("sum by (host) (domzero_lingering_frames{%S})", "{{host}} frames that linger"),
        ),
        lines(
            "Resident memory",
            "Memory of each actor's process.",
            "bytes",
            Query("domzero_process_resident_memory_bytes{%S}", "{{host}}/{{process}}"),
            stacked=True,
        ),
    )
    made.row(
        "Disks",
        lines(
            "Disk commands",
            "Commands that the physical disks have done.",
            "iops",
            Query(
                f"sum by (host, disk, operation) (rate(domzero_disk_requests_total{{%S}}{RATE}))",
                "{{host}}/{{disk}} {{operation}}",
            ),
        ),
        lines(
            "Disk throughput",
            "Bytes that the physical disks have moved.",
            "Bps",
            Query(
                f"sum by (host, disk, direction) (rate(domzero_disk_bytes_total{{%S}}{RATE}))",
                "{{host}}/{{disk}} {{direction}}",
            ),
        ),
        lines(
            "Volatile cache",
            "Bytes that a loss of power would lose.",
            "bytes",
            Query("sum by (host, disk) (domzero_disk_dirty_bytes{%S})", "{{host}}/{{disk}}"),
        ),
        lines(
            "Disk trouble",
            "Commands in flight, resets and errors of the physical disks.",
            "none",
            Query("sum by (host, disk) (domzero_disk_requests_in_flight{%S})", "{{host}}/{{disk}} in flight"),
            Query("sum by (host, disk) (domzero_disk_resets_total{%S})", "{{host}}/{{disk}} resets"),
            Query("sum by (host, disk) (domzero_disk_errors_total{%S})", "{{host}}/{{disk}} errors"),
        ),
    )
    made.row(
        "Measuring",
        lines(
            "Age of the statistics",
            "Time since each actor was heard of: it grows while one is dead or hung.",
            "s",
            Query("domzero_statistics_age_seconds{%S}", "{{host}}/{{actor}}"),
        ),
        lines(
            "Virtual processors",
            "Virtual processors of each domain.",
            "none",
            Query("domzero_domain_vcpus{%S}", "{{host}}/{{domain}}"),
            steps=True,
        ),
        height=7,
    )
    return made
