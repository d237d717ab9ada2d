"""The one pool of CPUs, its scheduler's parameter, and what sysctl may ask of both.

Rules: every CPU and every domain is in pool 0. What is set is kept and read back, without effect.
Source: xen/common/sched/{cpupool,core,credit2}.c, xen/include/public/sysctl.h.
Left out: other pools: creating one, and taking CPUs away, is -EOPNOTSUPP.
"""

from actors.abi.control import (
    XEN_SCHEDULER_CREDIT2,
    XEN_SYSCTL_CPUPOOL_PAR_ANY,
    XEN_SYSCTL_SCHED_RATELIMIT_MAX,
    XEN_SYSCTL_SCHED_RATELIMIT_MIN,
    CpupoolOp,
    SchedopInfo,
)
from actors.abi.errno import Errno, XenError
from actors.hypervisor.arguments import Arguments, Result, number, number_or
from actors.hypervisor.domains import Domain
from actors.hypervisor.host import Host


class CpuPool:
    """Pool 0 of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ratelimit_us = 1000

    def cpupool_op(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_cpupool_op. ENOSYS no such operation, ENOENT no such pool; as the operations say."""
        operation, pool = number(arguments, "op"), number_or(arguments, "cpupool_id", 0)
        nr_cpus = self._host.platform.nr_cpus
        if operation == CpupoolOp.FREEINFO:
            return 0, {"cpumap": 0}
        if operation == CpupoolOp.MOVEDOMAIN:
            return self._move(caller, number(arguments, "domid"), pool)
        if operation == CpupoolOp.CREATE:
            raise XenError(Errno.EOPNOTSUPP, "there is one pool")
        if operation not in {CpupoolOp.DESTROY, CpupoolOp.INFO, CpupoolOp.ADDCPU, CpupoolOp.RMCPU}:
            raise XenError(Errno.ENOSYS, f"operation {operation}")
        if pool != 0:
            raise XenError(Errno.ENOENT, f"no pool {pool}")
        if operation == CpupoolOp.DESTROY:
            raise XenError(Errno.EBUSY, "pool 0 has CPUs and domains")
        if operation == CpupoolOp.INFO:
            return 0, {
                "cpupool_id": 0,
                "sched_id": XEN_SCHEDULER_CREDIT2,
                "n_dom": len(self._host.domains.listed()),
                "cpumap": (1 << nr_cpus) - 1,
            }
        cpu = number(arguments, "cpu")
        if cpu != XEN_SYSCTL_CPUPOOL_PAR_ANY and not 0 <= cpu < nr_cpus:
            raise XenError(Errno.EINVAL, f"no CPU {cpu}")
        if operation == CpupoolOp.ADDCPU:
            raise XenError(Errno.ENODEV, "every CPU is in its pool")
        raise XenError(Errno.EOPNOTSUPP, "a CPU cannot leave the one pool")

    def _move(self, caller: Domain, domid: int, pool: int) -> Result:
        domain = self._host.domains.find(domid)
        if domain is caller:
            raise XenError(Errno.EPERM, "a domain does not move itself")
        if pool:
            raise XenError(Errno.ENOENT, f"no pool {pool}")
        return 0

    def scheduler_op(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_SYSCTL_scheduler_op of credit2: `ratelimit_us`, 0 for none. EINVAL, ESRCH no such pool."""
        command = number(arguments, "cmd")
        if command not in {SchedopInfo.putinfo, SchedopInfo.getinfo}:
            raise XenError(Errno.EINVAL, f"command {command}")
        if number_or(arguments, "cpupool_id", 0):
            raise XenError(Errno.ESRCH, "there is one pool")
        if number(arguments, "sched_id") != XEN_SCHEDULER_CREDIT2:
            raise XenError(Errno.EINVAL, "the scheduler here is credit2")
        if command == SchedopInfo.putinfo:
            limit_us = number(arguments, "ratelimit_us")
            if limit_us and not XEN_SYSCTL_SCHED_RATELIMIT_MIN <= limit_us <= XEN_SYSCTL_SCHED_RATELIMIT_MAX:
                raise XenError(Errno.EINVAL, f"a rate limit of {limit_us} us")
            self._ratelimit_us = limit_us
        return 0, {"ratelimit_us": self._ratelimit_us}
