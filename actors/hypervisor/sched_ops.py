"""sched_op: a domain gives way, shuts down, or sets its watchdog.

Rules: a process here waits by itself, so yield and block return at once. A shutdown is answered
only if the domain is resumed. Source: xen/common/sched/core.c, xen/include/public/sched.h.
Left out: poll (a kernel here waits for upcalls), pin_override.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Schedop
from actors.hypervisor.arguments import Arguments, Result, number
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle

MAX_REASON: Final = 0xFF
MAX_TIMEOUT_S: Final = 0xFFFFFFFF


class SchedOps:
    """The commands of sched_op."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Schedop.yield_: lambda _caller, _arguments: 0,
            Schedop.block: lambda _caller, _arguments: 0,
            Schedop.shutdown: self.shutdown,
            Schedop.remote_shutdown: self.remote_shutdown,
            Schedop.watchdog: self.watchdog,
        }

    def shutdown(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_shutdown."""
        reason = number(arguments, "reason") & MAX_REASON
        caller.suspended_call = self._host.sequence
        self._lives.shutdown(caller, reason, by_itself=True)
        return None

    def remote_shutdown(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_remote_shutdown. ESRCH, EPERM."""
        domid, reason = number(arguments, "domain_id"), number(arguments, "reason") & MAX_REASON
        domain = self._host.domains.find(domid)
        check_control(caller)
        self._lives.shutdown(domain, reason)
        return 0

    def watchdog(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_watchdog: the identifier of a new timer, or 0. EINVAL, ENOSPC."""
        identifier, timeout_s = number(arguments, "id"), number(arguments, "timeout")
        if not 0 <= timeout_s <= MAX_TIMEOUT_S:
            raise XenError(Errno.EINVAL, f"a timeout of {timeout_s} s")
        return self._host.watchdog.set(caller, identifier, timeout_s, self._host.outbox.now_ns)
