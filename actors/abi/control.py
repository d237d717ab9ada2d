"""What domctl and sysctl publish besides their commands: kinds, operations and bounds.

Source: xen/include/public/{domctl,sysctl}.h.
"""

from enum import IntEnum
from typing import Final


class CpupoolOp(IntEnum):
    """`XEN_SYSCTL_CPUPOOL_OP_*`."""

    CREATE = 1
    DESTROY = 2
    INFO = 3
    ADDCPU = 4
    RMCPU = 5
    MOVEDOMAIN = 6
    FREEINFO = 7


class SchedopInfo(IntEnum):
    """`XEN_DOMCTL_SCHEDOP_*` and `XEN_SYSCTL_SCHEDOP_*`, which agree."""

    putinfo = 0
    getinfo = 1


XEN_DOMCTL_DEV_PCI: Final = 0
XEN_DOMCTL_DEV_RDM_RELAXED: Final = 1
XEN_DOMCTL_IOMMU_NO_SHAREPT: Final = 1
XEN_SCHEDULER_CREDIT2: Final = 6
XEN_SYSCTL_CPUPOOL_PAR_ANY: Final = 0xFFFFFFFF
XEN_SYSCTL_SCHED_RATELIMIT_MIN: Final = 100
XEN_SYSCTL_SCHED_RATELIMIT_MAX: Final = 500_000
XEN_SYSCTL_PHYSCAP_HVM: Final = 1
XEN_SYSCTL_PHYSCAP_PV: Final = 2
XEN_SYSCTL_PHYSCAP_DIRECTIO: Final = 4
XEN_SYSCTL_PHYSCAP_GNTTAB_V1: Final = 1 << 8
XEN_VCPUAFFINITY_HARD: Final = 1
XEN_VCPUAFFINITY_SOFT: Final = 2
XEN_VCPUAFFINITY_FORCE: Final = 4
