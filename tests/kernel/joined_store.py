"""A XenStore client and a store with a ring page between them, and nothing else."""

from actors.abi.errno import XenError
from actors.kernel.grants import Mapping
from actors.kernel.threads import Threads
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.xenstore.requests import Outgoing
from actors.xenstore.ring_client import RingClient
from actors.xenstore.store import XenStore


class Joined:
    """A client and a store with a ring page between them, and nothing else."""

    def __init__(self, *, reconnect=True):
        view = memoryview(bytearray(4096))
        words = view.cast("I")
        self.page = XsRing(view, words)
        self.logs, self.log_of_requests = [], []
        self.client_owed = self.server_owed = False
        self.threads = Threads()
        self.xenbus = Xenbus(
            self.threads,
            RingTransport(XsRing(view, words), self.kick_server),
            reconnect=reconnect,
            log=self.logs.append,
        )
        self.serve(XenStore())

    def serve(self, store):
        """A server takes the ring over."""
        self.store = store
        self.connection, _ = store.domains.introduce(0, privileged=True)
        self.ring = RingClient(0, self.page, Mapping(1, 1), None)
        self.ring.notify = self.kick_client
        self.ring.take_over(store.domains.features(0))
        self.other = store.clients.connect(0, privileged=True)

    def kick_server(self):
        self.server_owed = True

    def kick_client(self):
        self.client_owed = True

    def server_turn(self):
        if self.ring.wants_reconnect:
            self.store.clients.reset(self.connection)
            self.ring.renew()
            self.ring.settle()
            return
        self.ring.settle()
        while requests := self.ring.requests():
            for each in requests:
                self.log_of_requests.append((each.kind, each.payload, each.tx_id))
                self.send(
                    self.store.handle(self.connection, each.kind, each.req_id, each.tx_id, each.payload)
                )
            self.ring.settle()

    def send(self, outputs):
        for output in outputs:
            if isinstance(output, Outgoing) and output.connection == self.connection:
                self.ring.send(output.message, 0)

    def ask_other(self, kind, payload):
        """Another client does something."""
        self.send(self.store.handle(self.other, kind, 1, 0, payload))
        self.ring.settle()

    def settle(self, *, served=True):
        self.threads.run(0)
        while self.client_owed or (served and self.server_owed):
            if self.client_owed:
                self.client_owed = False
                self.xenbus.on_event()
            elif self.server_owed:
                self.server_owed = False
                self.server_turn()
            self.threads.run(0)
        self.store.check()

    def start(self, coroutine, *, served=True):
        results = []

        async def body():
            try:
                results.append(await coroutine)
            except XenError as error:
                results.append(error.errno)

        results_thread = self.threads.spawn("test", body())
        self.settle(served=served)
        self.thread = results_thread
        return results

    def do(self, coroutine):
        (result,) = self.start(coroutine)
        return result
