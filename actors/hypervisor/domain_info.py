"""What getdomaininfo and getdomaininfolist tell about a domain.

Source: xen/common/domctl.c (getdomaininfo), xen/include/public/domctl.h.
Left out: CPU time is not measured; `cpu_time` is the time since the domain was started.
"""

from typing import Final

from actors.abi.interface import CREATEDOMAIN_XS_DOMAIN, DominfFlags, ShutdownReason
from actors.hypervisor.arguments import ALL_ONES_32, Out
from actors.hypervisor.domains import Domain, Life

SHUTDOWN_SHIFT: Final = 16


def state_flags(domain: Domain, caller: Domain | None = None) -> int:
    """`XEN_DOMINF_*` and the shutdown reason. The caller is the one domain that is seen running."""
    flags = 0
    if domain.is_dying:
        flags |= DominfFlags.dying
    if domain.reason is not None:
        flags |= DominfFlags.shutdown | domain.reason << SHUTDOWN_SHIFT
    if domain.pause_count:
        flags |= DominfFlags.paused
    if domain is caller:
        flags |= DominfFlags.running
    elif domain.life is Life.RUNNING and not domain.pause_count:
        flags |= DominfFlags.blocked
    if domain.flags & CREATEDOMAIN_XS_DOMAIN:
        flags |= DominfFlags.xs_domain
    return int(flags)


def domain_info(domain: Domain, caller: Domain, now_ns: int) -> Out:
    """The fields of `xen_domctl_getdomaininfo`."""
    physmap = domain.physmap
    return {
        "domain": domain.domid,
        "flags": state_flags(domain, caller),
        "tot_pages": physmap.pages + physmap.lingering + physmap.pooled,
        "max_pages": physmap.max_pages,
        "outstanding_pages": 0,
        "shr_pages": 0,
        "paged_pages": 0,
        "cpu_time": 0 if domain.started_ns is None else max(1, now_ns - domain.started_ns),
        "nr_online_vcpus": len(domain.online),
        "max_vcpu_id": domain.nr_vcpus - 1 if domain.nr_vcpus else ALL_ONES_32,
        "ssidref": 0,
        "handle": domain.handle,
        "cpupool": 0,
    }


def state_letters(domain: Domain) -> str:
    """The State column of `xl list`: rbpscd."""
    flags = state_flags(domain)
    crashed = domain.reason == ShutdownReason.crash
    shown = (
        ("r", flags & DominfFlags.running),
        ("b", flags & DominfFlags.blocked),
        ("p", flags & DominfFlags.paused),
        ("s", flags & DominfFlags.shutdown and not crashed),
        ("c", crashed),
        ("d", flags & DominfFlags.dying),
    )
    return "".join(letter if on else "-" for letter, on in shown)
