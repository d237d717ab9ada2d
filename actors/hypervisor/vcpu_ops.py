"""vcpu_op: which vcpus are up, and what they are doing.

Rules: a domain here is one process, so its vcpus are up from its start; timers are the process's own.
Source: xen/common/domain.c (do_vcpu_op), xen/include/public/vcpu.h.
Left out: vcpu_info and runstate areas, singleshot timers.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Vcpuop
from actors.hypervisor.arguments import Arguments, Result, number
from actors.hypervisor.call import Call, Commands, Method, unknown
from actors.hypervisor.domains import Domain

RUNSTATE_RUNNING: Final = 0
RUNSTATE_BLOCKED: Final = 2
RUNSTATE_OFFLINE: Final = 3
MIN_PERIOD_NS: Final = 1_000_000


class VcpuOps:
    """The commands of vcpu_op."""

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Vcpuop.initialise: _checked(_initialise),
            Vcpuop.up: _checked(_up),
            Vcpuop.down: _checked(_down),
            Vcpuop.is_up: _checked(lambda caller, each: int(each["vcpu"] in caller.online)),
            Vcpuop.get_runstate_info: _checked(_runstate),
            Vcpuop.set_periodic_timer: _checked(_set_periodic_timer),
            Vcpuop.stop_periodic_timer: _checked(_nothing),
        }

    def unknown(self) -> Call:
        """A command that is not in the table: the vcpu is looked at first."""
        return Call(_checked(unknown), "vcpu_op.unknown")


def _checked(method: Method) -> Method:
    def checked(caller: Domain, arguments: Arguments) -> Result:
        vcpu = number(arguments, "vcpu")
        if not 0 <= vcpu < caller.nr_vcpus:
            raise XenError(Errno.ENOENT, f"no vcpu {vcpu}")
        return method(caller, arguments)

    return checked


def _nothing(_caller: Domain, _arguments: Arguments) -> Result:
    return 0


def _initialise(_caller: Domain, arguments: Arguments) -> Result:
    raise XenError(Errno.EEXIST, f"vcpu {arguments['vcpu']} is initialised")


def _up(caller: Domain, arguments: Arguments) -> Result:
    caller.online.add(number(arguments, "vcpu"))
    return 0


def _down(caller: Domain, arguments: Arguments) -> Result:
    caller.online.discard(number(arguments, "vcpu"))
    return 0


def _runstate(caller: Domain, arguments: Arguments) -> Result:
    vcpu = number(arguments, "vcpu")
    if vcpu not in caller.online:
        return 0, {"state": RUNSTATE_OFFLINE}
    return 0, {"state": RUNSTATE_BLOCKED if vcpu else RUNSTATE_RUNNING}


def _set_periodic_timer(_caller: Domain, arguments: Arguments) -> Result:
    if number(arguments, "period_ns") < MIN_PERIOD_NS:
        raise XenError(Errno.EINVAL, "a period below 1 ms")
    return 0
