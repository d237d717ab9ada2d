"""sysctl: what the control domain asks about the machine.

Rules: first the interface version (-EACCES), then the right (-EPERM), then the command.
Source: xen/common/sysctl.c of 4.17, xen/include/public/sysctl.h, xen/include/xsm/dummy.h (XSM_PRIV).
Left out: trace buffers, power management, topology, live patches; idle time is not measured.
"""

from actors.abi.control import (
    XEN_SCHEDULER_CREDIT2,
    XEN_SYSCTL_PHYSCAP_DIRECTIO,
    XEN_SYSCTL_PHYSCAP_GNTTAB_V1,
    XEN_SYSCTL_PHYSCAP_HVM,
    XEN_SYSCTL_PHYSCAP_PV,
)
from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Sysctl
from actors.abi.interface import XEN_SYSCTL_INTERFACE_VERSION
from actors.hypervisor.arguments import Arguments, Out, Result, number, number_or
from actors.hypervisor.call import Call, Commands, Method
from actors.hypervisor.cpu_pool import CpuPool
from actors.hypervisor.debug_keys import press
from actors.hypervisor.domain_info import domain_info
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host

PAGE_SHIFT = 12
MAX_KEYS = 1024


class Sysctls:
    """The commands of sysctl."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def commands(self) -> Commands:
        """Command numbers to methods."""
        pool = CpuPool(self._host)
        commands: Commands = {
            Sysctl.readconsole: self.readconsole,
            Sysctl.physinfo: self.physinfo,
            Sysctl.sched_id: self.sched_id,
            Sysctl.getdomaininfolist: self.getdomaininfolist,
            Sysctl.debug_keys: self.debug_keys,
            Sysctl.getcpuinfo: self.getcpuinfo,
            Sysctl.availheap: lambda _caller, _arguments: (
                0,
                {"avail_bytes": self._host.frames.free_frames << PAGE_SHIFT},
            ),
            Sysctl.cpupool_op: pool.cpupool_op,
            Sysctl.scheduler_op: pool.scheduler_op,
        }
        return {command: _guarded(method) for command, method in commands.items()}

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
        directio = XEN_SYSCTL_PHYSCAP_DIRECTIO if platform.iommu else 0
        return 0, {
            "threads_per_core": 1,
            "cores_per_socket": platform.nr_cpus,
            "nr_cpus": platform.nr_cpus,
            "max_cpu_id": platform.nr_cpus - 1,
            "nr_nodes": 1,
            "max_node_id": 63,
            "cpu_khz": platform.cpu_khz,
            "capabilities": XEN_SYSCTL_PHYSCAP_HVM
            | XEN_SYSCTL_PHYSCAP_PV
            | XEN_SYSCTL_PHYSCAP_GNTTAB_V1
            | directio,
            "total_pages": frames.nr_frames,
            "free_pages": frames.free_frames,
            "scrub_pages": 0,
            "outstanding_pages": frames.outstanding,
            "max_mfn": frames.nr_frames - 1,
        }

    def sched_id(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_sched_id. EFAULT without room for the answer."""
        number(arguments, "sched_id")
        return 0, {"sched_id": XEN_SCHEDULER_CREDIT2}

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

    def debug_keys(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_debug_keys: `keys` are pressed in their order; what they print is on the console."""
        keys = arguments.get("keys")
        if type(keys) is not str or len(keys) > MAX_KEYS:
            raise XenError(Errno.EFAULT, f"keys is not a text of at most {MAX_KEYS} keys")
        for key in keys:
            press(self._host, key)
        return 0

    def getcpuinfo(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_getcpuinfo: `idletime` in ns of at most `max_cpus`: all the time there was."""
        shown = min(max(number(arguments, "max_cpus"), 0), self._host.platform.nr_cpus)
        info: list[object] = [{"idletime": self._host.outbox.now_ns} for _ in range(shown)]
        return 0, {"nr_cpus": shown, "info": info}


def _guarded(method: Method) -> Method:
    def guarded(caller: Domain, arguments: Arguments) -> Result:
        version = number_or(arguments, "interface_version", XEN_SYSCTL_INTERFACE_VERSION)
        if version != XEN_SYSCTL_INTERFACE_VERSION:
            raise XenError(Errno.EACCES, f"interface version {version:#x}")
        check_control(caller)
        return method(caller, arguments)

    return guarded


def _not_known(_caller: Domain, _arguments: Arguments) -> Result:
    raise XenError(Errno.ENOSYS)
