"""The dashboard *Host*: domains, interrupts, hypercalls, memory, processes, disks."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import DOMAIN_STATES, Page, Query, S, lines, row, states

RATE = "[$__rate_interval]"


PAGE: Final = Page(
    "Host",
    "What one host does: its domains, hypercalls, events, interrupts, memory and processes.",
    row(
        "Domains",
        states(
            "State of the domains",
            "What each domain does. A domain that has died stays here, off.",
            DOMAIN_STATES,
            Query(metric.DOMAIN_STATE.of(S), "{{host}}/{{domain}}"),
        ),
        lines(
            "CPU",
            "Processor time of each actor's process.",
            "percentunit",
            Query(
                f"sum by (host, process) (rate({metric.PROCESS_CPU_SECONDS.of(S)}{RATE}))",
                "{{host}}/{{process}}",
            ),
            stacked=True,
        ),
        height=10,
    ),
    row(
        "Hypercalls",
        lines(
            "Hypercalls by name",
            "Hypercalls entered, by name.",
            "ops",
            Query(f"sum by (hypercall) (rate({metric.HYPERCALLS.of(S)}{RATE}))", "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Hypercalls by domain",
            "Entered, and returned to the caller: they differ by what is under way.",
            "ops",
            Query(
                f"sum by (host, domain) (rate({metric.HYPERCALLS.of(S)}{RATE}))",
                "{{host}}/{{domain}} entered",
            ),
            Query(
                f"sum by (host, domain) (rate({metric.HYPERCALL_EXITS.of(S)}{RATE}))",
                "{{host}}/{{domain}} returned",
            ),
        ),
        lines(
            "Refused hypercalls",
            "Hypercalls answered with an error.",
            "ops",
            Query(f"sum by (host) (rate({metric.HYPERCALLS_REFUSED.of(S)}{RATE}))", "{{host}}"),
        ),
    ),
    row(
        "Events and interrupts",
        lines(
            "Events and upcalls",
            "Events sent; upcalls delivered, and returned from. A storm collapses into few upcalls.",
            "ops",
            Query(f"sum by (host) (rate({metric.EVENTS_SENT.of(S)}{RATE}))", "{{host}} events sent"),
            Query(f"sum by (host) (rate({metric.UPCALLS.of(S)}{RATE}))", "{{host}} upcalls"),
            Query(f"sum by (host) (rate({metric.UPCALLS_TAKEN.of(S)}{RATE}))", "{{host}} upcalls returned"),
        ),
        lines(
            "Interrupts",
            "Delivered to domains, and ended by them (EOI). Spurious: without a taker; forced: ended by Xen.",
            "ops",
            Query(
                f"sum by (host, device) (rate({metric.INTERRUPTS.of(S)}{RATE}))",
                "{{host}}/{{device}} delivered",
            ),
            Query(
                f"sum by (host, device) (rate({metric.INTERRUPTS_ENDED.of(S)}{RATE}))",
                "{{host}}/{{device}} ended",
            ),
            Query(f"sum by (host) (rate({metric.SPURIOUS_INTERRUPTS.of(S)}{RATE}))", "{{host}} spurious"),
            Query(f"sum by (host) (rate({metric.FORCED_INTERRUPTS.of(S)}{RATE}))", "{{host}} forced"),
        ),
        lines(
            "IO-APIC trouble",
            "Edges lost while masked, interrupts without a vector, ends that no pin was waiting for.",
            "none",
            Query(f"sum by (host, pin) ({metric.IOAPIC_LOST_EDGES.of(S)})", "{{host}} pin {{pin}} lost"),
            Query(f"sum by (host) ({metric.IOAPIC_UNDELIVERABLE.of(S)})", "{{host}} undeliverable"),
            Query(f"sum by (host) ({metric.IOAPIC_UNMATCHED_ENDS.of(S)})", "{{host}} unmatched ends"),
        ),
        lines(
            "Event channels",
            "Ports in use, those with an event under way, and those bound to interrupts.",
            "none",
            Query(f"sum by (host, domain) ({metric.EVENT_CHANNELS.of(S)})", "{{host}}/{{domain}}"),
            Query(f"sum by (host) ({metric.EVENT_CHANNELS_PENDING.of(S)})", "{{host}} pending"),
            Query(f"sum by (host) ({metric.PIRQS_BOUND.of(S)})", "{{host}} interrupts"),
        ),
    ),
    row(
        "Memory and grants",
        lines(
            "Frames by owner",
            "Machine frames of 4 KiB: whose they are.",
            "none",
            Query(f"sum by (host, owner) ({metric.FRAMES.of(S)})", "{{host}}/{{owner}}"),
            stacked=True,
        ),
        lines(
            "Frames in use",
            "Machine frames of 4 KiB that are not free.",
            "none",
            Query(f"sum by (host) ({metric.FRAMES_USED.of(S)})", "{{host}}"),
        ),
        lines(
            "Grants",
            "Grants of others that a domain has mapped, and grants of its own that are in use.",
            "none",
            Query(f"sum by (host, domain) ({metric.GRANTS_MAPPED.of(S)})", "{{host}}/{{domain}} mapped"),
            Query(f"sum by (host, domain) ({metric.GRANTS_IN_USE.of(S)})", "{{host}}/{{domain}} granted"),
            Query(f"sum by (host) ({metric.LINGERING_FRAMES.of(S)})", "{{host}} frames that linger"),
        ),
        lines(
            "Resident memory",
            "Memory of each actor's process.",
            "bytes",
            Query(metric.PROCESS_RESIDENT_MEMORY_BYTES.of(S), "{{host}}/{{process}}"),
            stacked=True,
        ),
    ),
    row(
        "Disks",
        lines(
            "Disk commands",
            "Commands that the physical disks have done.",
            "iops",
            Query(
                f"sum by (host, disk, operation) (rate({metric.DISK_REQUESTS.of(S)}{RATE}))",
                "{{host}}/{{disk}} {{operation}}",
            ),
        ),
        lines(
            "Disk throughput",
            "Bytes that the physical disks have moved.",
            "Bps",
            Query(
                f"sum by (host, disk, direction) (rate({metric.DISK_BYTES.of(S)}{RATE}))",
                "{{host}}/{{disk}} {{direction}}",
            ),
        ),
        lines(
            "Volatile cache",
            "Bytes that a loss of power would lose.",
            "bytes",
            Query(f"sum by (host, disk) ({metric.DISK_DIRTY_BYTES.of(S)})", "{{host}}/{{disk}}"),
        ),
        lines(
            "Disk trouble",
            "Commands in flight, completions not taken, resets, errors, and failures of the cache.",
            "none",
            Query(
                f"sum by (host, disk) ({metric.DISK_REQUESTS_IN_FLIGHT.of(S)})", "{{host}}/{{disk}} in flight"
            ),
            Query(f"sum by (host, disk) ({metric.DISK_RESETS.of(S)})", "{{host}}/{{disk}} resets"),
            Query(f"sum by (host, disk) ({metric.DISK_ERRORS.of(S)})", "{{host}}/{{disk}} errors"),
            Query(
                f"sum by (host, disk) ({metric.DISK_COMPLETIONS_QUEUED.of(S)})", "{{host}}/{{disk}} not taken"
            ),
            Query(
                f"sum by (host, disk) ({metric.DISK_WRITE_BACK_FAILURES.of(S)})",
                "{{host}}/{{disk}} write-back failures",
            ),
        ),
        lines(
            "Effects of disk faults",
            "Errors that were injected, flushes that did nothing, interrupts that were lost.",
            "none",
            Query(
                f"sum by (host, disk, effect) ({metric.DISK_FAULT_EFFECTS.of(S)})",
                "{{host}}/{{disk}} {{effect}}",
            ),
        ),
    ),
    row(
        "Measuring",
        lines(
            "Age of the statistics",
            "Time since each actor was heard of: it grows while one is dead or hung.",
            "s",
            Query(metric.STATISTICS_AGE_SECONDS.of(S), "{{host}}/{{actor}}"),
        ),
        lines(
            "Virtual processors",
            "Virtual processors of each domain.",
            "none",
            Query(metric.DOMAIN_VCPUS.of(S), "{{host}}/{{domain}}"),
            steps=True,
        ),
        height=7,
    ),
)
