"""A small world for split drivers: real kernels, a hypervisor and a store of a few lines."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Evtchnop, Gnttabop
from actors.abi.hypercalls import Hypercall as Number
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.kernel.xenbus import Watch
from actors.messages import GrantRevoke, Hypercall, HypercallReply, Upcall
from actors.runtime.machine import DeadlinePassed, Log, Received, Send
from actors.runtime.memory import SparseMemory
from actors.start_info import StartInfo, write_start_info

PAGES = 512


class StoreClient:
    """A domain's view of the store; every request takes a turn of the world."""

    def __init__(self, world: "World", domain: "Domain") -> None:
        self._world = world
        self._domain = domain
        self.reconnected: list[Callable[[], None]] = []

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"/local/domain/{self._domain.domid}/{path}"

    async def _request(self, what: Callable[[], Any]) -> Any:
        answer: Future[Any] = Future()

        def serve() -> None:
            try:
                answer.set(what())
            except XenError as error:
                answer.fail(error)

        self._world.requests.append((self._domain, serve))
        return await answer

    async def read(self, path: str) -> str:
        return await self._request(lambda: self._world.read(self._absolute(path)))

    async def write(self, path: str, value: str) -> None:
        await self._request(lambda: self._world.write(self._absolute(path), value))

    async def watch(self, path: str, callback: Callable[[str], None]) -> Watch:
        watch = Watch(path, "", callback)
        entry = (self._domain, self._absolute(path), watch)
        await self._request(lambda: self._world.add_watch(entry))
        return watch

    async def unwatch(self, watch: Watch) -> None:
        self._world.watches = [each for each in self._world.watches if each[2] is not watch]

    async def transact(self, body: Callable[[Any], Awaitable[Any]]) -> Any:
        transaction = StoreTransaction(self)
        result = await body(transaction)

        def commit() -> None:
            for path, value in transaction.written:
                self._world.write(self._absolute(path), value)

        await self._request(commit)
        return result

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        self.reconnected.append(callback)


