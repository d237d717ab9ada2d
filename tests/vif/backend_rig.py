"""Network backends whose frontends are the test: each grants rings and frames, and fills them as it likes."""

from actors.abi.interface import XenbusState as S
from actors.abi.netif import (
    CTRL_REQUEST,
    CTRL_RESPONSE,
    CTRL_SLOT_BYTES,
    EXTRA,
    RX_REQUEST,
    RX_RESPONSE,
    RX_SLOT_BYTES,
    TX_REQUEST,
    TX_RESPONSE,
    TX_SLOT_BYTES,
)
from actors.drivers.driven_bridge import DrivenBridge
from actors.kernel.ring import FrontRing
from actors.kernel.xenbus_backend import Served
from actors.policies import Reconnect
from actors.vif.netback import Netback
from tests.xen.split_world import World

MORE, EXTRA_INFO, BLANK, VALIDATED = 4, 8, 1, 2


def mac(domid):
    return bytes([0, 0x16, 0x3E, 0, 0, domid])


def frame(source, target, size=100, fill=b"x"):
    """A frame of this size; addresses are domains'."""
    return (mac(target) + mac(source) + b"\x88\xb5").ljust(size, fill)


class Shared:
    """A ring that a frontend has granted."""

    def __init__(self, vif, slot_bytes):
        pages = vif.guest.kernel.pages
        gfn = pages.allocate()
        self.page, self.words = pages.frame(gfn), pages.words(gfn)
        self.ring = FrontRing(self.words, slot_bytes)
        self.ref = vif.grant(gfn)


