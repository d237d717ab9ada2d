"""The releases of Xen that can be spoken, and which call came with which.

Rules: a call that a release lacks is -ENOSYS there; what stands in no table below is in all of them.
Two calls of this model stand for older ones and are therefore in every release: add_to_physmap of a
foreign frame and remove_from_physmap for mmu_update of a foreign frame.
Source: xen/include/public/*.h of the tags 3.4.0-rc3 to RELEASE-4.17.7, searched release by release.
tmem was merged a week after 3.4.0 (commit 6009f4ddb2, 2009-05-26), is first in RELEASE-4.0.0, and was
removed by commit c492e19fdd for 4.13; here "3.4" is the Xen of those days, with it.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.hypercalls import (
    Domctl,
    Evtchnop,
    Gnttabop,
    Hypercall,
    Memop,
    Physdevop,
    Schedop,
    Vcpuop,
    Xenver,
)
from actors.abi.xs_wire import XsType

Number = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Release:
    """One release: its interface versions, feature bits of a PV domain, and ports a domain can have.

    `future_timers`: a single-shot timer with VCPU_SSHOTTMR_future that is past is -ETIME, as it was until
    commit 19c6cbd909 (2023-05-03, also in 4.17.7).
    """

    name: str
    number: Number
    extraversion: str
    domctl: int
    sysctl: int
    features: int
    dom0_feature: int
    max_ports: int
    future_timers: bool

    def has(self, hypercall: int, command: int) -> bool:
        """Whether this release answers the call with something else than -ENOSYS."""
        removed = REMOVED.get(hypercall)
        introduced = INTRODUCED.get((hypercall, command))
        return (removed is None or self.number < removed) and (
            introduced is None or self.number >= introduced
        )

    def serves(self, request: int) -> bool:
        """Whether xenstored of this release answers a request with something else than ENOSYS."""
        introduced = REQUESTS_INTRODUCED.get(request)
        return introduced is None or self.number >= introduced

    @property
    def watch_depths(self) -> bool:
        """Whether a WATCH may have a depth."""
        return self.number >= (4, 22)


RELEASES: Final = {
    each.name: each
    for each in (
        Release("3.4", (3, 4), ".0-domzero", 0x5, 0x6, 0xF0, 0, 4096, future_timers=True),
        Release("4.17", (4, 17), ".7-domzero", 0x15, 0x15, 0x220F0, 1 << 11, 131072, future_timers=False),
    )
}

REMOVED: Final[dict[int, Number]] = {Hypercall.tmem_op: (4, 13)}

REQUESTS_INTRODUCED: Final[dict[int, Number]] = {
    XsType.RESET_WATCHES: (4, 2),
    XsType.DIRECTORY_PART: (4, 9),
    XsType.GET_FEATURE: (4, 21),
    XsType.SET_FEATURE: (4, 21),
    XsType.GET_QUOTA: (4, 22),
    XsType.SET_QUOTA: (4, 22),
}

INTRODUCED: Final[dict[tuple[int, int], Number]] = {
    (Hypercall.event_channel_op, Evtchnop.init_control): (4, 4),
    (Hypercall.event_channel_op, Evtchnop.expand_array): (4, 4),
    (Hypercall.event_channel_op, Evtchnop.set_priority): (4, 4),
    (Hypercall.grant_table_op, Gnttabop.set_version): (4, 0),
    (Hypercall.grant_table_op, Gnttabop.get_status_frames): (4, 0),
    (Hypercall.grant_table_op, Gnttabop.get_version): (4, 0),
    (Hypercall.grant_table_op, Gnttabop.swap_grant_ref): (4, 2),
    (Hypercall.grant_table_op, Gnttabop.cache_flush): (4, 5),
    (Hypercall.sched_op, Schedop.shutdown_code): (4, 1),
    (Hypercall.sched_op, Schedop.watchdog): (4, 1),
    (Hypercall.sched_op, Schedop.pin_override): (4, 7),
    (Hypercall.vcpu_op, Vcpuop.register_vcpu_time_memory_area): (4, 0),
    (Hypercall.physdev_op, Physdevop.setup_gsi): (4, 0),
    (Hypercall.physdev_op, Physdevop.get_free_pirq): (4, 1),
    (Hypercall.physdev_op, Physdevop.pci_mmcfg_reserved): (4, 2),
    (Hypercall.physdev_op, Physdevop.pci_device_add): (4, 2),
    (Hypercall.physdev_op, Physdevop.pci_device_remove): (4, 2),
    (Hypercall.physdev_op, Physdevop.restore_msi_ext): (4, 2),
    (Hypercall.physdev_op, Physdevop.pirq_eoi_gmfn_v2): (4, 2),
    (Hypercall.physdev_op, Physdevop.dbgp_op): (4, 3),
    (Hypercall.physdev_op, Physdevop.prepare_msix): (4, 3),
    (Hypercall.physdev_op, Physdevop.release_msix): (4, 3),
    (Hypercall.memory_op, Memop.claim_pages): (4, 3),
    (Hypercall.domctl, Domctl.set_virq_handler): (4, 2),
    (Hypercall.domctl, Domctl.get_domain_state): (4, 20),
    (Hypercall.xen_version, Xenver.commandline): (4, 0),
    (Hypercall.xen_version, Xenver.build_id): (4, 7),
}