class StoreTransaction:
    """Writes that are kept until the end."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self.written: list[tuple[str, str]] = []

    async def read(self, path: str) -> str:
        return await self._client.read(path)

    async def write(self, path: str, value: str) -> None:
        self.written.append((path, value))


@dataclass
class Port:
    remote_domid: int
    remote_port: int | None = None


class Domain:
    """One incarnation of a domain."""

    def __init__(self, world: "World", domid: int) -> None:
        self.domid = domid
        self.base = 1 + domid * (PAGES + 64)
        self.table_mfns = [self.base + PAGES + index for index in range(8)]
        memory = world.memory
        write_start_info(memory, [self.base], StartInfo(nr_pages=PAGES))
        for mfn in self.table_mfns:
            memory.frame(mfn)[:] = bytes(4096)
        self.kernel = Kernel(memory, [[0, self.base, PAGES]])
        self.inbox: deque[object] = deque()
        self.ports: dict[int, Port] = {}
        self.pending: dict[int, None] = {}
        self.alive = True
        self.logs: list[str] = []
        self.store = StoreClient(world, self)
        self.next_port = 1


@dataclass
class World:
    """Domains, their grants and ports, the store, and time."""

    memory: SparseMemory = field(default_factory=lambda: SparseMemory(4096))
    domains: dict[int, Domain] = field(default_factory=dict)
    handles: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    watches: list[tuple[Domain, str, Watch]] = field(default_factory=list)
    requests: deque[tuple[Domain, Callable[[], None]]] = field(default_factory=deque)
    events: deque[tuple[Domain, Watch, str]] = field(default_factory=deque)
    next_handle: int = 1
    now_ns: int = 0
    hypercalls: int = 0

    def boot(self, domid: int) -> Domain:
        domain = self.domains[domid] = Domain(self, domid)
        self.spawn(domain, domain.kernel.grants.setup())
        self.run()
        return domain

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

    def kill(self, domain: Domain) -> None:
        """The domain is gone: ports fall back, mappings are released, watches go."""
        domain.alive = False
        del self.domains[domain.domid]
        for port in list(domain.ports):
            self._close(domain, port)
        self.handles = {key: each for key, each in self.handles.items() if each[0] != domain.domid}
        self.watches = [each for each in self.watches if each[0] is not domain]
        self.requests = deque(each for each in self.requests if each[0] is not domain)
        self.events = deque(each for each in self.events if each[0] is not domain)

    def run(self, *, turns: int = 100_000) -> None:
        """Let everything happen that can without time passing."""
        for _ in range(turns):
            if not self._turn():
                return
        raise AssertionError("the world does not come to rest")

    def advance(self, duration_ns: int) -> None:
        self.now_ns += duration_ns
        self.run()

    def _turn(self) -> bool:
        busy = False
        for domain in list(self.domains.values()):
            busy |= self._run_domain(domain)
        if self.requests:
            domain, serve = self.requests.popleft()
            serve()
            return True
        if self.events:
            domain, watch, path = self.events.popleft()
            watch.callback(path)
            return True
        return busy

    def _run_domain(self, domain: Domain) -> bool:
        kernel = domain.kernel
        inbox, domain.inbox = domain.inbox, deque()
        busy = bool(inbox)
        deadline = kernel.next_deadline_ns()
        if deadline is not None and deadline <= self.now_ns:
            busy = True
        effects = kernel.handle(DeadlinePassed(), self.now_ns)
        for message in inbox:
            effects += kernel.handle(Received("xen", message), self.now_ns)
        effects += kernel.end_turn(self.now_ns)
        for effect in effects:
            busy = True
            if isinstance(effect, Log):
                domain.logs.append(effect.text)
            elif isinstance(effect, Send) and domain.alive:
                self._message(domain, effect.message)
        return busy

    def _message(self, domain: Domain, message: object) -> None:
        if isinstance(message, Hypercall):
            self.hypercalls += 1
            try:
                ret, out = 0, self._hypercall(domain, message)
            except XenError as error:
                ret, out = -error.errno, None
            if message.sequence:
                domain.inbox.append(HypercallReply(message.sequence, ret, out))
        elif isinstance(message, GrantRevoke):
            used = any((domain.domid, message.ref) == each[1:] for each in self.handles.values())
            if not used:
                self._entry(domain, message.ref)[0] = 0
            domain.inbox.append(HypercallReply(message.sequence, -Errno.EBUSY if used else 0, None))

    def _entry(self, domain: Domain, ref: int) -> memoryview:
        words = self.memory.words(domain.table_mfns[ref // 512])
        return words[ref % 512 * 2 : ref % 512 * 2 + 2]

    def _hypercall(self, domain: Domain, call: Hypercall) -> dict[str, object] | None:
        arguments: dict[str, Any] = call.arguments
        if call.number == Number.event_channel_op:
            return self._event_channel_op(domain, call.command, arguments)
        assert call.number == Number.grant_table_op
        if call.command == Gnttabop.setup_table:
            return {"status": 0, "frame_list": domain.table_mfns[: arguments["nr_frames"]]}
        one = self._map if call.command == Gnttabop.map_grant_ref else self._unmap
        if "ops" in arguments:
            return {"ops": [one(domain, each) for each in arguments["ops"]]}
        return one(domain, arguments)

    def _map(self, domain: Domain, arguments: dict[str, int]) -> dict[str, object]:
        granter = self.domains.get(arguments["dom"])
        refused = {"status": -1, "handle": 0, "dev_bus_addr": 0}
        if granter is None or not 0 <= arguments["ref"] < 4096:
            return refused
        flags, gfn = self._entry(granter, arguments["ref"])
        if flags >> 16 != domain.domid or flags & 3 != 1 or (flags & 4 and not arguments["flags"] & 4):
            return refused
        handle, self.next_handle = self.next_handle, self.next_handle + 1
        self.handles[handle] = (domain.domid, granter.domid, arguments["ref"])
        return {"status": 0, "handle": handle, "dev_bus_addr": (granter.base + gfn) * 4096}

    def _unmap(self, domain: Domain, arguments: dict[str, int]) -> dict[str, object]:
        if self.handles.get(arguments["handle"], (None,))[0] != domain.domid:
            return {"status": -4}
        del self.handles[arguments["handle"]]
        return {"status": 0}

    def _event_channel_op(self, domain: Domain, command: int, arguments: dict[str, int]) -> dict[str, object]:
        if command == Evtchnop.alloc_unbound:
            return {"port": self._new_port(domain, Port(arguments["remote_dom"]))}
        if command == Evtchnop.bind_interdomain:
            return {"local_port": self._bind(domain, arguments["remote_dom"], arguments["remote_port"])}
        port = arguments["port"]
        if port not in domain.ports:
            raise XenError(Errno.EINVAL, f"port {port}")
        if command == Evtchnop.close:
            self._close(domain, port)
        else:
            remote = domain.ports[port]
            if remote.remote_port is not None:
                self._pend(self.domains[remote.remote_domid], remote.remote_port)
        return {}

    def _new_port(self, domain: Domain, port: Port) -> int:
        number = min(set(range(1, len(domain.ports) + 2)) - set(domain.ports))
        domain.ports[number] = port
        return number

    def _bind(self, domain: Domain, remote_domid: int, remote_port: int) -> int:
        remote = self.domains.get(remote_domid)
        port = remote.ports.get(remote_port) if remote else None
        if port is None or port.remote_port is not None or port.remote_domid != domain.domid:
            raise XenError(Errno.EINVAL, f"port {remote_port} of domain {remote_domid}")
        local = self._new_port(domain, Port(remote_domid, remote_port))
        port.remote_port = local
        self._pend(domain, local)
        return local

    def _pend(self, domain: Domain, port: int) -> None:
        domain.inbox.append(Upcall([port]))

    def _close(self, domain: Domain, number: int) -> None:
        port = domain.ports.pop(number)
        remote = self.domains.get(port.remote_domid)
        if remote is not None and port.remote_port in remote.ports:
            remote.ports[port.remote_port] = Port(domain.domid)

    def read(self, path: str) -> str:
        if path not in self.nodes:
            raise XenError(Errno.ENOENT, path)
        return self.nodes[path]

    def write(self, path: str, value: str) -> None:
        self.nodes[path] = value
        self._fire(path)

    def remove(self, path: str) -> None:
        for each in [each for each in self.nodes if each == path or each.startswith(f"{path}/")]:
            del self.nodes[each]
        self._fire(path)
        for domain, watched, watch in self.watches:
            if watched.startswith(f"{path}/"):
                self.events.append((domain, watch, watched))

    def add_watch(self, entry: tuple[Domain, str, Watch]) -> None:
        self.watches.append(entry)
        self.events.append((entry[0], entry[2], entry[1]))

    def _fire(self, path: str) -> None:
        for domain, watched, watch in self.watches:
            if path == watched or path.startswith(f"{watched}/"):
                self.events.append((domain, watch, path))

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
        self.nodes |= nodes
        for path in nodes:
            self._fire(path)

    def lose_store(self) -> None:
        """The store comes back empty; the server that holds it is another one."""
        self.nodes.clear()

    def reconnect_stores(self) -> None:
        for domain in self.domains.values():
            for callback in domain.store.reconnected:
                callback()
