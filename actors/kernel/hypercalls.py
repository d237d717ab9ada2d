"""The door to the hypervisor: calls that are answered, and posts that are not.

Rules: everything leaves through the effect list of the kernel's turn, in the order of the calls. That upcalls
were taken is said by the next call: a message of its own would wake the hypervisor for nothing.
"""

from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import (
    COMMANDS,
    Domctl,
    Evtchnop,
    Gnttabop,
    Memop,
    Physdevop,
    Schedop,
    Sysctl,
    Xenver,
)
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import ShutdownReason
from actors.abi.releases import RELEASES, Release
from actors.kernel.threads import Future
from actors.messages import UPCALL_WINDOW, GrantRevoke, Hypercall, HypercallReply, UpcallTaken

Argument = int | bytes | str | bool | list[object]


class Hypercalls:
    """Issues hypercalls and matches the replies. `release` is the Xen whose toolstack interface is spoken.

    While it is `suspended` the domain waits to be resumed, be it with another link to the hypervisor.
    """

    def __init__(self, send: Callable[[object], None]) -> None:
        self._send = send
        self._sequence = 0
        self._waiting: dict[int, Future[HypercallReply]] = {}
        self._upcalls_taken = 0
        self.release: Release = RELEASES["4.17"]
        self.suspended = False

    def call(self, number: int, command: int, arguments: dict[str, object]) -> Future[HypercallReply]:
        """Issue a hypercall; the reply whatever it says."""
        self._sequence += 1
        future: Future[HypercallReply] = Future()
        self._waiting[self._sequence] = future
        self._issue(self._sequence, number, command, arguments)
        return future

    def post(self, number: int, command: int, arguments: dict[str, object]) -> None:
        """Issue a hypercall without waiting for what it returns."""
        self._issue(0, number, command, arguments)

    def upcall_taken(self) -> None:
        """One more upcall to be confirmed."""
        self._upcalls_taken += 1

    def confirm(self) -> None:
        """The turn ends: if no more upcalls would come, say that those that came were taken."""
        if self._upcalls_taken >= UPCALL_WINDOW:
            self._send(UpcallTaken(self._upcalls_taken))
            self._upcalls_taken = 0

    def receive(self, reply: HypercallReply) -> None:
        """A reply has come."""
        future = self._waiting.pop(reply.sequence, None)
        if future is not None:  # nobody waits for what a post returns
            future.set(reply)

    async def checked(self, number: Number, command: int, arguments: dict[str, object]) -> HypercallReply:
        """Issue a hypercall; XenError if it is refused."""
        reply = await self.call(number, command, arguments)
        if reply.ret < 0:
            names = COMMANDS.get(number)
            what = f"{number.name}.{names(command).name if names else command}"
            raise XenError(Errno(-reply.ret), f"{what} {arguments}")
        return reply

    async def event_channel_op(self, command: Evtchnop, **arguments: Argument) -> dict[str, object]:
        """EVTCHNOP_*; the fields filled in."""
        return (await self.checked(Number.event_channel_op, command, dict(arguments))).out or {}

    async def grant_table_op(self, command: Gnttabop, **arguments: Argument) -> dict[str, object]:
        """GNTTABOP_*; the fields filled in, `status` among them."""
        return (await self.checked(Number.grant_table_op, command, dict(arguments))).out or {}

    async def memory_op(self, command: Memop, **arguments: Argument) -> HypercallReply:
        """XENMEM_*; the reply, since `ret` is a count."""
        return await self.checked(Number.memory_op, command, dict(arguments))

    async def physdev_op(self, command: Physdevop, **arguments: Argument) -> dict[str, object]:
        """PHYSDEVOP_*; the fields filled in."""
        return (await self.checked(Number.physdev_op, command, dict(arguments))).out or {}

    async def sched_op(self, command: Schedop, **arguments: Argument) -> int:
        """SCHEDOP_*; what it returned."""
        return (await self.checked(Number.sched_op, command, dict(arguments))).ret

    async def domctl(self, command: Domctl, **arguments: Argument) -> dict[str, object]:
        """XEN_DOMCTL_*; the fields filled in."""
        arguments["interface_version"] = self.release.domctl
        return (await self.checked(Number.domctl, command, dict(arguments))).out or {}

    async def sysctl(self, command: Sysctl, **arguments: Argument) -> dict[str, object]:
        """XEN_SYSCTL_*; the fields filled in."""
        arguments["interface_version"] = self.release.sysctl
        return (await self.checked(Number.sysctl, command, dict(arguments))).out or {}

    async def suspend(self) -> None:
        """SCHEDOP_shutdown for a suspend; returns when the domain is resumed."""
        self.suspended = True
        await self.sched_op(Schedop.shutdown, reason=int(ShutdownReason.suspend))
        self.suspended = False

    async def version(self) -> tuple[int, int]:
        """Which Xen this is."""
        ret = (await self.checked(Number.xen_version, Xenver.version, {})).ret
        return ret >> 16, ret & 0xFFFF

    def _issue(self, sequence: int, number: int, command: int, arguments: dict[str, object]) -> None:
        self._send(Hypercall(sequence, number, command, arguments, self._upcalls_taken))
        self._upcalls_taken = 0

    async def revoke(self, ref: int) -> bool:
        """Clear a grant entry of ours; False while somebody has it mapped."""
        self._sequence += 1
        future: Future[HypercallReply] = Future()
        self._waiting[self._sequence] = future
        self._send(GrantRevoke(self._sequence, ref))
        return (await future).ret == 0
