"""domctl on vcpus: what they are doing, where they may run, their registers, and shares of the CPU.

Rules: what is set is kept and read back; a vcpu runs in a process of the host's, so neither places nor
shares have an effect. Registers can be given to a vcpu only before its domain starts.
Source: xen/common/domctl.c, xen/common/sched/{core,credit2}.c, xen/include/public/domctl.h.
Left out: registers of a vcpu that runs; XEN_VCPUAFFINITY_FORCE undoes nothing, as nothing is overridden.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.control import (
    XEN_SCHEDULER_CREDIT2,
    XEN_VCPUAFFINITY_FORCE,
    XEN_VCPUAFFINITY_HARD,
    XEN_VCPUAFFINITY_SOFT,
    SchedopInfo,
)
from actors.abi.errno import Errno, XenError
from actors.hypervisor.arguments import ALL_ONES_16, Arguments, Out, Result, number
from actors.hypervisor.domains import Domain, Life
from actors.hypervisor.host import Host

PERCENT: Final = 100


@dataclass(slots=True)
class Affinity:
    """On which CPUs a vcpu may run, and on which it should, as bits; all ones at first."""

    hard: int = -1
    soft: int = -1


@dataclass(slots=True)
class VcpuSettings:
    """What a toolstack has set for the vcpus of one domain."""

    affinities: dict[int, Affinity] = field(default_factory=dict)
    contexts: dict[int, object] = field(default_factory=dict)
    weight: int = 256
    cap: int = 0

    def affinity(self, vcpu: int) -> Affinity:
        """Where a vcpu may run."""
        return self.affinities.setdefault(vcpu, Affinity())


class DomctlVcpus:
    """The commands of domctl that are about vcpus."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._settings: dict[Domain, VcpuSettings] = {}
        self._all_cpus = (1 << host.platform.nr_cpus) - 1

    def settings(self, domain: Domain) -> VcpuSettings:
        """What was set for a domain; that of the dead is forgotten."""
        for dead in [each for each in self._settings if each.life is Life.DEAD]:
            del self._settings[dead]
        return self._settings.setdefault(domain, VcpuSettings())

    def getvcpuinfo(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_getvcpuinfo. EINVAL, ESRCH before max_vcpus has made it."""
        domain = self._domain(arguments)
        vcpu = self._vcpu(domain, arguments)
        online = vcpu in domain.online
        running = online and domain is caller and vcpu == 0
        now_ns = self._host.outbox.now_ns
        return 0, {
            "vcpu": vcpu,
            "online": int(online),
            "blocked": int(online and not running and domain.life is Life.RUNNING and not domain.pause_count),
            "running": int(running),
            "cpu_time": 0 if domain.started_ns is None else now_ns - domain.started_ns,
            "cpu": vcpu % self._host.platform.nr_cpus,
        }

    def setvcpuaffinity(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_setvcpuaffinity: `cpumap_hard` and `cpumap_soft` are bits, and come back as effective.

        EINVAL no such vcpu, flags, or no CPU left; ESRCH. Refused, neither is changed.
        """
        domain = self._domain(arguments)
        affinity, flags = self._affinity(domain, arguments)
        hard, soft = affinity.hard, affinity.soft
        if flags & XEN_VCPUAFFINITY_HARD:
            hard = number(arguments, "cpumap_hard")
            if not hard & self._all_cpus:
                raise XenError(Errno.EINVAL, f"no CPU of {hard:#x} is there")
        if flags & XEN_VCPUAFFINITY_SOFT:
            soft = number(arguments, "cpumap_soft")
        affinity.hard, affinity.soft = hard, soft
        return 0, _maps(flags, hard & self._all_cpus, soft & hard & self._all_cpus)

    def getvcpuaffinity(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_getvcpuaffinity. EINVAL, ESRCH."""
        affinity, flags = self._affinity(self._domain(arguments), arguments)
        return 0, _maps(flags, affinity.hard & self._all_cpus, affinity.soft & self._all_cpus)

    def _affinity(self, domain: Domain, arguments: Arguments) -> tuple[Affinity, int]:
        vcpu, flags = self._vcpu(domain, arguments), number(arguments, "flags")
        known = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE
        if not flags or flags & ~known:
            raise XenError(Errno.EINVAL, f"flags {flags:#x}")
        return self.settings(domain).affinity(vcpu), flags

    def setvcpucontext(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_setvcpucontext: `ctxt` is a map of registers, None takes them away again.

        EINVAL, EFAULT, EOPNOTSUPP once the domain has started.
        """
        domain, vcpu = self._domain(arguments), number(arguments, "vcpu")
        if domain is caller or not 0 <= vcpu < domain.nr_vcpus:
            raise XenError(Errno.EINVAL, f"vcpu {vcpu} of domain {domain.domid}")
        context = arguments.get("ctxt")
        if context is not None and type(context) is not dict:
            raise XenError(Errno.EFAULT, "ctxt is not a structure")
        if domain.life is not Life.CREATED:
            raise XenError(Errno.EOPNOTSUPP, "the registers of a process that runs are its own")
        contexts = self.settings(domain).contexts
        if context is None:
            contexts.pop(vcpu, None)
        else:
            contexts[vcpu] = context
        return 0

    def getvcpucontext(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_getvcpucontext. EINVAL, ENODATA while there are none, EOPNOTSUPP as above."""
        domain, vcpu = self._domain(arguments), number(arguments, "vcpu")
        if not 0 <= vcpu < domain.nr_vcpus or (domain is caller and vcpu == 0):
            raise XenError(Errno.EINVAL, f"vcpu {vcpu} of domain {domain.domid}")
        if domain.started_ns is not None:
            raise XenError(Errno.EOPNOTSUPP, "the registers of a process that runs are its own")
        context = self.settings(domain).contexts.get(vcpu)
        if context is None:
            raise XenError(Errno.ENODATA, f"vcpu {vcpu} has no registers yet")
        return 0, {"ctxt": context}

    def scheduler_op(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_scheduler_op of credit2: `weight` and `cap` of a domain. EINVAL.

        As in Xen the weight is set also where the cap is refused, and a weight of 0 is none.
        """
        domain, command = self._domain(arguments), number(arguments, "cmd")
        if number(arguments, "sched_id") != XEN_SCHEDULER_CREDIT2:
            raise XenError(Errno.EINVAL, "the scheduler here is credit2")
        settings = self.settings(domain)
        if command == SchedopInfo.putinfo:
            weight, cap = (number(arguments, name) & ALL_ONES_16 for name in ("weight", "cap"))
            settings.weight = weight or settings.weight
            if cap > PERCENT * domain.nr_vcpus:
                raise XenError(Errno.EINVAL, f"a cap of {cap} % for {domain.nr_vcpus} vcpus")
            settings.cap = cap
        elif command != SchedopInfo.getinfo:
            raise XenError(Errno.EINVAL, f"command {command}")
        return 0, {"weight": settings.weight, "cap": settings.cap}

    def _domain(self, arguments: Arguments) -> Domain:
        return self._host.domains.find(number(arguments, "domain"))

    def _vcpu(self, domain: Domain, arguments: Arguments) -> int:
        vcpu = number(arguments, "vcpu")
        if not 0 <= vcpu < domain.max_vcpus:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has no vcpu {vcpu}")
        if vcpu >= domain.nr_vcpus:
            raise XenError(Errno.ESRCH, f"vcpu {vcpu} has yet to be made")
        return vcpu


def _maps(flags: int, hard: int, soft: int) -> Out:
    out: Out = {}
    if flags & XEN_VCPUAFFINITY_HARD:
        out["cpumap_hard"] = hard
    if flags & XEN_VCPUAFFINITY_SOFT:
        out["cpumap_soft"] = soft
    return out
