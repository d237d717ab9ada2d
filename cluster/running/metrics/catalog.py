"""Every metric there is, a row each: its name, labels, what it says, and where its value stands.

Rules: Prometheus' naming: base units, `_total` for counters (added when written). Besides its own labels
every series has `cluster` and `host`. All labels are bounded by the configuration.
"""

from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.block.blkback_statistics import BlkbackStatistics
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.devices.disk_statistics import DiskStatistics
from actors.devices.ioapic import IoApicStatistics
from actors.domu.vitals import VitalsStatistics
from actors.drivers.driver_domain import DriverDomainStatistics
from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.notebook.journal_header import Word
from actors.runtime.units import NS_PER_S
from actors.xenstore.store import StoreStatistics
from cluster.running.metrics import network_catalog, talk_catalog
from cluster.running.metrics.family import Family, Key, counter, fields_of, gauge, histogram

ALL_GUESTS: Final = "(all)"
"""What stands for the guests where they have no series of their own; not a name that a guest can have."""
XEN: Final = fields_of(HypervisorStatistics)
DOMAIN: Final = fields_of(DomainStatistics)
DISK: Final = fields_of(DiskStatistics)
IOAPIC: Final = fields_of(IoApicStatistics)
DRIVER: Final = fields_of(DriverDomainStatistics)
STORE: Final = fields_of(StoreStatistics)
VITALS: Final = fields_of(VitalsStatistics)
FRONTEND: Final = fields_of(BlkfrontStatistics)
BACKEND: Final = fields_of(BlkbackStatistics)


def seconds(ns: int) -> float:
    """Of nanoseconds."""
    return ns / NS_PER_S


def in_bytes(sectors: int) -> int:
    """Of sectors."""
    return sectors * SECTOR_SIZE