class Vif:
    """The interface of one domain, and its backend. `keys` change what the frontend writes (None: not)."""

    def __init__(self, rig, domid, *, queues=1, split=True, control=False, back=(), **keys):
        self.rig, self.domid = rig, domid
        self.world = world = rig.world
        self.guest = world.boot(domid)
        self.front_path = f"/local/domain/{domid}/device/vif/0"
        self.path = f"/local/domain/0/backend/vif/{domid}/0"
        world.nodes |= {
            f"{self.front_path}/backend": self.path,
            f"{self.front_path}/backend-id": "0",
            f"{self.front_path}/state": "1",
            f"{self.path}/frontend": self.front_path,
            f"{self.path}/frontend-id": str(domid),
            f"{self.path}/online": "1",
            f"{self.path}/state": "1",
            f"{self.path}/mac": mac(domid).hex(":"),
            **{f"{self.path}/{key}": value for key, value in back},
        }
        self.events = 0
        self.queues = [
            (Shared(self, TX_SLOT_BYTES), Shared(self, RX_SLOT_BYTES), self.port(), self.port())
            for _ in range(queues)
        ]
        self.control = (Shared(self, CTRL_SLOT_BYTES), self.port()) if control else None
        told = self.offer(split=split) | {key.replace("_", "-"): value for key, value in keys.items()}
        world.nodes |= {f"{self.front_path}/{key}": value for key, value in told.items() if value is not None}
        self.begin()

    def offer(self, *, split):
        told = {
            "request-rx-copy": "1",
            "feature-rx-notify": "1",
            "feature-sg": "1",
            "feature-gso-tcpv4": "1",
            "multi-queue-num-queues": str(len(self.queues)),
        }
        for number, (tx, rx, tx_port, rx_port) in enumerate(self.queues):
            home = f"queue-{number}/" if len(self.queues) > 1 else ""
            told |= {f"{home}tx-ring-ref": str(tx.ref), f"{home}rx-ring-ref": str(rx.ref)}
            if split:
                told |= {f"{home}event-channel-tx": str(tx_port), f"{home}event-channel-rx": str(rx_port)}
            else:
                told[f"{home}event-channel"] = str(tx_port)
        if self.control is not None:
            told |= {"ctrl-ring-ref": str(self.control[0].ref), "event-channel-ctrl": str(self.control[1])}
        return told

    def begin(self):
        served = Served(self.path, self.front_path, self.domid, self.rig.policy, early=True)
        self.back = Netback(self.rig.dom0.kernel, self.rig.dom0.store, served, self.rig.bridge)
        self.rig.dom0.kernel.threads.spawn("vif", self.back.run())
        self.world.run()

    @property
    def tx(self):
        return self.queues[0][0]

    @property
    def rx(self):
        return self.queues[0][1]

    def port(self):
        port = self.world.call(self.guest, self.guest.kernel.irq.alloc_unbound(0))
        self.guest.kernel.irq.bind(port, "", "", self._count)
        return port

    def _count(self):
        self.events += 1

    def grant(self, gfn, readonly=False):
        return self.world.call(self.guest, self.guest.kernel.grants.grant(0, gfn, readonly=readonly))

    def revoke(self, ref):
        return self.world.call(self.guest, self.guest.kernel.grants.revoke(ref))

    def data_frame(self, data=b"", readonly=False):
        gfn = self.guest.kernel.pages.allocate()
        view = self.guest.kernel.pages.frame(gfn)
        view[: len(data)] = data
        return self.grant(gfn, readonly), view

    def front(self, state):
        if state is S.Connected:
            self.world.nodes[f"{self.front_path}/invitation"] = self.key("invitation")
        self.world.write(f"{self.front_path}/state", str(int(state)))
        self.world.run()

    def connect(self):
        self.front(S.Connected)
        assert self.back.state is S.Connected, self.rig.dom0.logs
        return self

    def key(self, name):
        return self.world.nodes.get(f"{self.path}/{name}")

    def announce(self):
        """Have the bridge know where it is; the frame goes nowhere."""
        self.put_frame(frame(self.domid, self.domid))
        self.push()

    # Transmits.

    def put(self, ref, offset, size, flags=0, ident=0):
        TX_REQUEST.pack_into(self.tx.page, self.tx.ring.put(), ref, offset, flags, ident, size)

    def put_extra(self, kind=1, flags=0, size=1448, gso=1):
        EXTRA.pack_into(self.tx.page, self.tx.ring.put(), kind, flags, size, gso, 0, 0)

    def put_frame(self, data, ident=0, flags=0, gso=0):
        """A whole frame, a page a slot; the ids count up."""
        parts = [data[at : at + 4096] for at in range(0, len(data), 4096)]
        for number, part in enumerate(parts):
            ref, _ = self.data_frame(part)
            more = MORE if number < len(parts) - 1 else 0
            first = flags | (EXTRA_INFO if gso else 0) if not number else 0
            self.put(ref, 0, len(part) if number else len(data), first | more, ident + number)
            if gso and not number:
                self.put_extra(size=gso)

    def push(self):
        """Show it; the (id, status) rows that come of it."""
        if self.tx.ring.push():
            self.kick()
        self.world.run()
        return self.answers()

    def kick(self):
        self.world.xen.kick(self.domid, self.queues[0][2])
        self.world.run()

    def answers(self):
        ring = self.tx.ring
        return [TX_RESPONSE.unpack_from(self.tx.page, ring.take()) for _ in range(ring.available())]

    # Receives.

    def post(self, count, first=0, queue=0, ref=None):
        """Buffers with these ids; their bytes."""
        _, rx, _, port = self.queues[queue]
        views = []
        for ident in range(first, first + count):
            given, view = (ref, None) if ref is not None else self.data_frame()
            RX_REQUEST.pack_into(rx.page, rx.ring.put(), ident, 0, given)
            views.append(view)
        if rx.ring.push():
            self.world.xen.kick(self.domid, port)
        self.world.run()
        return views

    def received(self, queue=0):
        """(id, offset, flags, status) rows."""
        _, rx, _, _ = self.queues[queue]
        return [RX_RESPONSE.unpack_from(rx.page, rx.ring.take()) for _ in range(rx.ring.available())]

    # The control ring.

    def ask(self, kind, *data, ident=7):
        shared, port = self.control
        CTRL_REQUEST.pack_into(shared.page, shared.ring.put(), ident, kind, *[*data, 0, 0, 0][:3])
        if shared.ring.push():
            self.world.xen.kick(self.domid, port)
        self.world.run()
        (answer,) = [
            CTRL_RESPONSE.unpack_from(shared.page, shared.ring.take()) for _ in range(shared.ring.available())
        ]
        assert answer[:2] == (ident, kind)
        return answer[2:]


class Rig:
    """Domain 0 with a bridge, and interfaces of domains 1, 2... at it."""

    def __init__(self, policy="renegotiate"):
        self.world = World()
        self.policy = Reconnect(policy)
        self.dom0 = self.world.boot(0)
        self.bridge = self.make_bridge()
        self.vifs = {}

    def make_bridge(self):
        kernel = self.dom0.kernel
        return DrivenBridge("xenbr0", lambda: kernel.threads.now_ns)

    def vif(self, domid, **options):
        vif = self.vifs[domid] = Vif(self, domid, **options)
        return vif

    def pair(self, **options):
        """Domain 1, of which a test makes something, and its neighbour, connected."""
        return self.vif(1, **options).connect(), self.vif(2).connect()

    def dom0_again(self):
        self.world.kill(self.dom0)
        self.world.xen.now_ns += 1_000_000
        self.dom0 = self.world.boot(0)
        self.bridge = self.make_bridge()
        for vif in self.vifs.values():
            self.world.write(f"{vif.path}/state", "1")
            vif.begin()
        self.world.run()


def works(source, target, size=200):
    """Whether a frame gets from one interface to another."""
    before = len(target.received())
    views = target.post(1)
    data = frame(source.domid, target.domid, size, b"w")
    source.put_frame(data)
    source.push()
    rows = target.received()
    return not before and [row[3] for row in rows] == [size] and bytes(views[0][:size]) == data
