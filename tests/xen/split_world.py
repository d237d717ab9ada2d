"""A world for split drivers: the hypervisor itself, real kernels, and a store of a few lines.

Rules: nothing happens before `run` or `turn`, so that a test may end a domain after any step. A dom0 that
was killed is there again at once, as the hypervisor has it, and does nothing before it is booted.
"""

from collections.abc import Coroutine
from typing import Any

from actors.abi.errno import XenError
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.messages import Hypercall
from actors.runtime.machine import DeadlinePassed, Effect, Event, Received, Send
from tests.xen.simulated_xen import OWN_SEQUENCE, SimulatedXen
from tests.xen.small_store import SmallStore, StoreClient

PAGES = 512


class Host(SimulatedXen):
    """The domains of the world, each of which runs only when the world has it do so.

    What a wire would do to messages is for other tests, and left out. `hypercalls` are those of kernels.
    """

    def __init__(self) -> None:
        super().__init__({0: Kernel}, dom0_memory_pages=PAGES)
        self.hypercalls = 0

    def run(self) -> None:
        """Whoever has the store runs everything."""

    def _check(self) -> None:
        """Once a turn is enough, in which everything that was touched is looked at."""

    def message(self, link: str, message: object) -> None:
        self.hypercalls += type(message) is Hypercall and message.sequence < OWN_SEQUENCE
        self.feed(Received(link, message))

    def _perform(self, effect: Effect) -> list[Event]:
        if not isinstance(effect, Send):
            return super()._perform(effect)
        self.sent.append((effect.link, effect.message))
        return self._answer(effect.link, effect.message)


class Domain:
    """One incarnation of a domain that runs a kernel."""

    def __init__(self, world: "World", domid: int) -> None:
        self._xen = world.xen
        self.domid = domid
        self.kernel = world.xen.kernels[domid]
        self.logs = world.xen.consoles[domid]
        self.store = StoreClient(world.store, self)

    @property
    def ports(self) -> dict[int, object]:
        """Its ports in use, but for that of its store, and what each is."""
        return self._xen.ports(self.domid)

    def frame(self, ref: int) -> memoryview:
        """The frame that it has granted."""
        return self._xen.memory.frame(self._xen.mfn(self.domid, self._xen.table(self.domid)[2 * ref + 1]))

    def grants(self, ref: int) -> bool:
        """Whether a grant of this reference is valid."""
        return bool(self._xen.table(self.domid)[2 * ref])


class World:
    """Domains, the store, and time."""

    def __init__(self) -> None:
        self.xen = Host()
        self.xen.sleep(0)
        self.xen.boot()
        self.memory = self.xen.memory
        self.store = SmallStore()
        self.domains: dict[int, Domain] = {}

    @property
    def nodes(self) -> dict[str, str]:
        return self.store.nodes

    @nodes.setter
    def nodes(self, nodes: dict[str, str]) -> None:
        self.store.nodes = nodes

    @property
    def watches(self) -> list[Any]:
        return self.store.watches

    @property
    def mapped(self) -> list[tuple[int, int]]:
        """Whose frames domain 0 has mapped, and which."""
        return self.xen.mapped(0)

    # Domains.

    def boot(self, domid: int) -> Domain:
        """Domain 0, which is there, or another, which is made."""
        if domid:
            self.xen.build(domid, Kernel, pages=PAGES, max_grant_frames=8)
            self.xen.unpause(domid)
        self.xen.wake(domid)
        domain = self.domains[domid] = Domain(self, domid)
        self.spawn(domain, domain.kernel.grants.setup())
        self.run()
        return domain

    def kill(self, domain: Domain) -> None:
        """The domain is gone, and what it had with it."""
        del self.domains[domain.domid]
        self.store.forget(domain)
        if domain.domid:
            self.xen.destroy(domain.domid)
        else:
            self.xen.crash(0)
            self.xen.sleep(0)

    def spawn(self, domain: Domain, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine as a thread of this kernel; its value or XenError."""
        answer: Future[Any] = Future()

        async def thread() -> None:
            try:
                answer.set(await coroutine)
            except XenError as error:
                answer.fail(error)

        domain.kernel.threads.spawn("test", thread())
        return answer

    def call(self, domain: Domain, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, which must come without time passing."""
        answer = self.spawn(domain, coroutine)
        self.run()
        assert answer.done, "the call hangs"
        return answer.result()

    def notify(self, domain: Domain, port: int) -> None:
        """An event comes to a port whose other end nobody has bound: the test does, for a moment."""
        xen, remote = self.xen, 0 if domain.domid else 1
        local = xen.out(
            remote,
            "event_channel_op.bind_interdomain",
            "local_port",
            remote_dom=domain.domid,
            remote_port=port,
        )
        xen.kick(remote, local)
        assert xen.ret(remote, "event_channel_op.close", port=local) == 0

    # Time.

    def turn(self) -> bool:
        """A turn of every kernel and of the store; whether anything was done."""
        busy = False
        for domid in list(self.domains):
            busy |= self.xen.turn(domid)
        if busy:
            self.xen.machine.check_turn()
        return self.store.turn() or busy

    def run(self, *, turns: int = 100_000) -> None:
        """Let everything happen that can without time passing."""
        for _ in range(turns):
            if not self.turn():
                return
        raise AssertionError("the world does not come to rest")

    def advance(self, duration_ns: int) -> None:
        """Let time pass; who waits longer than that waits on, and who waits for less is late."""
        self.xen.now_ns += duration_ns
        self.xen.feed(DeadlinePassed())
        self.run()

    # The store, as a toolstack sees it.

    def read(self, path: str) -> str:
        return self.store.read(path)

    def write(self, path: str, value: str) -> None:
        self.store.write(path, value)

    def remove(self, path: str) -> None:
        self.store.remove(path)

    def attach_nodes(self, device: str, *, front_state: int | None = 1) -> None:
        """What the toolstack writes of a device of domain 1 that domain 0 serves, as `vbd/51712`."""
        kind, number = device.split("/")
        front, back = f"/local/domain/1/device/{device}", f"/local/domain/0/backend/{kind}/1/{number}"
        nodes = {
            f"{front}/backend": back,
            f"{front}/backend-id": "0",
            f"{back}/frontend": front,
            f"{back}/frontend-id": "1",
            f"{back}/online": "1",
            f"{back}/state": "1",
        }
        if front_state is not None:
            nodes[f"{front}/state"] = str(front_state)
        self.store.nodes |= nodes
        for path, value in nodes.items():
            self.store.write(path, value)

    def lose_store(self) -> None:
        """The store comes back empty; the server that holds it is another one."""
        self.store.nodes.clear()

    def reconnect_stores(self) -> None:
        for domain in self.domains.values():
            for callback in domain.store.reconnected:
                callback()
