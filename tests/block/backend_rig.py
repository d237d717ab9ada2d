"""A block backend whose frontend is the test."""

from actors.abi.blkif import HEAD, RESPONSE, SEGMENT
from actors.abi.interface import XenbusState as S
from actors.kernel.ring import FrontRing

BACK = "/local/domain/0/backend/vbd/1/51712"
FRONT = "/local/domain/1/device/vbd/51712"
OWN = [S.InitWait, S.Connected, S.Closing, S.Closed]


class Rig:
    """A backend whose frontend writes nodes, grants frames and fills the ring."""

    def __init__(self, world, volume, policy="renegotiate", *, persistent="1"):
        self.world, self.volume = world, volume
        self.dom0, self.guest = world.boot(0), world.boot(1)
        world.attach_nodes()
        self.pages = self.guest.kernel.pages
        self.ring_gfn = self.pages.allocate()
        self.page = self.pages.frame(self.ring_gfn)
        self.ring = FrontRing(self.pages.words(self.ring_gfn), 112)
        self.words = self.pages.words(self.ring_gfn)
        self.port = port = world.call(self.guest, self.guest.kernel.irq.alloc_unbound(0))
        self.events = 0
        self.guest.kernel.irq.bind(port, "", "", self._count)
        world.nodes |= {
            f"{FRONT}/ring-ref": str(self.grant(self.ring_gfn)),
            f"{FRONT}/event-channel": str(port),
            f"{FRONT}/protocol": "x86_64-abi",
            f"{FRONT}/feature-persistent": persistent,
        }
        self.back = world.backend(self.dom0, volume, policy)
        world.run()

    def _count(self):
        self.events += 1

    def grant(self, gfn, readonly=False):
        return self.world.call(self.guest, self.guest.kernel.grants.grant(0, gfn, readonly=readonly))

    def data_frame(self):
        gfn = self.pages.allocate()
        return self.grant(gfn), self.pages.frame(gfn)

    def front(self, state):
        self.world.write(f"{FRONT}/state", str(int(state)))
        self.world.run()

    def bring_to(self, state):
        if state in {S.Connected, S.Closing}:
            self.front(S.Initialised)
        if state is S.Closing:
            self.front(S.Closing)
        if state is S.Closed:
            self.front(S.Closed)
        assert self.back.state is state

    def key(self, name):
        return self.world.nodes.get(f"{BACK}/{name}")

    def put(self, operation, ident, sector, segments, nr_segments=None):
        offset = self.ring.put()
        count = len(segments) if nr_segments is None else nr_segments
        HEAD.pack_into(self.page, offset, operation, count, 0, 0, ident, sector)
        for index, segment in enumerate(segments):
            SEGMENT.pack_into(self.page, offset + 24 + 8 * index, *segment, 0)

    def push(self):
        if self.ring.push():
            self.kick()
        self.world.run()
        return self.responses()

    def kick(self):
        self.world.xen.kick(self.guest.domid, self.port)

    def responses(self):
        return [RESPONSE.unpack_from(self.page, self.ring.take()) for _ in range(self.ring.available())]
