"""A store that is driven by scripts of rows, and a hypervisor that knows just enough for the daemon."""

from dataclasses import dataclass, field, replace

import pytest

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Evtchnop, Gnttabop, Sysctl
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import DominfFlags, EvtchnStatus, GrantStatus
from actors.abi.releases import RELEASES
from actors.abi.xs_wire import XsType, unpack_header
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Threads
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.messages import Hypercall, HypercallReply, Upcall
from actors.runtime.machine import LinkOpened, Log, Received, Send
from actors.runtime.memory import SparseMemory
from actors.start_info import StartInfo, write_start_info
from actors.xenstore.requests import Outgoing
from actors.xenstore.store import Store
from actors.xenstore.stub_domain import XenstoreDomain

LATER = replace(RELEASES["4.17"], name="4.22", number=(4, 22))
XS = {each.name: each for each in XsType}


class Script:
    """Clients 0 (privileged), 1, 2, ... of one store; each call checks that a refusal changes nothing."""

    def __init__(self, **quotas):
        self.store = Store(**quotas)
        self.connections = {0: self.store.connect(0, privileged=True)}
        self.events = []

    def connection(self, domid):
        if domid not in self.connections:
            self.connections[domid] = self.store.connect(domid, privileged=False)
        return self.connections[domid]

    def tree(self):
        return {
            path: (node.value, node.permissions, tuple(node.children), node.generation)
            for path, node in self.store.tree._nodes.items()
        }

    def ask(self, domid, tx, name, payload):
        before = self.tree()
        outputs = self.store.handle(self.connection(domid), XS[name], 9, tx, payload)
        self.store.check()
        answer = None
        by_connection = {number: domid for domid, number in self.connections.items()}
        for output in outputs:
            if not isinstance(output, Outgoing):
                self.events.append(output)
                continue
            kind, req_id, _, length = unpack_header(output.message)
            body = output.message[16:]
            assert len(body) == length
            if kind == XsType.WATCH_EVENT:
                path, token, _ = body.split(b"\0")
                self.events.append((by_connection[output.connection], path.decode(), token.decode()))
            else:
                assert (output.connection, req_id, answer) == (self.connections[domid], 9, None)
                answer = body.rstrip(b"\0").decode() if kind == XsType.ERROR else body
        if isinstance(answer, str):
            assert self.tree() == before, "a refused request changed the tree"
        return answer

    def introduce(self, domid):
        """A domain whose ring is served; its connection is then that of its ring."""
        self.connections[domid], outputs = self.store.introduce(domid)
        self.heard(outputs)

    def remove(self, domid):
        """A domain is gone for good."""
        outputs = self.store.remove(domid)
        self.store.check()
        self.heard(outputs)
        self.connections.pop(domid, None)

    def heard(self, outputs):
        """What was told without having been asked: watch events alone."""
        by_connection = {number: domid for domid, number in self.connections.items()}
        for output in outputs:
            path, token, _ = output.message[16:].split(b"\0")
            assert unpack_header(output.message)[0] == XsType.WATCH_EVENT
            self.events.append((by_connection[output.connection], path.decode(), token.decode()))

    def take_events(self):
        events, self.events = self.events, []
        return events

    def run(self, *rows):
        """Rows of (domain, transaction, request, payload, expected answer)."""
        for domid, tx, name, payload, expected in rows:
            data = payload if isinstance(payload, bytes) else payload.encode()
            answer = self.ask(domid, tx, name, data)
            assert answer == expected, f"domain {domid} {name} {payload!r}"


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def later():
    """A store of a Xen that has everything."""
    return Script(release=LATER)


@pytest.fixture
def make_script():
    return Script


def started(threads, coroutine, settle):
    """A coroutine begun as a thread, and `settle` called; a list that gets its result or its XenError."""
    results = []

    async def body():
        try:
            results.append(await coroutine)
        except XenError as error:
            results.append(error)

    threads.spawn("test", body())
    settle()
    return results


def result_of(results):
    """The one result, or the XenError raised."""
    (result,) = results
    if isinstance(result, Exception):
        raise result
    return result


@dataclass
class Domain:
    """A domain as the fake hypervisor has it: `mfn` is what its grant 1 shows, `port` awaits us."""

    mfn: int
    port: int = 3
    flags: int = int(DominfFlags.running)
    bound: int = 0


