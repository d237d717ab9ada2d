"""vcpu_op and set_timer_op: vcpus go up and down, tell what they do, and have timers.

Rules: the vcpu is looked at first (-ENOENT), then the command. Every vcpu is initialised and up from
the domain's start, since a domain is one process; calls come from vcpu 0. The last vcpu that goes
down shuts the domain down.
Source: xen/common/domain.c (common_vcpu_op), xen/arch/x86/domain.c (do_vcpu_op), both of 4.17.7.
Left out: send_nmi is accepted and nothing comes of it, as in a domain without an NMI callback; areas
that are registered are not written (there is no guest virtual memory).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Vcpuop
from actors.abi.interface import ShutdownReason
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.arguments import Arguments, Out, Result, mapping, number, number_or
from actors.hypervisor.call import Call, Commands, Method
from actors.hypervisor.domains import Domain
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.vcpus import Runstate, Vcpu

MIN_PERIOD_NS: Final = 1_000_000
MAX_PERIOD_NS: Final = (1 << 63) - 1
HUGE_TIMEOUT_NS: Final = 1 << 50
HUGE_TIMEOUT_DELAY_NS: Final = 100_000_000
LEGACY_MAX_VCPUS: Final = 32
VCPU_INFO_BYTES: Final = 64
VCPU_INFO_ALIGNMENT: Final = 8
SSHOTTMR_FUTURE: Final = 1
ACPI_ID_SHIFT: Final = 32


class VcpuOps:
    """The commands of vcpu_op, and set_timer_op, which has none."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives
        self._vcpus = host.vcpus

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Vcpuop.initialise: self._checked(self.initialise),
            Vcpuop.up: self._checked(self.up),
            Vcpuop.down: self._checked(self.down),
            Vcpuop.is_up: self._checked(lambda caller, each: int(each["vcpu"] in caller.online)),
            Vcpuop.get_runstate_info: self._checked(self.get_runstate_info),
            Vcpuop.register_runstate_memory_area: self._checked(self.register_runstate_memory_area),
            Vcpuop.set_periodic_timer: self._checked(self.set_periodic_timer),
            Vcpuop.stop_periodic_timer: self._checked(self.stop_periodic_timer),
            Vcpuop.set_singleshot_timer: self._checked(self.set_singleshot_timer),
            Vcpuop.stop_singleshot_timer: self._checked(self.stop_singleshot_timer),
            Vcpuop.register_vcpu_info: self._checked(self.register_vcpu_info),
            Vcpuop.send_nmi: self._checked(_send_nmi),
            Vcpuop.get_physid: self._checked(self.get_physid),
            Vcpuop.register_vcpu_time_memory_area: self._checked(_register_time_area),
        }

    def unknown(self) -> Call:
        """A command that is not in the table: the vcpu is looked at first."""
        return Call(self._checked(_not_known), "vcpu_op.unknown")

    def timer_call(self) -> Call:
        """set_timer_op, a hypercall without commands."""
        return Call(self.set_timer, "set_timer_op")

    def _checked(self, method: Method) -> Method:
        def checked(caller: Domain, arguments: Arguments) -> Result:
            vcpu = number(arguments, "vcpu")
            if not 0 <= vcpu < caller.nr_vcpus:
                raise XenError(Errno.ENOENT, f"no vcpu {vcpu}")
            return method(caller, arguments)

        return checked

    def _vcpu(self, caller: Domain, arguments: Arguments) -> Vcpu:
        return self._vcpus.of(caller.ports, number(arguments, "vcpu"), caller.started_ns or 0)

    def _current(self, caller: Domain, arguments: Arguments) -> Vcpu:
        if number(arguments, "vcpu"):
            raise XenError(Errno.EINVAL, "only a vcpu itself may do that")
        return self._vcpu(caller, arguments)

    def initialise(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_initialise. EINVAL beyond 32 vcpus without vcpu_info, else EEXIST."""
        vcpu = self._vcpu(caller, arguments)
        if vcpu.number >= LEGACY_MAX_VCPUS and not vcpu.has_info:
            raise XenError(Errno.EINVAL, f"vcpu {vcpu.number} has no vcpu_info")
        raise XenError(Errno.EEXIST, f"vcpu {vcpu.number} is initialised")

    def up(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_up."""
        vcpu = self._vcpu(caller, arguments)
        if vcpu.state is Runstate.offline:
            state = Runstate.blocked if vcpu.number else Runstate.running
            vcpu.change(state, self._host.outbox.now_ns)
            caller.online.add(vcpu.number)
            self._vcpus.resume(caller.ports)
        return 0

    def down(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_down. The last one that goes shuts the domain down, and is answered after a resume."""
        vcpu = self._vcpu(caller, arguments)
        if caller.online <= {vcpu.number}:
            caller.suspended_call = self._host.sequence
            self._lives.shutdown(caller, ShutdownReason.poweroff, by_itself=True)
            return None
        if vcpu.state is not Runstate.offline:
            vcpu.change(Runstate.offline, self._host.outbox.now_ns)
            caller.online.discard(vcpu.number)
        return 0

    def get_runstate_info(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_get_runstate_info: `time` is nanoseconds running, runnable, blocked, offline."""
        return 0, self._runstate(caller, arguments)

    def register_runstate_memory_area(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_register_runstate_memory_area; what would be written there now comes with the answer."""
        _address(arguments)
        return 0, self._runstate(caller, arguments)

    def _runstate(self, caller: Domain, arguments: Arguments) -> Out:
        state, entered_ns, spent_ns = self._vcpus.runstate(caller.ports, self._vcpu(caller, arguments))
        return {"state": int(state), "state_entry_time": entered_ns, "time": spent_ns}

    def set_periodic_timer(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_set_periodic_timer. EINVAL below 1 ms."""
        period_ns = number(arguments, "period_ns")
        if not MIN_PERIOD_NS <= period_ns <= MAX_PERIOD_NS:
            raise XenError(Errno.EINVAL, f"a period of {period_ns} ns")
        self._vcpus.set_periodic(caller.ports, self._vcpu(caller, arguments), period_ns)
        return 0

    def stop_periodic_timer(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_stop_periodic_timer."""
        self._vcpus.set_periodic(caller.ports, self._vcpu(caller, arguments), 0)
        return 0

    def set_singleshot_timer(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_set_singleshot_timer. EINVAL for another vcpu than one's own.

        A time that is past is an event at once; ETIME with the flag `future` on a Xen that honours it.
        """
        vcpu = self._current(caller, arguments)
        at_ns, flags = number(arguments, "timeout_abs_ns"), number_or(arguments, "flags", 0)
        if at_ns >= self._host.outbox.now_ns:
            self._vcpus.set_singleshot(caller.ports, vcpu, at_ns)
            return 0
        if flags & SSHOTTMR_FUTURE and self._host.platform.release.future_timers:
            raise XenError(Errno.ETIME, f"{at_ns} ns is past")
        self._vcpus.stop_singleshot(vcpu)
        self._vcpus.timer_event(caller.ports, vcpu)
        return 0

    def stop_singleshot_timer(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_stop_singleshot_timer. EINVAL for another vcpu than one's own."""
        self._vcpus.stop_singleshot(self._current(caller, arguments))
        return 0

    def set_timer(self, caller: Domain, arguments: Arguments) -> Result:
        """set_timer_op: the single-shot timer of this vcpu at `timeout`, 0 for none.

        A time that is negative or more than 13 days off is taken for a guest's slip: in 100 ms.
        """
        at_ns, now_ns = number(arguments, "timeout"), self._host.outbox.now_ns
        vcpu = self._vcpus.of(caller.ports, 0, caller.started_ns or 0)
        if at_ns == 0:
            self._vcpus.stop_singleshot(vcpu)
        elif at_ns < 0 or at_ns - now_ns >= HUGE_TIMEOUT_NS:
            self._vcpus.set_singleshot(caller.ports, vcpu, now_ns + HUGE_TIMEOUT_DELAY_NS)
        else:
            self._vcpus.set_singleshot(caller.ports, vcpu, at_ns)
        return 0

    def register_vcpu_info(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_register_vcpu_info: once a vcpu, for oneself or one that is down. ENXIO, EINVAL."""
        vcpu = self._vcpu(caller, arguments)
        gfn, offset = number(arguments, "mfn"), number(arguments, "offset")
        if not 0 <= offset <= PAGE_SIZE - VCPU_INFO_BYTES or offset % VCPU_INFO_ALIGNMENT:
            raise XenError(Errno.ENXIO, f"a vcpu_info at offset {offset}")
        if vcpu.has_info or (vcpu.number and vcpu.state is not Runstate.offline):
            raise XenError(Errno.EINVAL, f"vcpu {vcpu.number} has one, or is up")
        if caller.physmap.mfn(gfn) is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {gfn}")
        vcpu.has_info = True
        return 0

    def get_physid(self, caller: Domain, arguments: Arguments) -> Result:
        """VCPUOP_get_physid: APIC and ACPI id. EINVAL unless dom0's vcpus are pinned (dom0_vcpus_pin)."""
        if not (caller.is_hardware and self._host.platform.dom0_vcpus_pin):
            raise XenError(Errno.EINVAL, "not a vcpu of a pinned dom0")
        vcpu = number(arguments, "vcpu")
        return 0, {"phys_id": vcpu | vcpu << ACPI_ID_SHIFT}


def _address(arguments: Arguments) -> None:
    address = mapping(arguments, "addr") if type(arguments.get("addr")) is dict else arguments
    if type(address.get("addr", address.get("h"))) is not int:
        raise XenError(Errno.EFAULT, "addr is no address")


def _register_time_area(_caller: Domain, arguments: Arguments) -> Result:
    _address(arguments)
    return 0


def _send_nmi(_caller: Domain, arguments: Arguments) -> Result:
    if arguments.keys() - {"vcpu"}:
        raise XenError(Errno.EINVAL, "send_nmi takes no argument")
    return 0


def _not_known(_caller: Domain, _arguments: Arguments) -> Result:
    raise XenError(Errno.ENOSYS)
