"""A block frontend whose backend is the test."""

from actors.abi.blkif import HEAD, RESPONSE, SEGMENT
from actors.abi.interface import XenbusState as S
from actors.abi.ring import RSP_PROD

BACK = "/local/domain/0/backend/vbd/1/51712"
FRONT = "/local/domain/1/device/vbd/51712"


class Rig:
    """A frontend whose backend is this test: it writes nodes, and reads the ring page."""

    def __init__(self, world, policy="reconnect", *, persistent="1", flush="1"):
        self.world = world
        self.dom0, self.guest = world.boot(0), world.boot(1)
        world.attach_nodes()
        self.front = world.frontend(self.guest, policy)
        self.connected = world.spawn(self.guest, self.front.connect())
        world.nodes |= {f"{BACK}/sectors": "4096", f"{BACK}/info": "0"}
        world.nodes |= {f"{BACK}/feature-persistent": persistent, f"{BACK}/feature-flush-cache": flush}
        world.run()

    def back(self, state):
        self.world.write(f"{BACK}/state", str(int(state)))
        self.world.run()

    def bring_to(self, state):
        """Lead the frontend to one of its states."""
        if state in {S.Initialised, S.Connected, S.Closing, S.Closed}:
            self.back(S.InitWait)
        if state in {S.Connected, S.Closing, S.Closed}:
            self.back(S.Connected)
        if state is S.Closing:
            self.world.spawn(self.guest, self.front.disconnect())
            self.world.run()
        if state is S.Closed:
            self.back(S.Closing)
        assert self.front.state is state

    def key(self, name):
        return self.world.nodes.get(f"{FRONT}/{name}")

    def frame(self, ref):
        return self.guest.frame(int(ref))

    @property
    def page(self):
        return self.frame(self.key("ring-ref"))

    @property
    def words(self):
        return self.page.cast("I")

    def requests(self):
        """(operation, id, sector, [(gref, first, last)]) of everything that was asked."""
        rows = []
        for index in range(self.words[0]):
            offset = 64 + index % 32 * 112
            operation, nr, _, _, ident, sector = HEAD.unpack_from(self.page, offset)
            segments = [SEGMENT.unpack_from(self.page, offset + 24 + 8 * each)[:3] for each in range(nr)]
            rows.append((operation, ident, sector, segments))
        return rows

    def answer(self, *answers):
        """Respond (id, operation, status) rows and send an event."""
        for ident, operation, status in answers:
            index = self.words[RSP_PROD]
            RESPONSE.pack_into(self.page, 64 + index % 32 * 112, ident, operation, status)
            self.words[RSP_PROD] = index + 1
        self.world.notify(self.guest, int(self.key("event-channel")))
        self.world.run()

    def submit(self, operation, sector, data, nr_sectors, **options):
        answers = []
        self.front.submit(
            operation, sector, data, nr_sectors,
            lambda status, read: answers.append((status, bytes(read) if read is not None else None)),
            **options,
        )  # fmt: skip
        self.world.run()
        return answers
