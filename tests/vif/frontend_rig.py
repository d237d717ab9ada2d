"""A network frontend whose backend is the test: it writes nodes, and reads and fills the ring pages."""

from actors.abi.interface import XenbusState as S
from actors.abi.netif import EXTRA, RX_REQUEST, RX_RESPONSE, TX_REQUEST, TX_RESPONSE, NetifStatus, TxFlags
from actors.abi.ring import RSP_PROD
from actors.network.packet import Packet
from actors.policies import Frontend
from actors.vif.netfront import Netfront
from tests.xen.split_world import World

BACK = "/local/domain/0/backend/vif/1/0"
FRONT = "/local/domain/1/device/vif/0"
FEATURES = {
    "feature-rx-copy": "1",
    "feature-sg": "1",
    "feature-gso-tcpv4": "1",
    "feature-split-event-channels": "1",
    "multi-queue-max-queues": "2",
}


class Rig:
    """The frontend, and what its user has heard."""

    def __init__(self, policy="reconnect", *, queues=1, **features):
        self.world = World()
        self.dom0, self.guest = self.world.boot(0), self.world.boot(1)
        self.world.attach_nodes("vif/0")
        self.tell(**features)
        self.front = Netfront(self.guest.kernel, self.guest.store, "device/vif/0", Frontend(policy))
        self.front.queues_wanted = queues
        self.packets, self.rooms, self.announced = [], [], 0
        self.front.on_packet = self.packets.append
        self.front.on_room = lambda: self.rooms.append(True)
        self.front.on_connected = self._announce
        self.connected = self.world.spawn(self.guest, self.begin())
        self.cons = 0
        self.world.run()

    def begin(self):
        """What its user does to connect it."""
        return self.front.connect()

    def _announce(self):
        self.announced += 1

    def tell(self, **features):
        told = FEATURES | {key.replace("_", "-"): value for key, value in features.items()}
        for key, value in told.items():
            self.world.nodes.pop(f"{BACK}/{key}", None)
            if value is not None:
                self.world.nodes[f"{BACK}/{key}"] = value

    def back(self, state, invitation=None):
        if invitation is not None:
            self.world.nodes[f"{BACK}/invitation"] = invitation
        self.world.write(f"{BACK}/state", str(int(state)))
        self.world.run()

    def bring_to(self, state):
        if state in {S.Initialised, S.Connected, S.Closing, S.Closed}:
            self.back(S.InitWait, "1")
        if state in {S.Connected, S.Closing, S.Closed}:
            self.back(S.Connected)
        if state is S.Closing:
            self.world.spawn(self.guest, self.front.disconnect())
            self.world.run()
        if state is S.Closed:
            self.back(S.Closing)
        assert self.front.state is state
        return self

    def key(self, name):
        return self.world.nodes.get(f"{FRONT}/{name}")

    def page(self, ring, queue=""):
        return self.guest.frame(int(self.key(f"{queue}{ring}-ring-ref")))

    def port(self, ring, queue=""):
        return int(self.key(f"{queue}event-channel-{ring}") or self.key(f"{queue}event-channel"))

    # Transmits.

    def slots(self, queue=""):
        """(gref, offset, flags, id, size) of every request without an answer, extras as (type, size, gso)."""
        page = self.page("tx", queue)
        rows, extra = [], False
        words = page.cast("I")
        for index in range(words[RSP_PROD], words[0]):
            at = 64 + index % 256 * 12
            if extra:
                kind, _, size, gso, _, _ = EXTRA.unpack_from(page, at)
                rows.append((kind, size, gso))
                extra = False
            else:
                rows.append(TX_REQUEST.unpack_from(page, at))
                extra = bool(rows[-1][2] & TxFlags.EXTRA_INFO)
        return rows

    def sent(self, queue=""):
        """The bytes of the packets in the transmit ring, as a backend puts them together."""
        frames, left = [], 0
        for slot in (each for each in self.slots(queue) if len(each) == 5):
            gref, offset, flags, _, size = slot
            if not left:
                total, parts = size, []
                rest = [each[4] for each in self._chain(queue, slot)]
                size = total - sum(rest)
                left = 1 + len(rest)
            parts.append(bytes(self.guest.frame(gref)[offset : offset + size]))
            left -= 1
            assert bool(flags & TxFlags.MORE_DATA) == bool(left)
            if not left:
                frames.append(b"".join(parts))
        return frames

    def _chain(self, queue, first):
        slots = [each for each in self.slots(queue) if len(each) == 5]
        at = slots.index(first)
        while slots[at][2] & TxFlags.MORE_DATA:
            at += 1
            yield slots[at]

    def answer(self, *answers):
        """Respond (id, status) rows to transmits, and send an event."""
        page = self.page("tx")
        words = page.cast("I")
        for ident, status in answers:
            TX_RESPONSE.pack_into(page, 64 + words[RSP_PROD] % 256 * 12, ident, status)
            words[RSP_PROD] += 1
        self.event("tx")

    def answer_all(self):
        """Take every request that there is, as a backend that is content."""
        rows = self.slots()
        self.answer(*((each[3], 0) if len(each) == 5 else (0, int(NetifStatus.NULL)) for each in rows))

    def event(self, ring):
        self.world.notify(self.guest, self.port(ring))
        self.world.run()

    # Receipts.

    def posted(self, queue=""):
        """(id, gref) of every buffer that is posted and was not answered."""
        page = self.page("rx", queue)
        words = page.cast("I")
        rows = [RX_REQUEST.unpack_from(page, 64 + each % 256 * 8) for each in range(words[2], words[0])]
        return [(ident, gref) for ident, _, gref in rows]

    def fill(self, *slots, event=True):
        """Respond to the next buffers: (data, flags) rows, put at an offset of 16, or a slot's bytes."""
        page = self.page("rx")
        words = page.cast("I")
        for slot in slots:
            ident, gref = self.posted()[0]
            at = 64 + words[RSP_PROD] % 256 * 8
            if isinstance(slot, bytes):
                page[at : at + 8] = slot
            else:
                data, flags = slot
                self.guest.frame(gref)[16 : 16 + len(data)] = data
                RX_RESPONSE.pack_into(page, at, ident, 16, flags, len(data))
            words[RSP_PROD] += 1
        if event:
            self.event("rx")

    def send(self, frame, segment_bytes=0, *, blank=False, validated=False):
        taken = self.front.send(Packet(frame, segment_bytes, blank, validated))
        self.world.run()
        return taken
