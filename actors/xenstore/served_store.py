"""The store as a daemon serves it: who asks it, and where each answer goes.

Rules: requests are answered at once, in the interrupt. With an archive nobody sees an answer before it is
kept, which is at the end of the turn. What only the daemon can do is handed to it.
Source: tools/xenstored/core.c (process_message, the sockets), control.c (live update).
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno
from actors.abi.xs_wire import HEADER_BYTES, unpack_header
from actors.kernel.kernel import Kernel
from actors.kernel.xs_transport import LocalTransport
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.requests import Introduction, LiveUpdate, Outgoing, Output, Printed, Released
from actors.xenstore.ring_client import RingClient
from actors.xenstore.store import Store
from actors.xenstore.takeover import successor_of
from actors.xenstore.turn_end import Sink, TurnEnd


class ServedStore:
    """The store of one daemon, which has to `perform` what needs hypercalls."""

    def __init__(
        self, kernel: Kernel, store: Store, perform: Callable[[Introduction | Released], None]
    ) -> None:
        self.store = store
        self.turn_end: Final = TurnEnd(kernel, self.take_requests)
        self.sinks: dict[int, Sink] = {}
        self._kernel = kernel
        self._perform = perform

    def connect(self, deliver: Sink) -> int:
        """A tool of the control domain; the number of its connection."""
        connection = self.store.clients.connect(CONTROL_DOMAIN, privileged=True)
        self.sinks[connection] = self.turn_end.once_kept(deliver)
        return connection

    def disconnect(self, connection: int) -> None:
        """A tool is gone, with its watches and transactions."""
        del self.sinks[connection]
        self.store.clients.disconnect(connection)

    def connect_kernel(self, transport: LocalTransport) -> None:
        """Serve the kernel in which the daemon runs, which is the control domain's."""
        connection = self.connect(transport.deliver)
        transport.connect(lambda message: self._ask(connection, message))

    def request(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> None:
        """A tool or the kernel asks something; what it is answered leaves with the end of the turn."""
        self.turn_end.owe()
        self._kernel.spend("xenstore")
        self.deliver(self.store.handle(connection, kind, req_id, tx_id, payload))

    def take_requests(self, client: RingClient) -> bool:
        """Do what a ring asks; whether it asked anything."""
        if client.quotas is not None:
            client.quotas = self.store.domains.quotas(client.domid)
        requests = client.requests()
        for each in requests:
            if client.connection is None:
                break
            self._kernel.spend("xenstore")
            self.deliver(
                self.store.handle(client.connection, each.kind, each.req_id, each.tx_id, each.payload)
            )
        return bool(requests)

    def deliver(self, outputs: list[Output]) -> None:
        """Have everybody hear what is for them."""
        for output in outputs:
            if type(output) is Outgoing:
                sink = self.sinks.get(output.connection)
                if sink is not None:
                    sink(output.message)
            elif isinstance(output, Introduction | Released):
                self._perform(output)
            elif isinstance(output, LiveUpdate):
                # Not while transactions are open, unless the client insists.
                busy = self.store.has_transactions and not output.force
                if not busy:
                    self.live_update()
                self.deliver([self.store.answer(output, Errno.EBUSY if busy else None)])
            elif isinstance(output, Printed):
                self._kernel.log(f"xenstored: {output.text}")

    def live_update(self) -> None:
        """Go on as a daemon that was started anew with what this one has; open transactions are aborted."""
        self.store = successor_of(self.store)
        self._kernel.log(
            f"xenstored: live update: {len(self.store.tree)} nodes and every connection taken over"
        )

    def die(self) -> None:
        """Nobody is answered any more."""
        self.turn_end.die()
        self.sinks.clear()

    def _ask(self, connection: int, message: bytes) -> None:
        kind, req_id, tx_id, _ = unpack_header(message)
        self.request(connection, kind, req_id, tx_id, message[HEADER_BYTES:])
