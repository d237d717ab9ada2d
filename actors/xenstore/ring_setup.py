"""A domain's ring page and port as the daemon finds them, and what the hypervisor says of domains.

Rules: the page is found by its grant 1. What was mapped is unmapped when the rest is refused.
Source: tools/xenstored/domain.c (map_interdomain, introduction, VIRQ_DOM_EXC).
"""

from collections.abc import Callable
from typing import Final, cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Sysctl
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import GNTTAB_RESERVED_XENSTORE
from actors.abi.types import DOMID_FIRST_RESERVED
from actors.kernel.grants import GrantRefused, Mapping
from actors.kernel.kernel import Kernel
from actors.kernel.xs_ring import XsRing
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.quotas import Quotas
from actors.xenstore.ring_client import RingClient

DAEMON: Final = "evtchn:xenstored"


async def map_ring(kernel: Kernel, domid: int, quotas: Quotas | None) -> RingClient:
    """The ring of a domain, without a port yet. EINVAL if it has granted none."""
    try:
        mapping = await kernel.grants.map(domid, GNTTAB_RESERVED_XENSTORE)
    except GrantRefused as error:
        raise XenError(Errno.EINVAL, str(error)) from error
    ring = XsRing(kernel.memory.frame(mapping.mfn), kernel.memory.words(mapping.mfn))
    return RingClient(domid, ring, mapping, quotas)


async def bind_ring(kernel: Kernel, client: RingClient, port: int, handler: Callable[[], None]) -> None:
    """Bind the domain's port; on a refusal (XenError) the ring is unmapped."""
    try:
        client.port = await kernel.irq.bind_interdomain(client.domid, port, DAEMON, handler)
    except XenError:
        await unmap(kernel, client.mapping)
        raise
    client.remote_port = port


async def unmap(kernel: Kernel, mapping: Mapping) -> None:
    """Give a ring page up; a refusal is logged."""
    try:
        await kernel.grants.unmap(mapping)
    except GrantRefused as error:
        kernel.log(f"xenstored: {error}")


async def domain_states(kernel: Kernel, own_domid: int, served: list[int]) -> dict[int, int]:
    """The flags of the domains that exist. Only the control domain may ask for all of them at once."""
    xen = kernel.xen
    if own_domid == CONTROL_DOMAIN:
        out = await xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=DOMID_FIRST_RESERVED)
        return {each["domain"]: each["flags"] for each in cast("list[dict[str, int]]", out["domains"])}
    calls = [
        xen.call(
            Number.domctl, Domctl.getdomaininfo, {"domain": domid, "interface_version": xen.release.domctl}
        )
        for domid in served
    ]
    # XEN_DOMCTL_getdomaininfo tells of the next domain above where there is none of that number.
    infos = [cast("dict[str, int]", (await call).out or {}) for call in calls]
    return {each["domain"]: each["flags"] for each in infos if each}
