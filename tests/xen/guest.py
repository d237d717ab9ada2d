"""A domain with a XenStore client, as the toolstack builds one: the test is its program."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from actors.kernel.kernel import Kernel
from actors.kernel.store_ring import connect_to_store
from actors.kernel.xenbus import Xenbus
from actors.kernel.xs_ring import XsRing
from actors.runtime.memory import Memory
from tests.xen.simulated_xen import SimulatedXen


class StoreUser(Kernel):
    """A kernel that connects to the store of its start info, and then waits."""

    def __init__(self, memory: Memory, extents: list[list[int]], *, reconnect: bool = True) -> None:
        super().__init__(memory, extents)
        self._reconnect = reconnect

    async def boot(self) -> None:
        self.xenbus = connect_to_store(self, reconnect=self._reconnect)


@dataclass
class Guest:
    """One domain that runs a `StoreUser`. `port` is where it awaits its store."""

    xen: SimulatedXen
    domid: int
    port: int

    @classmethod
    def create(
        cls, xen: SimulatedXen, domid: int, *, reconnect: bool = True, store_domid: int = 0
    ) -> "Guest":
        """A guest that runs, and has not been introduced."""

        def program(memory: Memory, extents: list[list[int]]) -> StoreUser:
            return StoreUser(memory, extents, reconnect=reconnect)

        port = xen.build(domid, program, store_domid=store_domid)
        xen.unpause(domid)
        return cls(xen, domid, port)

    @property
    def kernel(self) -> StoreUser:
        kernel = self.xen.kernels[self.domid]
        assert isinstance(kernel, StoreUser)
        return kernel

    @property
    def xenbus(self) -> Xenbus:
        return self.kernel.xenbus

    @property
    def page(self) -> XsRing:
        """Its ring page, for a test that plays the processor of this domain (which then sleeps)."""
        return self.xen.ring(self.domid)

    @property
    def logs(self) -> list[str]:
        return self.xen.consoles[self.domid]

    def start(self, coroutine: Awaitable[Any]) -> list[Any]:
        """Begin a coroutine as a thread; a list that gets its result or its XenError."""
        return self.xen.start(self.domid, coroutine)

    def do(self, coroutine: Awaitable[Any]) -> Any:
        """The result of a coroutine that has to end."""
        return self.xen.do(self.domid, coroutine)

    def sleep(self) -> None:
        self.xen.sleep(self.domid)

    def wake(self) -> None:
        self.xen.wake(self.domid)

    def kick(self) -> None:
        """Send an event to its store."""
        self.xen.kick(self.domid, self.port)
