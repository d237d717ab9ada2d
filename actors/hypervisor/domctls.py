"""domctl: what the control domain does with other domains.

Rules: first the interface version (-EACCES), then whether the domain exists (-ESRCH), then the right
(-EPERM), then the command. A domain does not pause, resume or destroy itself (-EINVAL).
Source: xen/common/domctl.c of 4.17, xen/common/domain.c (sanitise_domain_config).
Left out: vcpu contexts, device assignment, shadow memory; get_domain_state is of later versions.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl
from actors.abi.interface import CREATEDOMAIN_XS_DOMAIN, XEN_DOMCTL_INTERFACE_VERSION
from actors.abi.types import DOMID_FIRST_RESERVED
from actors.hypervisor.arguments import ALL_ONES_16, ALL_ONES_32, Arguments, Result, number, number_or
from actors.hypervisor.call import Call, Commands, Method
from actors.hypervisor.domain_info import domain_info
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.ports import MAX_PORTS

PAGE_KIB: Final = 4
MAX_VIRT_CPUS: Final = 8192
MAX_GRANT_VERSION: Final = 2
HANDLE_BYTES: Final = 16
CDF_HVM: Final = 1
CDF_HAP: Final = 2
CDF_KNOWN: Final = 0xFF
PRIVILEGED_OR_STORE: Final = frozenset({int(Domctl.getdomaininfo), int(Domctl.get_domain_state)})


class Domctls:
    """The commands of domctl."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Domctl.createdomain: self._guarded(self.createdomain, Domctl.createdomain),
            Domctl.getdomaininfo: self._guarded(self.getdomaininfo, Domctl.getdomaininfo),
            Domctl.destroydomain: self._guarded(self.destroydomain),
            Domctl.pausedomain: self._guarded(self.pausedomain),
            Domctl.unpausedomain: self._guarded(self.unpausedomain),
            Domctl.max_mem: self._guarded(self.max_mem),
            Domctl.max_vcpus: self._guarded(self.max_vcpus),
            Domctl.irq_permission: self._guarded(self.irq_permission),
            Domctl.resumedomain: self._guarded(self.resumedomain),
            Domctl.set_virq_handler: self._guarded(self.set_virq_handler),
        }

    def unknown(self) -> Call:
        """A command that is not in the table: the same checks, then -ENOSYS."""
        return Call(self._guarded(_not_known), "domctl.unknown")

    def _guarded(self, method: Method, command: int | None = None) -> Method:
        domains = self._host.domains

        def guarded(caller: Domain, arguments: Arguments) -> Result:
            version = number_or(arguments, "interface_version", XEN_DOMCTL_INTERFACE_VERSION)
            if version != XEN_DOMCTL_INTERFACE_VERSION:
                raise XenError(Errno.EACCES, f"interface version {version:#x}")
            if command is None:
                domains.find(number(arguments, "domain"))
            if command not in PRIVILEGED_OR_STORE or not caller.flags & CREATEDOMAIN_XS_DOMAIN:
                check_control(caller)
            return method(caller, arguments)

        return guarded

    def _other(self, caller: Domain, arguments: Arguments) -> Domain:
        domain = self._host.domains.find(number(arguments, "domain"))
        if domain is caller:
            raise XenError(Errno.EINVAL, "a domain cannot do that to itself")
        return domain

    def createdomain(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_createdomain; no `domain`, 0 or a reserved one means the next free id."""
        wanted = number_or(arguments, "domain", ALL_ONES_16) & ALL_ONES_16
        flags, max_vcpus = number_or(arguments, "flags", 0), number(arguments, "max_vcpus")
        max_port = number(arguments, "max_evtchn_port") & ALL_ONES_32
        handle = arguments.get("handle", bytes(HANDLE_BYTES))
        if type(handle) is not bytes or len(handle) != HANDLE_BYTES:
            raise XenError(Errno.EFAULT, "handle is not 16 bytes")
        limits = self._host.platform
        grant_frames = _limit(number(arguments, "max_grant_frames"), limits.max_grant_frames, 1)
        maptrack_frames = _limit(number(arguments, "max_maptrack_frames"), limits.max_maptrack_frames, 0)
        if wanted and wanted < DOMID_FIRST_RESERVED:
            self._host.domains.choose_id(wanted)
        _check_config(flags, max_vcpus, arguments)
        domid = self._host.domains.choose_id(wanted if 0 < wanted < DOMID_FIRST_RESERVED else None)
        self._lives.create(
            domid,
            handle=handle,
            flags=flags,
            max_vcpus=max_vcpus,
            max_port=min(max_port, MAX_PORTS - 1),
            grant_frames=grant_frames,
            maptrack_frames=maptrack_frames,
        )
        return 0, {"domain": domid}

    def destroydomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_destroydomain: answered when the domain is dead."""
        domain = self._other(caller, arguments)
        self._lives.kill(domain)
        if domain.life.name == "DEAD":
            return 0
        domain.waiting.append((caller, self._host.sequence))
        return None

    def pausedomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_pausedomain: pauses are counted."""
        self._lives.pause(self._other(caller, arguments))
        return 0

    def unpausedomain(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_unpausedomain; the first one starts the domain. EINVAL if it is not paused."""
        domain = self._host.domains.find(number(arguments, "domain"))
        self._lives.unpause(domain)
        return 0

    def resumedomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_resumedomain."""
        self._lives.resume(self._other(caller, arguments))
        return 0

    def getdomaininfo(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_getdomaininfo of the domain, or of the next one above if there is none of that id."""
        first = number(arguments, "domain")
        if not 0 <= first < DOMID_FIRST_RESERVED:
            raise XenError(Errno.EINVAL, f"domain {first:#x}")
        for domain in self._host.domains.listed():
            if domain.domid >= first:
                return 0, domain_info(domain, caller, self._host.outbox.now_ns)
        raise XenError(Errno.ESRCH, f"no domain from {first} on")

    def max_mem(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_max_mem."""
        max_kib = number(arguments, "max_memkb")
        domain = self._host.domains.find(number(arguments, "domain"))
        domain.physmap.max_pages = min(max_kib // PAGE_KIB, ALL_ONES_32) if max_kib >= 0 else ALL_ONES_32
        return 0

    def max_vcpus(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_max_vcpus: makes the vcpus; their number is the one given at creation. EINVAL."""
        domain = self._other(caller, arguments)
        if number(arguments, "max") != domain.max_vcpus:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has {domain.max_vcpus} vcpus")
        domain.ports.nr_vcpus = domain.max_vcpus
        return 0

    def irq_permission(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_irq_permission. EINVAL for a pirq out of range, EPERM if the caller has no right."""
        domain = self._host.domains.find(number(arguments, "domain"))
        pirq = number(arguments, "pirq")
        gsi = caller.pirqs.gsi(pirq)
        if not 0 <= pirq < caller.pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq}")
        if gsi is None:
            raise XenError(Errno.EPERM, f"pirq {pirq} is not ours")
        if number(arguments, "allow_access"):
            domain.pirqs.permitted.add(gsi)
        else:
            domain.pirqs.permitted.discard(gsi)
        return 0

    def set_virq_handler(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_set_virq_handler. EINVAL."""
        domain = self._host.domains.find(number(arguments, "domain"))
        self._host.events.set_virq_owner(number(arguments, "virq"), domain.ports)
        return 0


def _not_known(_caller: Domain, _arguments: Arguments) -> Result:
    raise XenError(Errno.ENOSYS)


def _limit(value: int, maximum: int, minimum: int) -> int:
    if value in {-1, ALL_ONES_32}:
        return maximum
    if not minimum <= value <= maximum:
        raise XenError(Errno.EINVAL, f"{value} frames of {maximum}")
    return value


def _check_config(flags: int, max_vcpus: int, arguments: Arguments) -> None:
    version = number_or(arguments, "grant_version", MAX_GRANT_VERSION)
    if flags & ~CDF_KNOWN or (flags & CDF_HAP and not flags & CDF_HVM):
        raise XenError(Errno.EINVAL, f"flags {flags:#x}")
    if not 1 <= max_vcpus <= MAX_VIRT_CPUS:
        raise XenError(Errno.EINVAL, f"{max_vcpus} vcpus")
    if not 1 <= version <= MAX_GRANT_VERSION or number_or(arguments, "cpupool_id", 0):
        raise XenError(Errno.EINVAL, f"grant version {version}, cpupool {arguments.get('cpupool_id')}")
