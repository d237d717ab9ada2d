"""States, reasons, flags and virtual interrupts.

Source: xen/include/public/{xen,sched,event_channel,physdev,domctl,grant_table}.h, io/xenbus.h.
"""

from enum import IntEnum, IntFlag
from typing import Final


class Virq(IntEnum):
    """`VIRQ_*`: virtual interrupts."""

    TIMER = 0
    DEBUG = 1
    CONSOLE = 2
    DOM_EXC = 3
    TBUF = 4
    DEBUGGER = 6
    XENOPROF = 7
    CON_RING = 8
    PCPU_STATE = 9
    MEM_EVENT = 10
    ARGO = 11
    ENOMEM = 12
    XENPMU = 13


NR_VIRQS: Final = 24


class EvtchnStatus(IntEnum):
    """`EVTCHNSTAT_*`: what `status` answers."""

    closed = 0
    unbound = 1
    interdomain = 2
    pirq = 3
    virq = 4
    ipi = 5


class ShutdownReason(IntEnum):
    """`SHUTDOWN_*`: why a domain stopped."""

    poweroff = 0
    reboot = 1
    suspend = 2
    crash = 3
    watchdog = 4
    soft_reset = 5


class DominfFlags(IntFlag):
    """`XEN_DOMINF_*`: state bits of getdomaininfo; the shutdown reason sits at bit 16."""

    dying = 1
    hvm_guest = 2
    shutdown = 4
    paused = 8
    blocked = 16
    running = 32
    debugged = 64
    xs_domain = 128
    hap = 256


class GrantFlags(IntFlag):
    """`GTF_*`: flags of a version 1 grant entry; the two lowest bits are its type."""

    permit_access = 1
    accept_transfer = 2
    readonly = 4
    reading = 8
    writing = 16
    sub_page = 256


class GrantStatus(IntEnum):
    """`GNTST_*`: the status of one element of a grant operation."""

    okay = 0
    general_error = -1
    bad_domain = -2
    bad_gntref = -3
    bad_handle = -4
    bad_virt_addr = -5
    bad_dev_addr = -6
    no_device_space = -7
    permission_denied = -8
    bad_page = -9
    bad_copy_arg = -10
    address_too_big = -11
    eagain = -12
    no_space = -13


class GrantMapFlags(IntFlag):
    """`GNTMAP_*`: how a grant is to be mapped."""

    device_map = 1
    host_map = 2
    readonly = 4
    application_map = 8


class XenbusState(IntEnum):
    """`XenbusState*`: the state of one end of a split driver."""

    Unknown = 0
    Initialising = 1
    InitWait = 2
    Initialised = 3
    Connected = 4
    Closing = 5
    Closed = 6
    Reconfiguring = 7
    Reconfigured = 8


XEN_DOMCTL_INTERFACE_VERSION: Final = 0x15
XEN_SYSCTL_INTERFACE_VERSION: Final = 0x15
BIND_PIRQ__WILL_SHARE: Final = 1
CREATEDOMAIN_XS_DOMAIN: Final = 16
CREATEDOMAIN_HVM: Final = 1
CREATEDOMAIN_HAP: Final = 2
CREATEDOMAIN_IOMMU: Final = 32
CREATEDOMAIN_NESTED_VIRT: Final = 64
CREATEDOMAIN_VPMU: Final = 128
XENMAPSPACE_SHARED_INFO: Final = 0
XENMAPSPACE_GRANT_TABLE: Final = 1
XENMAPSPACE_GMFN: Final = 2
XENMAPSPACE_GMFN_RANGE: Final = 3
XENMAPSPACE_GMFN_FOREIGN: Final = 4
XENMAPSPACE_DEV_MMIO: Final = 5
XENMEMF_POPULATE_ON_DEMAND: Final = 1 << 16
XENMEMF_EXACT_NODE_REQUEST: Final = 1 << 17
GTF_TRANSFER_COMMITTED: Final = 4
GTF_TRANSFER_COMPLETED: Final = 8
GNTTAB_CACHE_CLEAN: Final = 1
GNTTAB_CACHE_INVAL: Final = 2
MAP_PIRQ_TYPE_MSI: Final = 0
MAP_PIRQ_TYPE_GSI: Final = 1
MAP_PIRQ_TYPE_MSI_SEG: Final = 3
MAP_PIRQ_TYPE_MULTI_MSI: Final = 4
XEN_PCI_DEV_VIRTFN: Final = 2
GNTCOPY_SOURCE_GREF: Final = 1
GNTCOPY_DEST_GREF: Final = 2
GNTTAB_RESERVED_CONSOLE: Final = 0
GNTTAB_RESERVED_XENSTORE: Final = 1
GNTTAB_NR_RESERVED_ENTRIES: Final = 8
PIRQ_NEEDS_EOI: Final = 1
PIRQ_SHARED: Final = 2
