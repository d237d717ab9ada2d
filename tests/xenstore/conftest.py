"""A store that is driven by scripts of rows, and a host for the daemon."""

from dataclasses import replace

import pytest

from actors.abi.releases import RELEASES
from actors.abi.xs_wire import XsType, unpack_header
from actors.kernel.kernel import Kernel
from actors.xenstore.requests import Outgoing
from actors.xenstore.store import XenStore
from tests.xen.simulated_xen import SimulatedXen

LATER = replace(RELEASES["4.17"], name="4.22", number=(4, 22))
XS = {each.name: each for each in XsType}


class Script:
    """Clients 0 (privileged), 1, 2, ... of one store; each call checks that a refusal changes nothing."""

    def __init__(self, **quotas):
        self.store = XenStore(**quotas)
        self.connections = {0: self.store.clients.connect(0, privileged=True)}
        self.events = []

    def connection(self, domid):
        if domid not in self.connections:
            self.connections[domid] = self.store.clients.connect(domid, privileged=False)
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
        self.connections[domid], outputs = self.store.domains.introduce(domid)
        self.heard(outputs)

    def remove(self, domid):
        """A domain is gone for good."""
        outputs = self.store.domains.remove(domid)
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


@pytest.fixture
def xen():
    """A host whose dom0 is a kernel without a program; what runs there is the test's."""
    return SimulatedXen({0: Kernel}).boot()
