"""domctl: what the control domain does with other domains.

Rules, in Xen's order: the interface version (-EACCES), whether the domain exists (-ESRCH), the right
(-EPERM), then the command. A domain does not pause, resume or destroy itself (-EINVAL).
Source: xen/common/domctl.c of 4.17, xen/common/domain.c (sanitise_domain_config), xen/include/xsm/dummy.h.
Left out: shadow memory, HVM contexts; get_domain_state came after 4.17 and is -ENOSYS as there.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.control import XEN_DOMCTL_IOMMU_NO_SHAREPT
from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl
from actors.abi.interface import (
    CREATEDOMAIN_HAP,
    CREATEDOMAIN_HVM,
    CREATEDOMAIN_IOMMU,
    CREATEDOMAIN_NESTED_VIRT,
    CREATEDOMAIN_VPMU,
    CREATEDOMAIN_XS_DOMAIN,
    XEN_DOMCTL_INTERFACE_VERSION,
    ShutdownReason,
)
from actors.abi.types import DOMID_FIRST_RESERVED
from actors.hypervisor.arguments import ALL_ONES_16, ALL_ONES_32, Arguments, Result, number, number_or
from actors.hypervisor.call import Call, Commands, Method
from actors.hypervisor.domain_info import domain_info
from actors.hypervisor.domains import Domain, Life, check_control
from actors.hypervisor.domctl_rights import DomctlRights
from actors.hypervisor.domctl_vcpus import DomctlVcpus
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.platform import Platform
from actors.hypervisor.ports import MAX_PORTS

PAGE_KIB: Final = 4
MAX_VIRT_CPUS: Final = 8192
HVM_MAX_VCPUS: Final = 128
MAX_GRANT_VERSION: Final = 2
HANDLE_BYTES: Final = 16
CDF_KNOWN: Final = 0xFF


class Domctls:
    """The commands of domctl."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives

    def commands(self) -> Commands:
        """Command numbers to methods."""
        rights, vcpus = DomctlRights(self._host), DomctlVcpus(self._host)
        guarded: Commands = {
            Domctl.destroydomain: self.destroydomain,
            Domctl.pausedomain: self.pausedomain,
            Domctl.unpausedomain: self.unpausedomain,
            Domctl.setvcpuaffinity: vcpus.setvcpuaffinity,
            Domctl.max_mem: self.max_mem,
            Domctl.setvcpucontext: vcpus.setvcpucontext,
            Domctl.getvcpucontext: vcpus.getvcpucontext,
            Domctl.getvcpuinfo: vcpus.getvcpuinfo,
            Domctl.max_vcpus: self.max_vcpus,
            Domctl.scheduler_op: vcpus.scheduler_op,
            Domctl.setdomainhandle: self.setdomainhandle,
            Domctl.getvcpuaffinity: vcpus.getvcpuaffinity,
            Domctl.resumedomain: self.resumedomain,
            Domctl.subscribe: self.subscribe,
            Domctl.set_virq_handler: self.set_virq_handler,
            Domctl.soft_reset: self.soft_reset,
            Domctl.irq_permission: rights.irq_permission,
            Domctl.iomem_permission: rights.iomem_permission,
            Domctl.ioport_permission: rights.ioport_permission,
            Domctl.set_target: rights.set_target,
        }
        own_order: Commands = {
            Domctl.createdomain: self.createdomain,
            Domctl.getdomaininfo: self.getdomaininfo,
            Domctl.assign_device: rights.assign_device,
            Domctl.test_assign_device: rights.test_assign_device,
            Domctl.deassign_device: rights.deassign_device,
        }
        return {command: self._guarded(method) for command, method in guarded.items()} | {
            command: _versioned(method) for command, method in own_order.items()
        }

    def unknown(self) -> Call:
        """A command that is not in the table: the same checks, then -ENOSYS."""
        return Call(self._guarded(_not_known), "domctl.unknown")

    def _guarded(self, method: Method) -> Method:
        domains = self._host.domains

        def guarded(caller: Domain, arguments: Arguments) -> Result:
            domains.find(number(arguments, "domain"))
            check_control(caller)
            return method(caller, arguments)

        return _versioned(guarded)

    def _domain(self, arguments: Arguments) -> Domain:
        return self._host.domains.find(number(arguments, "domain"))

    def _other(self, caller: Domain, arguments: Arguments) -> Domain:
        domain = self._domain(arguments)
        if domain is caller:
            raise XenError(Errno.EINVAL, "a domain cannot do that to itself")
        return domain

    def createdomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_createdomain; no `domain`, 0 or a reserved one means the next free id.

        EPERM, EEXIST, EINVAL, ESRCH no such cpupool, ENOMEM.
        """
        check_control(caller)
        wanted = number_or(arguments, "domain", ALL_ONES_16) & ALL_ONES_16
        config = DomainConfig.parse(arguments)
        if 0 < wanted < DOMID_FIRST_RESERVED:
            self._host.domains.choose_id(wanted)
        config.check(self._host.platform)
        domid = self._host.domains.choose_id(wanted if 0 < wanted < DOMID_FIRST_RESERVED else None)
        platform = self._host.platform
        self._lives.create(
            domid,
            handle=config.handle,
            flags=config.flags,
            max_vcpus=config.max_vcpus,
            max_port=min(config.max_port & ALL_ONES_32, MAX_PORTS - 1),
            grant_frames=config.grant_frames if config.grant_frames >= 0 else platform.max_grant_frames,
            maptrack_frames=(
                config.maptrack_frames if config.maptrack_frames >= 0 else platform.max_maptrack_frames
            ),
        )
        return 0, {"domain": domid}

    def destroydomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_destroydomain: answered when the domain is dead."""
        domain = self._other(caller, arguments)
        self._lives.kill(domain)
        if domain.life is Life.DEAD:
            return 0
        domain.waiting.append((caller, self._host.sequence))
        return None

    def pausedomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_pausedomain: pauses are counted. EOVERFLOW past 255."""
        self._lives.pause(self._other(caller, arguments))
        return 0

    def unpausedomain(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_unpausedomain; the first one starts the domain. EINVAL if it is not paused."""
        self._lives.unpause(self._domain(arguments))
        return 0

    def resumedomain(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_resumedomain."""
        self._lives.resume(self._other(caller, arguments))
        return 0

    def soft_reset(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_soft_reset: a domain that has shut down goes on without its ports.

        EINVAL for oneself, for a domain that has not shut down, and for a paravirtual one, which then
        has crashed.
        """
        domain = self._other(caller, arguments)
        if domain.life is not Life.SHUTDOWN:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has not shut down")
        self._host.events.close_all(domain.ports)
        if not domain.flags & CREATEDOMAIN_HVM:
            self._lives.shutdown(domain, ShutdownReason.crash)
            raise XenError(Errno.EINVAL, "a paravirtual domain cannot be reset")
        self._lives.resume(domain)
        return 0

    def getdomaininfo(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_getdomaininfo of the domain, or of the next one above if there is none of that id.

        EINVAL no domain has such an id, ESRCH, EPERM (the xenstore domain and device models may ask).
        """
        first, domains = number(arguments, "domain"), self._host.domains
        found = domains.get(first)
        if found is None:
            if not 0 <= first < DOMID_FIRST_RESERVED:
                raise XenError(Errno.EINVAL, f"domain {first:#x}")
            found = next((each for each in domains.listed() if each.domid >= first), None)
        if found is None:
            raise XenError(Errno.ESRCH, f"no domain from {first} on")
        if not caller.flags & CREATEDOMAIN_XS_DOMAIN and caller.target is not found:
            check_control(caller)
        return 0, domain_info(found, caller, self._host.outbox.now_ns)

    def max_mem(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_max_mem; below what the domain has, it only stops it from growing."""
        max_kib = number(arguments, "max_memkb")
        self._domain(arguments).physmap.max_pages = (
            min(max_kib // PAGE_KIB, ALL_ONES_32) if max_kib >= 0 else ALL_ONES_32
        )
        return 0

    def max_vcpus(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_max_vcpus: makes the vcpus; their number is the one given at creation. EINVAL."""
        domain = self._other(caller, arguments)
        if number(arguments, "max") != domain.max_vcpus:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has {domain.max_vcpus} vcpus")
        domain.ports.nr_vcpus = domain.max_vcpus
        return 0

    def setdomainhandle(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_setdomainhandle. EFAULT."""
        self._domain(arguments).handle = _handle(arguments)
        return 0

    def subscribe(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_subscribe: when the domain suspends, this port of its own is sent to."""
        self._domain(arguments).suspend_port = number(arguments, "port")
        return 0

    def set_virq_handler(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_set_virq_handler. EINVAL."""
        self._host.events.set_virq_owner(number(arguments, "virq"), self._domain(arguments).ports)
        return 0


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """`xen_domctl_createdomain`: a negative number of frames stands for as many as the host allows."""

    handle: bytes
    flags: int
    max_vcpus: int
    max_port: int
    grant_frames: int
    maptrack_frames: int
    grant_version: int
    cpupool: int
    iommu_opts: int

    @classmethod
    def parse(cls, arguments: Arguments) -> "DomainConfig":
        """EFAULT for a structure that is none."""
        return cls(
            handle=_handle(arguments) if "handle" in arguments else bytes(HANDLE_BYTES),
            flags=number_or(arguments, "flags", 0),
            max_vcpus=number(arguments, "max_vcpus"),
            max_port=number(arguments, "max_evtchn_port"),
            grant_frames=_signed(number(arguments, "max_grant_frames")),
            maptrack_frames=_signed(number(arguments, "max_maptrack_frames")),
            grant_version=number_or(arguments, "grant_version", MAX_GRANT_VERSION),
            cpupool=number_or(arguments, "cpupool_id", 0),
            iommu_opts=number_or(arguments, "iommu_opts", 0),
        )

    def check(self, platform: Platform) -> None:
        """EINVAL for what no domain can be; ESRCH for a pool that is not there, before its grants count."""
        hvm, hap = self.flags & CREATEDOMAIN_HVM, self.flags & CREATEDOMAIN_HAP
        iommu = self.flags & CREATEDOMAIN_IOMMU
        if self.flags & ~CDF_KNOWN or self.flags & CREATEDOMAIN_VPMU or (hap and not hvm):
            raise XenError(Errno.EINVAL, f"flags {self.flags:#x}")
        if (self.flags & CREATEDOMAIN_NESTED_VIRT and not hap) or (iommu and not platform.iommu):
            raise XenError(Errno.EINVAL, f"flags {self.flags:#x} need what is not there")
        if self.iommu_opts & ~(XEN_DOMCTL_IOMMU_NO_SHAREPT if iommu else 0):
            raise XenError(Errno.EINVAL, f"IOMMU options {self.iommu_opts:#x}")
        if not 1 <= self.max_vcpus <= (HVM_MAX_VCPUS if hvm else MAX_VIRT_CPUS):
            raise XenError(Errno.EINVAL, f"{self.max_vcpus} vcpus")
        if self.cpupool:
            raise XenError(Errno.ESRCH, f"no cpupool {self.cpupool}")
        if not 1 <= self.grant_version <= MAX_GRANT_VERSION:
            raise XenError(Errno.EINVAL, f"grant version {self.grant_version}")
        if self.grant_frames == 0 or self.grant_frames > platform.max_grant_frames:
            raise XenError(Errno.EINVAL, f"{self.grant_frames} grant frames of {platform.max_grant_frames}")
        if self.maptrack_frames > platform.max_maptrack_frames:
            raise XenError(Errno.EINVAL, f"{self.maptrack_frames} frames of {platform.max_maptrack_frames}")


def _versioned(method: Method) -> Method:
    def checked(caller: Domain, arguments: Arguments) -> Result:
        version = number_or(arguments, "interface_version", XEN_DOMCTL_INTERFACE_VERSION)
        if version != XEN_DOMCTL_INTERFACE_VERSION:
            raise XenError(Errno.EACCES, f"interface version {version:#x}")
        return method(caller, arguments)

    return checked


def _not_known(_caller: Domain, _arguments: Arguments) -> Result:
    raise XenError(Errno.ENOSYS)


def _handle(arguments: Arguments) -> bytes:
    handle = arguments.get("handle")
    if type(handle) is not bytes or len(handle) != HANDLE_BYTES:
        raise XenError(Errno.EFAULT, "handle is not 16 bytes")
    return handle


def _signed(value: int) -> int:
    """An int32_t as a guest may have written it: all ones are -1."""
    value &= ALL_ONES_32
    return value - (1 << 32) if value >> 31 else value
