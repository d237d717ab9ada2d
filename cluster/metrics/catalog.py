"""Every metric there is: its name, kind, labels, and what it says.

Rules: Prometheus' naming: base units, `_total` for counters (added when written). Besides its own labels
every series has `cluster` and `host`. All labels are bounded by the configuration. `merge` says how the
series of several guests become one where the configuration wants one for all.
"""

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "domzero_"
ALL_GUESTS: Final = "(all)"
"""What stands for the guests where they have no series of their own; not a name that a guest can have."""

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "one"]
Part = Literal["bucket", "sum", "count"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    text: str
    merge: Merge = "sum"

    @property
    def full_name(self) -> str:
        """As Prometheus stores it, a histogram without its suffixes."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"

    def of(self, *selection: str, part: Part | None = None) -> str:
        """The series with the labels of a selection, as an expression of PromQL; `part` of a histogram."""
        assert (part is None) == (self.kind != "histogram"), f"{self.name} is a {self.kind}"
        name = self.full_name if part is None else f"{self.full_name}_{part}"
        return f"{name}{{{','.join(selection)}}}" if selection else name


def _counter(name: str, labels: str, text: str) -> Family:
    return Family(name, "counter", tuple(labels.split()), text)


def _gauge(name: str, labels: str, text: str, merge: Merge = "sum") -> Family:
    return Family(name, "gauge", tuple(labels.split()), text, merge)


def _histogram(name: str, labels: str, text: str) -> Family:
    return Family(name, "histogram", tuple(labels.split()), text)


RUN_INFO: Final = _gauge(
    "run_info",
    "run seed xen hwdom xenstore reconnect version",
    "The run, and the policies of the host; always 1.",
    "one",
)
RUN_START_TIME_SECONDS: Final = _gauge(
    "run_start_time_seconds", "", "When the run began, in Unix time.", "one"
)
RUN_PHASE: Final = _gauge(
    "run_phase", "phase", "1 for the phase that the run is in, 0 for the others.", "one"
)
JOURNAL_BYTES: Final = _gauge(
    "journal_bytes", "", "What the journals of the host's guests take; the verdict needs them whole."
)
JOURNAL_BUDGET_BYTES: Final = _gauge(
    "journal_budget_bytes",
    "",
    "What the journals of all hosts may take before the guests stop working; 0 for no limit.",
    "one",
)
HOST_UP: Final = _gauge("host_up", "", "Whether the host's power is on (1) or not (0).", "one")
HOST_BOOTS: Final = _counter("host_boots", "", "How often the machine was started.")
DOM0_BOOTS: Final = _counter("dom0_boots", "", "How often a dom0 was started.")
DOMAIN_BOOTS: Final = _counter(
    "domain_boots", "domain", "How often dom0, a driver domain or that of xenstored was started."
)
DOMAIN_STATE: Final = _gauge(
    "domain_state",
    "domain",
    "State of a domain: 0 off, 1 running, 2 paused, 3 hung, 4 shut down, 5 crashed, 6 dying.",
    "max",
)
DOMAIN_VCPUS: Final = _gauge("domain_vcpus", "domain", "Virtual processors of a domain.")
FRAMES: Final = _gauge("frames", "owner", "Machine frames of 4096 bytes by owner: a domain, xen, or free.")
LINGERING_FRAMES: Final = _gauge("lingering_frames", "", "Frames of dead domains that others still refer to.")
HYPERCALLS: Final = _counter("hypercalls", "domain hypercall", "Hypercalls entered, by name.")
HYPERCALL_EXITS: Final = _counter(
    "hypercall_exits", "domain", "Hypercalls that have returned to their caller."
)
HYPERCALLS_REFUSED: Final = _counter(
    "hypercalls_refused", "domain", "Hypercalls, and parts of them, answered with an error."
)
EVENTS_SENT: Final = _counter(
    "events_sent", "domain", "Events that a domain has sent over its event channels."
)
UPCALLS: Final = _counter("upcalls", "domain", "Upcalls delivered to a domain.")
UPCALLS_TAKEN: Final = _counter("upcalls_taken", "domain", "Upcalls that a domain has returned from.")
INTERRUPTS: Final = _counter("interrupts", "domain gsi device", "Device interrupts delivered to a domain.")
INTERRUPTS_ENDED: Final = _counter(
    "interrupts_ended", "domain gsi device", "Device interrupts that a domain has ended (EOI)."
)
SPURIOUS_INTERRUPTS: Final = _counter("spurious_interrupts", "", "Interrupts that no domain wanted.")
EVENT_CHANNELS: Final = _gauge("event_channels", "domain", "Ports in use.")
EVENT_CHANNELS_PENDING: Final = _gauge(
    "event_channels_pending", "domain", "Ports with an event that has not been delivered."
)
GRANTS_MAPPED: Final = _gauge("grants_mapped", "domain", "Grants of others that a domain has mapped.")
GRANTS_IN_USE: Final = _gauge("grants_in_use", "domain", "Grants of a domain that others have in use.")
GUESTS_CONFIGURED: Final = _gauge(
    "guests_configured",
    "guest",
    "How many guests should be up: 1, or all of the configuration where they share their series.",
)
GUEST_UP: Final = _gauge("guest_up", "guest", "Whether the guest's domain runs (1) or not (0).")
GUEST_BOOTS: Final = _counter("guest_boots", "guest", "How often the guest was started.")
GUEST_OUTAGE_SECONDS: Final = _gauge(
    "guest_outage_seconds", "guest", "Time since the last success while there is work.", "max"
)
GUEST_LONGEST_OUTAGE_SECONDS: Final = _gauge(
    "guest_longest_outage_seconds",
    "guest",
    "Longest time without a success while there was work.",
    "max",
)
GUEST_MEMORY_COMMITTED_BYTES: Final = _gauge(
    "guest_memory_committed_bytes", "guest", "Memory that a guest's kernel uses."
)
GUEST_MEMORY_FREE_BYTES: Final = _gauge("guest_memory_free_bytes", "guest", "The rest of a guest's memory.")
GUEST_IO_WAIT_SECONDS: Final = _counter(
    "guest_io_wait_seconds", "guest", "Time that workloads waited for their disks, summed over the disks."
)
GUEST_DEATHS: Final = _counter(
    "guest_deaths",
    "guest reason",
    "How often the guest has died: of a crash, its watchdog, its toolstack (destroyed) or its host.",
)
GUEST_OUTAGES: Final = _counter(
    "guest_outages",
    "guest length",
    "Outages that are over, disk by disk: times without service while there was work.",
)
VBD_INFO: Final = _gauge(
    "vbd_info", "guest vbd backend", "Which domain serves a virtual disk; always 1.", "max"
)
VBD_REQUESTS: Final = _counter("vbd_requests", "guest vbd operation", "Block requests answered with success.")
VBD_BYTES: Final = _counter("vbd_bytes", "guest vbd direction", "Bytes moved by block requests.")
VBD_ERRORS: Final = _counter("vbd_errors", "guest vbd", "Block requests answered with an error.")
VBD_REQUEST_DURATION_SECONDS: Final = _histogram(
    "vbd_request_duration_seconds", "guest vbd", "Time from issue to success of a block request."
)
VBD_REQUESTS_IN_FLIGHT: Final = _gauge(
    "vbd_requests_in_flight", "guest vbd", "Block requests that wait for an answer."
)
VBD_OLDEST_REQUEST_SECONDS: Final = _gauge(
    "vbd_oldest_request_seconds", "guest vbd", "Age of the oldest request without an answer.", "max"
)
VBD_ACKNOWLEDGED_WRITES: Final = _counter(
    "vbd_acknowledged_writes", "guest vbd", "Writes that were answered with success."
)
VBD_VERIFIED_READS: Final = _counter(
    "vbd_verified_reads", "guest vbd", "Reads that returned what had been acknowledged."
)
VBD_LOST_WRITES: Final = _counter(
    "vbd_lost_writes", "guest vbd", "Acknowledged writes that were not found when read back."
)
VBD_RING_SLOTS: Final = _gauge("vbd_ring_slots", "guest vbd", "Slots of the ring.")
VBD_RING_SLOTS_USED: Final = _gauge(
    "vbd_ring_slots_used", "guest vbd", "Slots of the ring with a request that has no answer."
)
VBD_REQUESTS_QUEUED: Final = _gauge(
    "vbd_requests_queued", "guest vbd", "Requests that wait for a slot or a frame."
)
VBD_XENBUS_STATE: Final = _gauge(
    "vbd_xenbus_state",
    "guest vbd end",
    "XenbusState of the frontend's and the backend's end: 1 Initialising to 4 Connected, 6 Closed.",
    "max",
)
VBD_RECONNECTS: Final = _counter(
    "vbd_reconnects", "guest vbd", "How often the frontend offered a ring to another backend."
)
VBD_RESUMES: Final = _counter(
    "vbd_resumes", "guest vbd", "How often a new backend went on with the old ring."
)
VBD_REPLAYED_REQUESTS: Final = _counter(
    "vbd_replayed_requests", "guest vbd", "Requests issued again after a reconnect."
)
VBD_RECONNECT_SECONDS: Final = _counter(
    "vbd_reconnect_seconds",
    "guest vbd phase",
    "Time that reconnects took: the handshake, and from the new ring to its first answer.",
)
XENSTORE_UP: Final = _gauge(
    "xenstore_up", "", "Whether xenstored has answered of late (1) or not (0).", "one"
)
XENSTORE_REQUESTS: Final = _counter("xenstore_requests", "request", "Requests to the store, by name.")
XENSTORE_REFUSALS: Final = _counter("xenstore_refusals", "", "Requests that the store has refused.")
XENSTORE_WATCH_EVENTS: Final = _counter("xenstore_watch_events", "", "Watch events fired.")
XENSTORE_TRANSACTIONS_STARTED: Final = _counter("xenstore_transactions_started", "", "Transactions begun.")
XENSTORE_TRANSACTION_CONFLICTS: Final = _counter(
    "xenstore_transaction_conflicts", "", "Commits refused because of a conflict (EAGAIN)."
)
XENSTORE_TRANSACTIONS_OPEN: Final = _gauge("xenstore_transactions_open", "", "Transactions that are open.")
XENSTORE_WATCHES: Final = _gauge("xenstore_watches", "", "Watches that are set.")
XENSTORE_NODES: Final = _gauge("xenstore_nodes", "", "Nodes in the store.")
XENSTORE_CONNECTIONS: Final = _gauge("xenstore_connections", "", "Clients of the store.")
DISK_REQUESTS: Final = _counter("disk_requests", "disk operation", "Commands that a physical disk has done.")
DISK_BYTES: Final = _counter("disk_bytes", "disk direction", "Bytes that a physical disk has moved.")
DISK_ERRORS: Final = _counter("disk_errors", "disk", "Commands that a physical disk has failed.")
DISK_RESETS: Final = _counter("disk_resets", "disk", "How often a physical disk was reset.")
DISK_REQUESTS_IN_FLIGHT: Final = _gauge(
    "disk_requests_in_flight", "disk", "Commands that a physical disk has not done yet."
)
DISK_DIRTY_BYTES: Final = _gauge(
    "disk_dirty_bytes", "disk", "Bytes in the disk's volatile cache that are not on the medium."
)
HOST_FAULTS_INJECTED: Final = _counter(
    "host_faults_injected", "", "Faults done to the host, of all kinds and to all targets."
)
HOST_FAULTS_ACTIVE: Final = _gauge(
    "host_faults_active", "", "Faults of the host that have not been recovered from."
)
FAULTS_INJECTED: Final = _counter(
    "faults_injected", "kind target", "Faults done to the host, by kind and target."
)
FAULTS_ACTIVE: Final = _gauge("faults_active", "kind target", "Faults that have not been recovered from.")
FAULT_LAST_TIME_SECONDS: Final = _gauge(
    "fault_last_time_seconds", "kind target", "When such a fault was done last, in Unix time.", "max"
)
RECOVERY_DURATION_SECONDS: Final = _histogram(
    "recovery_duration_seconds",
    "phase",
    "Time that faults took until detected, until the target restarted, until all I/O flowed again.",
)
PROCESS_CPU_SECONDS: Final = _counter(
    "process_cpu_seconds", "process", "User and system time of an actor's process."
)
PROCESS_RESIDENT_MEMORY_BYTES: Final = _gauge(
    "process_resident_memory_bytes", "process", "Resident memory of an actor's process."
)
STATISTICS_AGE_SECONDS: Final = _gauge(
    "statistics_age_seconds", "actor", "Time since an actor's statistics were read.", "max"
)

CATALOG: Final = {each.name: each for each in list(vars().values()) if isinstance(each, Family)}
"""All of them by name, in the order above."""
