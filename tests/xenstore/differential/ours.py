"""Our store as a client sees it: the machine alone, driven as the daemon drives it."""

from actors.abi.errno import Errno
from actors.abi.xs_wire import HEADER_BYTES, XsType, unpack_header
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.requests import Introduction, Outgoing, Output, Released
from actors.xenstore.store import XenStore
from tests.xenstore.differential.steps import DESTROY, DOMAINS, SHUTDOWN, TOOLS, Heard

NOBODY = -1
"""Who asks when the hypervisor has news."""


class OurStore:
    """A store, its clients, and what the daemon does for them with the hypervisor's help."""

    def __init__(self) -> None:
        self.store = XenStore(own_domid=CONTROL_DOMAIN)
        self._connections = {
            each: self.store.clients.connect(CONTROL_DOMAIN, privileged=True) for each in TOOLS
        }

    def take(self, client: int, kind: int, tx_id: int, payload: bytes) -> Heard:
        """Do a step; everything that was said."""
        heard = Heard(None)
        if kind in {SHUTDOWN, DESTROY}:
            self._state_changed(kind, int(payload), heard)
        elif client in self._connections:
            self._hear(client, heard, self.store.handle(self._connections[client], kind, 1, tx_id, payload))
        self.store.check_touched()
        return heard

    def _state_changed(self, kind: int, domid: int, heard: Heard) -> None:
        if domid not in [DOMAINS[each] for each in self._connections if each in DOMAINS]:
            return
        if kind == SHUTDOWN:
            self._hear(NOBODY, heard, self.store.domains.shut_down(domid))
        else:
            outputs = self.store.domains.remove(domid)
            self._forget(domid)
            self._hear(NOBODY, heard, outputs)

    def _forget(self, domid: int) -> None:
        for client, of in DOMAINS.items():
            if of == domid:
                self._connections.pop(client, None)

    def _hear(self, asker: int, heard: Heard, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Introduction):
                self._introduce(asker, heard, output)
            elif isinstance(output, Released):
                self._forget(output.domid)
            elif isinstance(output, Outgoing):
                self._said(asker, heard, output.connection, output.message)

    def _introduce(self, asker: int, heard: Heard, request: Introduction) -> None:
        """What the daemon does: it maps the ring, which only some domains have."""
        domid = request.domid
        if domid == CONTROL_DOMAIN or domid not in DOMAINS.values():
            self._hear(asker, heard, [self.store.answer(request, Errno.EINVAL)])
            return
        connection, events = self.store.domains.introduce(domid, request.port)
        client = next(each for each, of in DOMAINS.items() if of == domid)
        self._connections[client] = connection
        self._hear(asker, heard, [*events, self.store.answer(request)])

    def _said(self, asker: int, heard: Heard, connection: int, message: bytes) -> None:
        kind: int = unpack_header(message)[0]
        body = message[HEADER_BYTES:]
        client = next((each for each, its in self._connections.items() if its == connection), None)
        if client is None:
            return
        if kind != XsType.WATCH_EVENT:
            assert (client, heard.answer) == (asker, None), "an answer that nobody waits for"
            heard.answer = kind, body
        elif client == asker and heard.answer is None:
            heard.before.append(body)
        else:
            heard.after.setdefault(client, []).append(body)
