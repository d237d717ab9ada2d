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


def _counter(name: str, labels: str, text: str) -> Family:
    return Family(name, "counter", tuple(labels.split()), text)


def _gauge(name: str, labels: str, text: str, merge: Merge = "sum") -> Family:
    return Family(name, "gauge", tuple(labels.split()), text, merge)


def _histogram(name: str, labels: str, text: str) -> Family:
    return Family(name, "histogram", tuple(labels.split()), text)


_FAMILIES: Final = (
    _gauge(
        "run_info", "run seed xen hwdom xenstore reconnect version",
        "The run, and the policies of the host; always 1.", "one",
    ),
    _gauge("run_start_time_seconds", "", "When the run began, in Unix time.", "one"),
    _gauge("run_phase", "phase", "1 for the phase that the run is in, 0 for the others.", "one"),
    _gauge("journal_bytes", "", "What the journals of the host's guests take; the verdict needs them whole."),
    _gauge(
        "journal_budget_bytes", "",
        "What the journals of all hosts may take before the guests stop working; 0 for no limit.", "one",
    ),
    _gauge("host_up", "", "Whether the host's power is on (1) or not (0).", "one"),
    _counter("host_boots", "", "How often the machine was started."),
    _counter("dom0_boots", "", "How often a dom0 was started."),
    _counter("domain_boots", "domain", "How often dom0, a driver domain or that of xenstored was started."),
    _gauge(
        "domain_state", "domain",
        "State of a domain: 0 off, 1 running, 2 paused, 3 hung, 4 shut down, 5 crashed, 6 dying.", "max",
    ),
    _gauge("domain_vcpus", "domain", "Virtual processors of a domain."),
    _gauge("frames", "owner", "Machine frames of 4096 bytes by owner: a domain, xen, or free."),
    _gauge("lingering_frames", "", "Frames of dead domains that others still refer to."),
    _counter("hypercalls", "domain hypercall", "Hypercalls entered, by name."),
    _counter("hypercall_exits", "domain", "Hypercalls that have returned to their caller."),
    _counter("hypercalls_refused", "domain", "Hypercalls, and parts of them, answered with an error."),
    _counter("events_sent", "domain", "Events that a domain has sent over its event channels."),
    _counter("upcalls", "domain", "Upcalls delivered to a domain."),
    _counter("upcalls_taken", "domain", "Upcalls that a domain has returned from."),
    _counter("interrupts", "domain gsi device", "Device interrupts delivered to a domain."),
    _counter("interrupts_ended", "domain gsi device", "Device interrupts that a domain has ended (EOI)."),
    _counter("spurious_interrupts", "", "Interrupts that no domain wanted."),
    _gauge("event_channels", "domain", "Ports in use."),
    _gauge("event_channels_pending", "domain", "Ports with an event that has not been delivered."),
    _gauge("grants_mapped", "domain", "Grants of others that a domain has mapped."),
    _gauge("grants_in_use", "domain", "Grants of a domain that others have in use."),
    _gauge(
        "guests_configured", "guest",
        "How many guests should be up: 1, or all of the configuration where they share their series.",
    ),
    _gauge("guest_up", "guest", "Whether the guest's domain runs (1) or not (0)."),
    _counter("guest_boots", "guest", "How often the guest was started."),
    _gauge("guest_outage_seconds", "guest", "Time since the last success while there is work.", "max"),
    _gauge(
        "guest_longest_outage_seconds", "guest", "Longest time without a success while there was work.",
        "max",
    ),
    _gauge("guest_memory_committed_bytes", "guest", "Memory that a guest's kernel uses."),
    _gauge("guest_memory_free_bytes", "guest", "The rest of a guest's memory."),
    _counter(
        "guest_io_wait_seconds", "guest", "Time that workloads waited for their disks, summed over the disks."
    ),
    _counter(
        "guest_deaths", "guest reason",
        "How often the guest has died: of a crash, its watchdog, its toolstack (destroyed) or its host.",
    ),
    _counter(
        "guest_outages", "guest length",
        "Outages that are over, disk by disk: times without service while there was work.",
    ),
    _gauge("vbd_info", "guest vbd backend", "Which domain serves a virtual disk; always 1.", "max"),
    _counter("vbd_requests", "guest vbd operation", "Block requests answered with success."),
    _counter("vbd_bytes", "guest vbd direction", "Bytes moved by block requests."),
    _counter("vbd_errors", "guest vbd", "Block requests answered with an error."),
    _histogram("vbd_request_duration_seconds", "guest vbd", "Time from issue to success of a block request."),
    _gauge("vbd_requests_in_flight", "guest vbd", "Block requests that wait for an answer."),
    _gauge("vbd_oldest_request_seconds", "guest vbd", "Age of the oldest request without an answer.", "max"),
    _counter("vbd_acknowledged_writes", "guest vbd", "Writes that were answered with success."),
    _counter("vbd_verified_reads", "guest vbd", "Reads that returned what had been acknowledged."),
    _counter("vbd_lost_writes", "guest vbd", "Acknowledged writes that were not found when read back."),
    _gauge("vbd_ring_slots", "guest vbd", "Slots of the ring."),
    _gauge("vbd_ring_slots_used", "guest vbd", "Slots of the ring with a request that has no answer."),
    _gauge("vbd_requests_queued", "guest vbd", "Requests that wait for a slot or a frame."),
    _gauge(
        "vbd_xenbus_state", "guest vbd end",
        "XenbusState of the frontend's and the backend's end: 1 Initialising to 4 Connected, 6 Closed.",
        "max",
    ),
    _counter("vbd_reconnects", "guest vbd", "How often the frontend offered a ring to another backend."),
    _counter("vbd_resumes", "guest vbd", "How often a new backend went on with the old ring."),
    _counter("vbd_replayed_requests", "guest vbd", "Requests issued again after a reconnect."),
    _counter(
        "vbd_reconnect_seconds", "guest vbd phase",
        "Time that reconnects took: the handshake, and from the new ring to its first answer.",
    ),
    _gauge("xenstore_up", "", "Whether xenstored has answered of late (1) or not (0).", "one"),
    _counter("xenstore_requests", "request", "Requests to the store, by name."),
    _counter("xenstore_refusals", "", "Requests that the store has refused."),
    _counter("xenstore_watch_events", "", "Watch events fired."),
    _counter("xenstore_transactions_started", "", "Transactions begun."),
    _counter("xenstore_transaction_conflicts", "", "Commits refused because of a conflict (EAGAIN)."),
    _gauge("xenstore_transactions_open", "", "Transactions that are open."),
    _gauge("xenstore_watches", "", "Watches that are set."),
    _gauge("xenstore_nodes", "", "Nodes in the store."),
    _gauge("xenstore_connections", "", "Clients of the store."),
    _counter("disk_requests", "disk operation", "Commands that a physical disk has done."),
    _counter("disk_bytes", "disk direction", "Bytes that a physical disk has moved."),
    _counter("disk_errors", "disk", "Commands that a physical disk has failed."),
    _counter("disk_resets", "disk", "How often a physical disk was reset."),
    _gauge("disk_requests_in_flight", "disk", "Commands that a physical disk has not done yet."),
    _gauge("disk_dirty_bytes", "disk", "Bytes in the disk's volatile cache that are not on the medium."),
    _counter("host_faults_injected", "", "Faults done to the host, of all kinds and to all targets."),
    _gauge("host_faults_active", "", "Faults of the host that have not been recovered from."),
    _counter("faults_injected", "kind target", "Faults done to the host, by kind and target."),
    _gauge("faults_active", "kind target", "Faults that have not been recovered from."),
    _gauge("fault_last_time_seconds", "kind target", "When such a fault was done last, in Unix time.", "max"),
    _histogram(
        "recovery_duration_seconds", "phase",
        "Time that faults took until detected, until the target restarted, until all I/O flowed again.",
    ),
    _counter("process_cpu_seconds", "process", "User and system time of an actor's process."),
    _gauge("process_resident_memory_bytes", "process", "Resident memory of an actor's process."),
    _gauge("statistics_age_seconds", "actor", "Time since an actor's statistics were read.", "max"),
)  # fmt: skip

CATALOG: Final[dict[str, Family]] = {each.name: each for each in _FAMILIES}