@dataclass
class FakeXen:
    """Answers the hypercalls of one kernel and delivers events to it and to ring clients."""

    memory: SparseMemory
    domains: dict[int, Domain] = field(default_factory=dict)
    maps: dict[int, tuple[int, int]] = field(default_factory=dict)
    kicked: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    unbound: set[int] = field(default_factory=set)
    next_port: int = 10
    next_handle: int = 1
    virq_port: int = 0
    virq_refused: bool = False
    now_ns: int = 0
    guests: dict[int, Xenbus] = field(default_factory=dict)

    def boot(self, kernel):
        self.kernel = kernel
        self.handle(LinkOpened("xen"))

    def do(self, coroutine):
        """The result of a coroutine of the kernel that has to end."""
        return result_of(started(self.kernel.threads, coroutine, lambda: self.handle(None)))

    def handle(self, event):
        pending = [event]
        while pending:
            effects = self.kernel.handle(pending.pop(0), self.now_ns)
            effects += self.kernel.end_turn(self.now_ns)
            for effect in effects:
                if isinstance(effect, Log):
                    self.logs.append(effect.text)
                elif isinstance(effect, Send) and isinstance(effect.message, Hypercall):
                    reply = self.answer(effect.message)
                    if effect.message.sequence:
                        pending.append(Received("xen", reply))
        self.kernel.check()

    def event(self, port):
        self.handle(Received("xen", Upcall([port])))

    def virq(self):
        self.event(self.virq_port)

    def answer(self, call):
        arguments = call.arguments
        method = {
            (Number.grant_table_op, Gnttabop.map_grant_ref): self.map,
            (Number.grant_table_op, Gnttabop.unmap_grant_ref): self.unmap,
            (Number.grant_table_op, Gnttabop.setup_table): lambda _: (0, {"status": 0, "frame_list": [90]}),
            (Number.event_channel_op, Evtchnop.bind_interdomain): self.bind,
            (Number.event_channel_op, Evtchnop.bind_virq): self.bind_virq,
            (Number.event_channel_op, Evtchnop.send): self.send,
            (Number.event_channel_op, Evtchnop.close): self.close,
            (Number.event_channel_op, Evtchnop.status): self.status,
            (Number.domctl, Domctl.getdomaininfo): self.info,
            (Number.sysctl, Sysctl.getdomaininfolist): self.list,
        }[(call.number, call.command)]
        ret, out = method(arguments)
        return HypercallReply(call.sequence, ret, out)

    def map(self, arguments):
        domain = self.domains.get(arguments["dom"])
        if domain is None or domain.mfn == 0:
            return 0, {"status": int(GrantStatus.bad_domain)}
        assert arguments["ref"] == 1
        self.next_handle += 1
        self.maps[self.next_handle] = (arguments["dom"], domain.mfn)
        return 0, {"status": 0, "handle": self.next_handle, "dev_bus_addr": domain.mfn << 12}

    def unmap(self, arguments):
        del self.maps[arguments["handle"]]
        return 0, {"status": 0}

    def bind(self, arguments):
        domain = self.domains.get(arguments["remote_dom"])
        if domain is None or domain.port != arguments["remote_port"]:
            return -Errno.EINVAL, None
        self.next_port += 1
        domain.bound = self.next_port
        return 0, {"local_port": self.next_port}

    def bind_virq(self, arguments):
        if self.virq_refused:
            return -Errno.EBUSY, None
        self.next_port += 1
        self.virq_port = self.next_port
        return 0, {"port": self.next_port}

    def send(self, arguments):
        self.kicked.append(arguments["port"])
        return 0, None

    def close(self, arguments):
        self.closed.append(arguments["port"])
        return 0, None

    def status(self, arguments):
        unbound = arguments["port"] in self.unbound
        return 0, {"status": int(EvtchnStatus.unbound if unbound else EvtchnStatus.interdomain)}

    def info(self, arguments):
        for domid in sorted(self.domains):
            if domid >= arguments["domain"]:
                return 0, {"domain": domid, "flags": int(self.domains[domid].flags)}
        return -Errno.ESRCH, None

    def list(self, arguments):
        assert not isinstance(self.kernel, XenstoreDomain), "the stub may not ask for that"
        rows = [{"domain": domid, "flags": int(each.flags)} for domid, each in sorted(self.domains.items())]
        return 0, {"domains": rows}

    def page(self, mfn):
        return XsRing(self.memory.frame(mfn), self.memory.words(mfn))

    def guest(self, domid, mfn, *, reconnect=True, port=3):
        """A domain with a XenStore client of its own; `run_guest` is its vcpu."""
        self.domains[domid] = Domain(mfn, port)
        threads, logs, kicks = Threads(), [], []
        transport = RingTransport(self.page(mfn), lambda: kicks.append(domid))
        xenbus = Xenbus(threads, transport, reconnect=reconnect, log=logs.append)
        return Guest(self, domid, threads, xenbus, kicks, logs)


@dataclass
class Guest:
    """A XenStore client in a domain of its own."""

    xen: FakeXen
    domid: int
    threads: Threads
    xenbus: Xenbus
    kicks: list[int]
    logs: list[str]

    def settle(self):
        """Carry events to and fro until nobody sends one."""
        domain = self.xen.domains[self.domid]
        for _ in range(10_000):
            self.threads.run(0)
            if domain.bound in self.xen.kicked:
                self.xen.kicked = [each for each in self.xen.kicked if each != domain.bound]
                self.xenbus.on_event()
            elif self.kicks:
                self.kicks.clear()
                if domain.bound:
                    self.xen.event(domain.bound)
            else:
                return
        raise AssertionError("events for ever")

    def start(self, coroutine):
        """Run a coroutine as a thread; a list that gets its result or its XenError."""
        return started(self.threads, coroutine, self.settle)

    def do(self, coroutine):
        """The result of a coroutine that has to end."""
        return result_of(self.start(coroutine))


@pytest.fixture
def make_xen():
    """A fake hypervisor, and a kernel of the class that is asked for, not yet booted."""

    def make(kernel_class=Kernel, **start):
        memory = SparseMemory(256)
        write_start_info(memory, [0], StartInfo(nr_pages=64, **start))
        return FakeXen(memory), kernel_class(memory, [[0, 0, 64]])

    return make