RUN_INFO: Final = gauge(
    "run_info",
    "run seed xen architecture hwdom xenstore reconnect version",
    "The run, and the policies of the host; always 1.",
    merge="one",
)
RUN_START_TIME_SECONDS: Final = gauge(
    "run_start_time_seconds", "", "When the run began, in Unix time.", merge="one"
)
RUN_PHASE: Final = gauge(
    "run_phase", "phase", "1 for the phase that the run is in, 0 for the others.", merge="one"
)
JOURNAL_BYTES: Final = gauge(
    "journal_bytes", "", "What the journals of the host's guests take; the verdict needs them whole."
)
JOURNAL_BUDGET_BYTES: Final = gauge(
    "journal_budget_bytes",
    "",
    "What the journals of all hosts may take before the guests stop working; 0 for no limit.",
    merge="one",
)
HOST_UP: Final = gauge("host_up", "", "Whether the host's power is on (1) or not (0).", merge="one")
HOST_BOOTS: Final = counter("host_boots", "", "How often the machine was started.")
DOM0_BOOTS: Final = counter("dom0_boots", "", "How often a dom0 was started.")
DOMAIN_BOOTS: Final = counter(
    "domain_boots", "domain", "How often dom0, a driver domain or that of xenstored was started."
)
SPARE_PARKED: Final = gauge("spare_parked", "domain", "Whether a spare of dom0 is parked (1) or not (0).")
SPARE_PROMOTIONS: Final = counter(
    "spare_promotions", "domain", "How often a spare has taken the place of dom0."
)
DOMAIN_STATE: Final = gauge(
    "domain_state",
    "domain",
    "State of a domain: 0 off, 1 running, 2 paused, 3 hung, 4 shut down, 5 crashed, 6 dying.",
    merge="max",
)
DOMAIN_VCPUS: Final = gauge("domain_vcpus", "domain", "Virtual processors of a domain.")
FRAMES: Final = gauge(
    "frames",
    "owner",
    "Machine frames of 4096 bytes by owner: a domain, xen, or free.",
    {
        "": DOMAIN.frames,
        "free": XEN.frames_free,
        "xen": XEN.frames_reserved,
    },
)
FRAMES_USED: Final = gauge("frames_used", "", "Machine frames that are not free.", XEN.frames_used)
LINGERING_FRAMES: Final = gauge(
    "lingering_frames", "", "Frames of dead domains that others still refer to.", XEN.frames_lingering
)
HYPERCALLS: Final = counter(
    "hypercalls", "domain hypercall", "Hypercalls entered, by name.", DOMAIN.hypercalls
)
HYPERCALL_EXITS: Final = counter(
    "hypercall_exits", "domain", "Hypercalls that have returned to their caller.", DOMAIN.hypercall_exits
)
HYPERCALLS_REFUSED: Final = counter(
    "hypercalls_refused",
    "domain",
    "Hypercalls, and parts of them, answered with an error.",
    DOMAIN.hypercalls_refused,
)
EVENTS_SENT: Final = counter(
    "events_sent", "domain", "Events that a domain has sent over its event channels.", DOMAIN.events_sent
)
UPCALLS: Final = counter("upcalls", "domain", "Upcalls delivered to a domain.", DOMAIN.upcalls)
UPCALLS_TAKEN: Final = counter(
    "upcalls_taken", "domain", "Upcalls that a domain has returned from.", DOMAIN.upcalls_taken
)
INTERRUPTS: Final = counter("interrupts", "domain gsi device", "Device interrupts delivered to a domain.")
INTERRUPTS_ENDED: Final = counter(
    "interrupts_ended", "domain gsi device", "Device interrupts that a domain has ended (EOI)."
)
SPURIOUS_INTERRUPTS: Final = counter(
    "spurious_interrupts", "", "Interrupts that no domain wanted.", XEN.spurious_interrupts
)
FORCED_INTERRUPTS: Final = counter(
    "forced_interrupts",
    "",
    "Device interrupts that Xen ended itself, since a domain did not in time.",
    XEN.interrupts_forced,
)
PIRQS_BOUND: Final = gauge(
    "pirqs_bound", "", "Interrupts of devices that are bound to ports of domains.", XEN.pirqs_bound
)
IOAPIC_LOST_EDGES: Final = counter(
    "ioapic_lost_edges", "pin", "Edges that came while the pin was masked, and are lost.", IOAPIC.lost_edges
)
IOAPIC_UNDELIVERABLE: Final = counter(
    "ioapic_undeliverable",
    "",
    "Interrupts whose redirection entry names a vector or a delivery mode that is not taken.",
    IOAPIC.undeliverable,
)
IOAPIC_UNMATCHED_ENDS: Final = counter(
    "ioapic_unmatched_ends",
    "",
    "Ends of interrupts (EOI) that no pin was waiting for.",
    IOAPIC.unmatched_ends,
)
EVENT_CHANNELS: Final = gauge("event_channels", "domain", "Ports in use.", DOMAIN.ports)
EVENT_CHANNELS_PENDING: Final = gauge(
    "event_channels_pending",
    "domain",
    "Ports with an event that has not been delivered.",
    DOMAIN.ports_pending,
)
GRANTS_MAPPED: Final = gauge(
    "grants_mapped", "domain", "Grants of others that a domain has mapped.", DOMAIN.grants_mapped
)
GRANTS_IN_USE: Final = gauge(
    "grants_in_use", "domain", "Grants of a domain that others have in use.", DOMAIN.grants_in_use
)
GUESTS_CONFIGURED: Final = gauge(
    "guests_configured",
    "guest",
    "How many guests should be up: 1, or all of the configuration where they share their series.",
)
GUEST_UP: Final = gauge("guest_up", "guest", "Whether the guest's domain runs (1) or not (0).")
GUEST_BOOTS: Final = counter("guest_boots", "guest", "How often the guest was started.")
GUEST_OUTAGE_SECONDS: Final = gauge(
    "guest_outage_seconds", "guest", "Time since the last success while there is work.", merge="max"
)
GUEST_LONGEST_OUTAGE_SECONDS: Final = gauge(
    "guest_longest_outage_seconds",
    "guest",
    "Longest time without a success while there was work.",
    merge="max",
)
GUEST_MEMORY_COMMITTED_BYTES: Final = gauge(
    "guest_memory_committed_bytes", "guest", "Memory that a guest's kernel uses.", VITALS.committed
)
GUEST_MEMORY_FREE_BYTES: Final = gauge(
    "guest_memory_free_bytes", "guest", "The rest of a guest's memory.", VITALS.free
)
GUEST_IO_WAIT_SECONDS: Final = counter(
    "guest_io_wait_seconds",
    "guest",
    "Time that workloads waited for their disks, summed over the disks.",
    VITALS.io_wait_ns,
    unit=seconds,
)
GUEST_DEATHS: Final = counter(
    "guest_deaths",
    "guest reason",
    "How often the guest has died: of a crash, its watchdog, its toolstack (destroyed) or its host.",
)
GUEST_OUTAGES: Final = counter(
    "guest_outages",
    "guest length",
    "Outages that are over, disk by disk: times without service while there was work.",
)
VBD_INFO: Final = gauge(
    "vbd_info", "guest vbd backend", "Which domain serves a virtual disk; always 1.", merge="max"
)
VBD_REQUESTS: Final = counter(
    "vbd_requests",
    "guest vbd operation",
    "Block requests answered with success.",
    {"read": Word.READS, "write": Word.WRITES, "flush": Word.FLUSHES},
)
VBD_BYTES: Final = counter(
    "vbd_bytes",
    "guest vbd direction",
    "Bytes moved by block requests.",
    {"read": Word.READ_BYTES, "written": Word.WRITTEN_BYTES},
)
VBD_ERRORS: Final = counter("vbd_errors", "guest vbd", "Block requests answered with an error.", Word.ERRORS)
VBD_REQUEST_DURATION_SECONDS: Final = histogram(
    "vbd_request_duration_seconds", "guest vbd", "Time from issue to success of a block request."
)
VBD_REQUESTS_IN_FLIGHT: Final = gauge(
    "vbd_requests_in_flight", "guest vbd", "Block requests that wait for an answer.", Word.IN_FLIGHT
)
VBD_OLDEST_REQUEST_SECONDS: Final = gauge(
    "vbd_oldest_request_seconds", "guest vbd", "Age of the oldest request without an answer.", merge="max"
)
VBD_ACKNOWLEDGED_WRITES: Final = counter(
    "vbd_acknowledged_writes", "guest vbd", "Writes that were answered with success.", Word.WRITES
)
VBD_VERIFIED_READS: Final = counter(
    "vbd_verified_reads", "guest vbd", "Reads that returned what had been acknowledged.", Word.VERIFIED
)
VBD_LOST_WRITES: Final = counter(
    "vbd_lost_writes", "guest vbd", "Acknowledged writes that were not found when read back.", Word.MISMATCHES
)
VBD_RING_SLOTS: Final = gauge("vbd_ring_slots", "guest vbd", "Slots of the ring.")
VBD_RING_SLOTS_USED: Final = gauge(
    "vbd_ring_slots_used",
    "guest vbd",
    "Slots of the ring with a request that has no answer.",
    FRONTEND.in_flight,
)
VBD_REQUESTS_QUEUED: Final = gauge(
    "vbd_requests_queued", "guest vbd", "Requests that wait for a slot or a frame.", FRONTEND.waiting
)
VBD_XENBUS_STATE: Final = gauge(
    "vbd_xenbus_state",
    "guest vbd end",
    "XenbusState of the frontend's and the backend's end: 1 Initialising to 4 Connected, 6 Closed.",
    merge="max",
)
VBD_RECONNECTS: Final = counter(
    "vbd_reconnects",
    "guest vbd",
    "How often the frontend offered a ring to another backend.",
    FRONTEND.reconnects,
)
VBD_RESUMES: Final = counter(
    "vbd_resumes", "guest vbd", "How often a new backend went on with the old ring.", BACKEND.resumes
)
VBD_REPLAYED_REQUESTS: Final = counter(
    "vbd_replayed_requests", "guest vbd", "Requests issued again after a reconnect.", FRONTEND.replayed
)
VBD_KEYS_PUBLISHED_AGAIN: Final = counter(
    "vbd_keys_published_again",
    "guest vbd",
    "How often the frontend wrote its keys again, since a toolstack had overwritten them.",
    FRONTEND.published_again,
)
VBD_RECONNECT_SECONDS: Final = counter(
    "vbd_reconnect_seconds",
    "guest vbd phase",
    "Time that reconnects took: the handshake, and from the new ring to its first answer.",
    {"handshake": FRONTEND.detached_ns, "first answer": FRONTEND.unanswered_ns},
    unit=seconds,
)
XENSTORE_UP: Final = gauge(
    "xenstore_up", "", "Whether xenstored has answered of late (1) or not (0).", merge="one"
)
XENSTORE_REQUESTS: Final = counter(
    "xenstore_requests", "request", "Requests to the store, by name.", STORE.operations
)
XENSTORE_REFUSALS: Final = counter(
    "xenstore_refusals", "", "Requests that the store has refused.", STORE.refusals
)
XENSTORE_WATCH_EVENTS: Final = counter("xenstore_watch_events", "", "Watch events fired.", STORE.watch_events)
XENSTORE_TRANSACTIONS_STARTED: Final = counter(
    "xenstore_transactions_started", "", "Transactions begun.", STORE.transactions_started
)
XENSTORE_TRANSACTION_CONFLICTS: Final = counter(
    "xenstore_transaction_conflicts", "", "Commits refused because of a conflict (EAGAIN).", STORE.conflicts
)
XENSTORE_TRANSACTIONS_OPEN: Final = gauge(
    "xenstore_transactions_open", "", "Transactions that are open.", STORE.transactions
)
XENSTORE_WATCHES: Final = gauge("xenstore_watches", "", "Watches that are set.", STORE.watches)
XENSTORE_NODES: Final = gauge("xenstore_nodes", "", "Nodes in the store.", STORE.nodes)
XENSTORE_CONNECTIONS: Final = gauge("xenstore_connections", "", "Clients of the store.", STORE.connections)
XENSTORE_RECONNECTS: Final = counter(
    "xenstore_reconnects",
    "",
    "How often driver domains have connected to the store anew.",
    DRIVER.store_reconnects,
)
DISK_REQUESTS: Final = counter(
    "disk_requests",
    "disk operation",
    "Commands that a physical disk has done.",
    {"read": DISK.reads, "write": DISK.writes, "flush": DISK.flushes},
)
DISK_BYTES: Final = counter(
    "disk_bytes",
    "disk direction",
    "Bytes that a physical disk has moved.",
    {"read": DISK.sectors_read, "written": DISK.sectors_written},
    unit=in_bytes,
)
DISK_ERRORS: Final = counter("disk_errors", "disk", "Commands that a physical disk has failed.", DISK.errors)
DISK_RESETS: Final = counter("disk_resets", "disk", "How often a physical disk was reset.", DISK.resets)
DISK_REQUESTS_IN_FLIGHT: Final = gauge(
    "disk_requests_in_flight", "disk", "Commands that a physical disk has not done yet.", DISK.in_flight
)
DISK_DIRTY_BYTES: Final = gauge(
    "disk_dirty_bytes",
    "disk",
    "Bytes in the disk's volatile cache that are not on the medium.",
    DISK.dirty_sectors,
    unit=in_bytes,
)
DISK_COMPLETIONS_QUEUED: Final = gauge(
    "disk_completions_queued",
    "disk",
    "Completions of a physical disk that its driver has not taken.",
    DISK.queued_completions,
)
DISK_WRITE_BACK_FAILURES: Final = counter(
    "disk_write_back_failures",
    "disk",
    "How often the volatile cache could not be written to the medium.",
    DISK.write_back_failures,
)
DISK_FAULT_EFFECTS: Final = counter(
    "disk_fault_effects",
    "disk effect",
    "What faults have done to a physical disk: errors, flushes that did nothing, interrupts that were lost.",
    {
        "error": DISK.errors_injected,
        "ignored flush": DISK.flushes_ignored,
        "lost interrupt": DISK.interrupts_lost,
    },
)
HOST_FAULTS_INJECTED: Final = counter(
    "host_faults_injected", "", "Faults done to the host, of all kinds and to all targets."
)
HOST_FAULTS_ACTIVE: Final = gauge(
    "host_faults_active", "", "Faults of the host that have not been recovered from."
)
FAULTS_INJECTED: Final = counter(
    "faults_injected", "kind target", "Faults done to the host, by kind and target."
)
FAULTS_ACTIVE: Final = gauge("faults_active", "kind target", "Faults that have not been recovered from.")
FAULT_LAST_TIME_SECONDS: Final = gauge(
    "fault_last_time_seconds", "kind target", "When such a fault was done last, in Unix time.", merge="max"
)
RECOVERY_DURATION_SECONDS: Final = histogram(
    "recovery_duration_seconds",
    "phase",
    "Time that faults took until detected, until the target restarted, until all I/O flowed again.",
)
PROCESS_CPU_SECONDS: Final = counter(
    "process_cpu_seconds", "process", "User and system time of an actor's process."
)
PROCESS_RESIDENT_MEMORY_BYTES: Final = gauge(
    "process_resident_memory_bytes", "process", "Resident memory of an actor's process."
)
STATISTICS_AGE_SECONDS: Final = gauge(
    "statistics_age_seconds", "actor", "Time since an actor's statistics were read.", merge="max"
)

_ROWS: Final = (*vars().values(), *vars(network_catalog).values(), *vars(talk_catalog).values())
CATALOG: Final = {each.name: each for each in _ROWS if isinstance(each, Family)}
"""All of them by name, in the order above; after them those of networks and talks."""

READ_FROM: Final[dict[type, list[tuple[Family, Key]]]] = {}
"""The metrics that read a record, by its class."""
for _family in CATALOG.values():
    for _key in _family.keys:
        READ_FROM.setdefault(_key.source, []).append((_family, _key))
