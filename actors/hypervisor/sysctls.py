"""sysctl: what the control domain asks about the machine.

Rules: first the interface version (-EACCES), then the right (-EPERM), then the command.
Source: xen/common/sysctl.c, xen/include/public/sysctl.h.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Sysctl
from actors.abi.interface import CREATEDOMAIN_XS_DOMAIN, XEN_SYSCTL_INTERFACE_VERSION
from actors.hypervisor.arguments import Arguments, Out, Result, number, number_or
from actors.hypervisor.call import Call, Commands, Method
from actors.hypervisor.domain_info import domain_info
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host

SCHED_CREDIT2 = 6


class Sysctls:
    """The commands of sysctl."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Sysctl.readconsole: _guarded(self.readconsole),
            Sysctl.physinfo: _guarded(self.physinfo),
            Sysctl.sched_id: _guarded(self.sched_id),
            Sysctl.getdomaininfolist: _guarded(self.getdomaininfolist, for_store=True),
            Sysctl.availheap: _guarded(
                lambda _caller, _arguments: (0, {"avail_bytes": self._host.frames.free_frames << 12})
            ),
        }

    def unknown(self) -> Call:
        """A command that is not in the table: the same checks, then -ENOSYS."""
        return Call(_guarded(_not_known), "sysctl.unknown")

    def readconsole(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_readconsole: `count` bytes at most; from `index` on if `incremental`; maybe `clear`."""
        ring = self._host.outbox.ring
        index = number_or(arguments, "index", 0) if number_or(arguments, "incremental", 0) else 0
        data, end = ring.read(index, number(arguments, "count"))
        if number_or(arguments, "clear", 0):
            ring.clear()
        return 0, {"buffer": data, "count": len(data), "index": end}

    def physinfo(self, _caller: Domain, _arguments: Arguments) -> Result:
        """XEN_SYSCTL_physinfo: one socket."""
        platform, frames = self._host.platform, self._host.frames
        return 0, {
            "threads_per_core": 1,
            "cores_per_socket": platform.nr_cpus,
            "nr_cpus": platform.nr_cpus,
            "max_cpu_id": platform.nr_cpus - 1,
            "nr_nodes": 1,
            "max_node_id": 0,
            "cpu_khz": platform.cpu_khz,
            "total_pages": frames.nr_frames,
            "free_pages": frames.free_frames,
            "scrub_pages": 0,
            "outstanding_pages": 0,
        }

    def sched_id(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_sched_id. EFAULT without room for the answer."""
        number(arguments, "sched_id")
        return 0, {"sched_id": SCHED_CREDIT2}

    def getdomaininfolist(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_getdomaininfolist: `domains` from `first_domain` on, at most `max_domains`."""
        first, most = number(arguments, "first_domain"), number(arguments, "max_domains")
        now_ns = self._host.outbox.now_ns
        found: list[Out] = [
            domain_info(domain, caller, now_ns)
            for domain in self._host.domains.listed()
            if domain.domid >= first
        ][: max(most, 0)]
        return 0, {"domains": found, "num_domains": len(found)}


def _guarded(method: Method, *, for_store: bool = False) -> Method:
    def guarded(caller: Domain, arguments: Arguments) -> Result:
        version = number_or(arguments, "interface_version", XEN_SYSCTL_INTERFACE_VERSION)
        if version != XEN_SYSCTL_INTERFACE_VERSION:
            raise XenError(Errno.EACCES, f"interface version {version:#x}")
        if not for_store or not caller.flags & CREATEDOMAIN_XS_DOMAIN:
            check_control(caller)
        return method(caller, arguments)

    return guarded


def _not_known(_caller: Domain, _arguments: Arguments) -> Result:
    raise XenError(Errno.ENOSYS)
