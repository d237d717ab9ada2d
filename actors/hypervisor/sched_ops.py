"""sched_op: a domain gives way, waits, shuts down, or sets its watchdog.

Rules: yield returns at once: a process here is scheduled by its own machine. block and poll are
answered when an event or the timeout comes; a shutdown only if the domain is resumed.
Source: xen/common/sched/core.c of 4.17.7 (do_sched_op, do_poll), xen/include/public/sched.h.
Left out: masks are the guest's own, so an event on a masked port ends a block, too.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Schedop
from actors.hypervisor.arguments import Arguments, Result, number, number_or, rows
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle

MAX_REASON: Final = 0xFF
MAX_TIMEOUT_S: Final = 0xFFFFFFFF
MAX_POLLED_PORTS: Final = 128
MAX_PCPUS: Final = 256


class SchedOps:
    """The commands of sched_op."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Schedop.yield_: lambda _caller, _arguments: 0,
            Schedop.block: self.block,
            Schedop.poll: self.poll,
            Schedop.shutdown: self.shutdown,
            Schedop.shutdown_code: self.shutdown_code,
            Schedop.remote_shutdown: self.remote_shutdown,
            Schedop.watchdog: self.watchdog,
            Schedop.pin_override: self.pin_override,
        }

    def block(self, caller: Domain, _arguments: Arguments) -> Result:
        """SCHEDOP_block: until there is an event."""
        self._host.events.delegation.polls(caller.ports)
        return self._wait(caller, None, 0)

    def poll(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_poll of `nr_ports` `ports` until `timeout` (system time, 0 for none). EINVAL, EFAULT."""
        nr_ports, timeout_ns = number(arguments, "nr_ports"), number_or(arguments, "timeout", 0)
        if not 0 <= nr_ports <= MAX_POLLED_PORTS:
            raise XenError(Errno.EINVAL, f"{nr_ports} ports of at most {MAX_POLLED_PORTS}")
        ports = rows(arguments, "ports")[:nr_ports] if nr_ports else []
        self._host.events.delegation.polls(caller.ports)
        if caller.ports.has_undelivered():
            return 0
        if len(ports) < nr_ports:
            raise XenError(Errno.EFAULT, f"{len(ports)} ports of {nr_ports}")
        polled: list[int] = []
        for port in ports:
            if type(port) is not int:
                raise XenError(Errno.EFAULT, "a port is not a number")
            if not caller.ports.is_valid(port):
                raise XenError(Errno.EINVAL, f"no port {port}")
            polled.append(port)
        return self._wait(caller, tuple(polled), timeout_ns)

    def _wait(self, caller: Domain, ports: tuple[int, ...] | None, until_ns: int) -> Result:
        host = self._host
        past = until_ns and until_ns <= host.outbox.now_ns
        # Nobody could hear the end of a wait that has no sequence, or that is one entry of several.
        if past or not host.sequence or caller.ports.has_undelivered():
            return 0
        host.pollers.wait(caller.ports, host.sequence, ports, until_ns)
        return None

    def shutdown(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_shutdown."""
        reason = number(arguments, "reason") & MAX_REASON
        caller.suspended_call = self._host.sequence
        self._lives.shutdown(caller, reason, by_itself=True)
        return None

    def shutdown_code(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_shutdown_code: the reason of the shutdown that is to come; the first one counts."""
        reason = number(arguments, "reason") & MAX_REASON
        if caller.shutdown_code is None:
            caller.shutdown_code = reason
        return 0

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

    def pin_override(self, caller: Domain, arguments: Arguments) -> Result:
        """SCHEDOP_pin_override of this vcpu to `pcpu`; a negative one undoes it. EPERM, EINVAL, EBUSY."""
        if not caller.is_hardware:
            raise XenError(Errno.EPERM, "dom0 alone may be pinned")
        pcpu = number(arguments, "pcpu")
        vcpu = self._host.vcpus.of(caller.ports, 0, caller.started_ns or 0)
        if pcpu < 0:
            if vcpu.pinned is None:
                raise XenError(Errno.EINVAL, "not pinned")
            vcpu.pinned = None
            return 0
        if pcpu >= MAX_PCPUS:
            raise XenError(Errno.EINVAL, f"no processor {pcpu}")
        if vcpu.pinned is not None:
            raise XenError(Errno.EBUSY, f"pinned to processor {vcpu.pinned}")
        if pcpu >= self._host.platform.nr_cpus:
            raise XenError(Errno.EINVAL, f"no processor {pcpu}")
        vcpu.pinned = pcpu
        return 0
