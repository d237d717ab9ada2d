"""Numbers to methods: one dictionary, looked up once for each hypercall.

Rules: what is not in the table is -ENOSYS, after the checks that its hypercall makes before it looks
at the command. Source: xen/include/public/xen.h, xen/arch/x86/hypercall.c, xen/common/multicall.c.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import COMMANDS, Hypercall
from actors.abi.interface import XEN_DOMCTL_INTERFACE_VERSION, XEN_SYSCTL_INTERFACE_VERSION
from actors.hypervisor.arguments import Arguments, Out, Result, mapping, number, number_or, rows
from actors.hypervisor.call import Call, Commands, Method, unknown
from actors.hypervisor.console import Console
from actors.hypervisor.domains import Domain
from actors.hypervisor.domctls import Domctls
from actors.hypervisor.event_channel_ops import EventChannelOps
from actors.hypervisor.grant_ops import GrantOps
from actors.hypervisor.grant_table_ops import GrantTableOps
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.memory_ops import MemoryOps
from actors.hypervisor.pci_ops import PciOps
from actors.hypervisor.physdev_ops import PhysdevOps
from actors.hypervisor.sched_ops import SchedOps
from actors.hypervisor.sysctls import Sysctls
from actors.hypervisor.tmem_ops import TmemOps
from actors.hypervisor.vcpu_ops import VcpuOps
from actors.hypervisor.versions import Versions

MAX_MULTICALLS: Final = 1024
SHALLOW: Final = {
    "event_channel_op.send",
    "event_channel_op.status",
    "event_channel_op.unmask",
    "physdev_op.eoi",
    "physdev_op.irq_status_query",
    "sched_op.watchdog",
    "xen_version.version",
    "console_io.write",
    "domctl.getdomaininfo",
    "sysctl.getdomaininfolist",
}


class HypercallTable:
    """Every hypercall of the simulated Xen.

    `calls` are those with a command; `shallow`, for the machine's shortest path, are those of them that
    change no table but pending events and interrupts in flight.
    """

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self.calls: dict[tuple[int, int], Call] = {}
        domctls, sysctls, console = Domctls(host, lives), Sysctls(host), Console(host)
        release, vcpus = host.platform.release, VcpuOps(host, lives)
        groups: dict[Hypercall, Commands] = {
            Hypercall.event_channel_op: EventChannelOps(host).commands(),
            Hypercall.grant_table_op: GrantOps(host).commands() | GrantTableOps(host).commands(),
            Hypercall.memory_op: MemoryOps(host).commands(),
            Hypercall.physdev_op: PhysdevOps(host).commands() | PciOps(host).commands(),
            Hypercall.sched_op: SchedOps(host, lives).commands(),
            Hypercall.vcpu_op: vcpus.commands(),
            Hypercall.xen_version: Versions(release).commands(),
            Hypercall.console_io: console.commands(),
            Hypercall.tmem_op: TmemOps(host).commands(),
            Hypercall.domctl: domctls.commands(),
            Hypercall.sysctl: sysctls.commands(),
        }
        for hypercall, commands in groups.items():
            for command, method in commands.items():
                name = f"{hypercall.name}.{COMMANDS[hypercall](command).name.rstrip('_')}"
                if release.has(hypercall, command):
                    self.calls[int(hypercall), int(command)] = Call(method, name)
        self.shallow = {pair: call for pair, call in self.calls.items() if call.name in SHALLOW}
        self._others: dict[int, Call] = {
            Hypercall.multicall: Call(self.multicall, "multicall"),
            Hypercall.domctl: domctls.unknown(),
            Hypercall.sysctl: sysctls.unknown(),
            Hypercall.console_io: console.unknown(),
            Hypercall.vcpu_op: vcpus.unknown(),
            Hypercall.set_timer_op: vcpus.timer_call(),
        }
        self._speak(Hypercall.domctl, release.domctl, XEN_DOMCTL_INTERFACE_VERSION)
        self._speak(Hypercall.sysctl, release.sysctl, XEN_SYSCTL_INTERFACE_VERSION)
        self._unknown = Call(unknown, "unknown")

    def _speak(self, hypercall: int, spoken: int, native: int) -> None:
        """Give a hypercall the interface version of this release; its methods know the `native` one."""
        if spoken != native:
            for call in (each for pair, each in self.calls.items() if pair[0] == hypercall):
                call.method = _in_version(call.method, spoken, native)
            self._others[hypercall].method = _in_version(self._others[hypercall].method, spoken, native)

    def find(self, number: int, command: int) -> Call:
        """What a pair of numbers calls; there is something for each."""
        return self.calls.get((number, command)) or self._others.get(number, self._unknown)

    def multicall(self, caller: Domain, arguments: Arguments) -> Result:
        """Entries {op, cmd, args} in their order; their results are `result0`, `result1` and so on.

        An entry that fails does not stop the rest. EINVAL for a multicall in a multicall.
        """
        entries = rows(arguments, "calls")
        if len(entries) > MAX_MULTICALLS:
            raise XenError(Errno.EINVAL, f"{len(entries)} entries")
        out: Out = {}
        sequence, self._host.sequence = self._host.sequence, 0
        try:
            for index, entry in enumerate(entries):
                if self._host.callers.get(caller.link) is not caller:
                    break
                if type(entry) is not dict:
                    raise XenError(Errno.EFAULT, f"entry {index} is not a structure")
                out[f"result{index}"] = self._entry(caller, entry)
        finally:
            self._host.sequence = sequence
        return 0, out

    def _entry(self, caller: Domain, entry: Arguments) -> int:
        op, command = number(entry, "op"), number(entry, "cmd")
        call = self.find(op, command)
        if op == Hypercall.multicall:
            caller.hypercalls_refused += 1
            return -Errno.EINVAL
        caller.hypercalls[call.name] += 1
        try:
            result = call.method(caller, mapping(entry, "args"))
        except XenError as error:
            caller.hypercalls_refused += 1
            return -int(error.errno)
        if result is None:
            return 0
        ret = result if isinstance(result, int) else result[0]
        if ret < 0:
            caller.hypercalls_refused += 1
        return ret


def _in_version(method: Method, spoken: int, native: int) -> Method:
    def translated(caller: Domain, arguments: Arguments) -> Result:
        asked = number_or(arguments, "interface_version", spoken)
        # Any other version is wrong for the method, too, which decides when it says so.
        wanted = native if asked == spoken else ~native
        return method(caller, {**arguments, "interface_version": wanted})

    return translated
