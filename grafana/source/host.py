"""The dashboard *Host*: domains, interrupts, hypercalls, memory, processes, disks."""

from typing import Final

from cluster.running.metrics import catalog as metric
from grafana.source.panels import DOMAIN_STATES, Page, Query, S, lines, rate, row, states, total

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
            Query(rate(metric.PROCESS_CPU_SECONDS, S, by="host, process"), "{{host}}/{{process}}"),
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
            Query(rate(metric.HYPERCALLS, S, by="hypercall"), "{{hypercall}}"),
            stacked=True,
        ),
        lines(
            "Hypercalls by domain",
            "Entered, and returned to the caller: they differ by what is under way.",
            "ops",
            Query(rate(metric.HYPERCALLS, S, by="host, domain"), "{{host}}/{{domain}} entered"),
            Query(rate(metric.HYPERCALL_EXITS, S, by="host, domain"), "{{host}}/{{domain}} returned"),
        ),
        lines(
            "Refused hypercalls",
            "Hypercalls answered with an error.",
            "ops",
            Query(rate(metric.HYPERCALLS_REFUSED, S, by="host"), "{{host}}"),
        ),
    ),
    row(
        "Events and interrupts",
        lines(
            "Events and upcalls",
            "Events sent; upcalls delivered, and returned from. A storm collapses into few upcalls.",
            "ops",
            Query(rate(metric.EVENTS_SENT, S, by="host"), "{{host}} events sent"),
            Query(rate(metric.UPCALLS, S, by="host"), "{{host}} upcalls"),
            Query(rate(metric.UPCALLS_TAKEN, S, by="host"), "{{host}} upcalls returned"),
        ),
        lines(
            "Interrupts",
            "Delivered to domains, and ended by them (EOI). Spurious: without a taker; forced: ended by Xen.",
            "ops",
            Query(rate(metric.INTERRUPTS, S, by="host, device"), "{{host}}/{{device}} delivered"),
            Query(rate(metric.INTERRUPTS_ENDED, S, by="host, device"), "{{host}}/{{device}} ended"),
            Query(rate(metric.SPURIOUS_INTERRUPTS, S, by="host"), "{{host}} spurious"),
            Query(rate(metric.FORCED_INTERRUPTS, S, by="host"), "{{host}} forced"),
        ),
        lines(
            "IO-APIC trouble",
            "Edges lost while masked, interrupts without a vector, ends that no pin was waiting for.",
            "none",
            Query(total(metric.IOAPIC_LOST_EDGES, S, by="host, pin"), "{{host}} pin {{pin}} lost"),
            Query(total(metric.IOAPIC_UNDELIVERABLE, S, by="host"), "{{host}} undeliverable"),
            Query(total(metric.IOAPIC_UNMATCHED_ENDS, S, by="host"), "{{host}} unmatched ends"),
        ),
        lines(
            "Event channels",
            "Ports in use, those with an event under way, and those bound to interrupts.",
            "none",
            Query(total(metric.EVENT_CHANNELS, S, by="host, domain"), "{{host}}/{{domain}}"),
            Query(total(metric.EVENT_CHANNELS_PENDING, S, by="host"), "{{host}} pending"),
            Query(total(metric.PIRQS_BOUND, S, by="host"), "{{host}} interrupts"),
        ),
    ),
    row(
        "Memory and grants",
        lines(
            "Frames by owner",
            "Machine frames of 4 KiB: whose they are.",
            "none",
            Query(total(metric.FRAMES, S, by="host, owner"), "{{host}}/{{owner}}"),
            stacked=True,
        ),
        lines(
            "Frames in use",
            "Machine frames of 4 KiB that are not free.",
            "none",
            Query(total(metric.FRAMES_USED, S, by="host"), "{{host}}"),
        ),
        lines(
            "Grants",
            "Grants of others that a domain has mapped, and grants of its own that are in use.",
            "none",
            Query(total(metric.GRANTS_MAPPED, S, by="host, domain"), "{{host}}/{{domain}} mapped"),
            Query(total(metric.GRANTS_IN_USE, S, by="host, domain"), "{{host}}/{{domain}} granted"),
            Query(total(metric.LINGERING_FRAMES, S, by="host"), "{{host}} frames that linger"),
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
                rate(metric.DISK_REQUESTS, S, by="host, disk, operation"), "{{host}}/{{disk}} {{operation}}"
            ),
        ),
        lines(
            "Disk throughput",
            "Bytes that the physical disks have moved.",
            "Bps",
            Query(rate(metric.DISK_BYTES, S, by="host, disk, direction"), "{{host}}/{{disk}} {{direction}}"),
        ),
        lines(
            "Volatile cache",
            "Bytes that a loss of power would lose.",
            "bytes",
            Query(total(metric.DISK_DIRTY_BYTES, S, by="host, disk"), "{{host}}/{{disk}}"),
        ),
        lines(
            "Disk trouble",
            "Commands in flight, completions not taken, resets, errors, and failures of the cache.",
            "none",
            Query(total(metric.DISK_REQUESTS_IN_FLIGHT, S, by="host, disk"), "{{host}}/{{disk}} in flight"),
            Query(total(metric.DISK_RESETS, S, by="host, disk"), "{{host}}/{{disk}} resets"),
            Query(total(metric.DISK_ERRORS, S, by="host, disk"), "{{host}}/{{disk}} errors"),
            Query(total(metric.DISK_COMPLETIONS_QUEUED, S, by="host, disk"), "{{host}}/{{disk}} not taken"),
            Query(
                total(metric.DISK_WRITE_BACK_FAILURES, S, by="host, disk"),
                "{{host}}/{{disk}} write-back failures",
            ),
        ),
        lines(
            "Effects of disk faults",
            "Errors that were injected, flushes that did nothing, interrupts that were lost.",
            "none",
            Query(
                total(metric.DISK_FAULT_EFFECTS, S, by="host, disk, effect"),
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
