"""The store against a naive model: a dict of values, and transactions that are played again at their end."""

from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.abi.xs_wire import XsType, unpack_header
from actors.xenstore.store import Store

PATHS = st.sampled_from(["/a", "/b", "/a/x", "/a/y", "/a/x/deep", "/b/x"])
VALUES = st.sampled_from([b"", b"1", b"two"])
CLIENTS = st.sampled_from([0, 1])
OK = b"OK\0"


def parent(path):
    return path.rpartition("/")[0] or "/"


class Model:
    """Values, and when each node was last changed."""

    def __init__(self, other=None):
        self.values = dict(other.values) if other else {"/": b""}
        self.stamps = dict(other.stamps) if other else {}
        self.clock = other.clock if other else 0

    def stamp(self, path):
        self.clock += 1
        self.stamps[path] = self.clock

    def version(self, path):
        """A node that is not there has no generation: come and gone is as if nothing had been."""
        return self.stamps.get(path) if path in self.values else None

    def read(self, path):
        return self.values.get(path, "ENOENT")

    def names(self, path):
        return {each.rpartition("/")[2] for each in self.values if each != "/" and parent(each) == path}

    def mkdir(self, path):
        if path not in self.values:
            self.mkdir(parent(path))
            self.stamp(parent(path))
            self.values[path] = b""
            self.stamp(path)
        return OK

    def write(self, path, value):
        self.mkdir(path)
        self.values[path] = value
        self.stamp(path)
        return OK

    def rm(self, path):
        if path not in self.values:
            return OK if parent(path) in self.values else "ENOENT"
        for each in list(self.values):
            if each == path or each.startswith(path + "/"):
                del self.values[each]
                self.stamp(each)
        self.stamp(parent(path))
        return OK


class Running:
    """A transaction as the model has it."""

    def __init__(self, number, live):
        self.number = number
        self.started = Model(live)
        self.view = Model(live)
        self.log = []
        self.reads = {}


class TwoClients(RuleBasedStateMachine):
    """Two privileged clients, each with at most one transaction."""

    def __init__(self):
        super().__init__()
        self.store = Store()
        self.live = Model()
        self.connections = [self.store.connect(0, privileged=True) for _ in range(2)]
        self.running = {}

    def ask(self, client, kind, payload, tx=0):
        (reply,) = self.store.handle(self.connections[client], kind, 1, tx, payload)
        body = reply.message[16:]
        return body[:-1].decode() if unpack_header(reply.message)[0] == XsType.ERROR else body

    def change(self, client, inside, kind, payload, action):
        mine = self.running.get(client) if inside else None
        if mine is None:
            assert self.ask(client, kind, payload) == action(self.live)
            return
        answer = self.ask(client, kind, payload, mine.number)
        expected = action(mine.view)
        if self.live.clock == mine.started.clock:
            assert answer == expected
        if answer == OK:
            mine.log.append(action)

    @rule(client=CLIENTS, inside=st.booleans(), path=PATHS, value=VALUES)
    def write(self, client, inside, path, value):
        action = partial(Model.write, path=path, value=value)
        self.change(client, inside, XsType.WRITE, path.encode() + b"\0" + value, action)

    @rule(client=CLIENTS, inside=st.booleans(), path=PATHS)
    def mkdir(self, client, inside, path):
        self.change(client, inside, XsType.MKDIR, path.encode() + b"\0", partial(Model.mkdir, path=path))

    @rule(client=CLIENTS, inside=st.booleans(), path=PATHS)
    def rm(self, client, inside, path):
        self.change(client, inside, XsType.RM, path.encode() + b"\0", partial(Model.rm, path=path))

    @rule(client=CLIENTS, path=PATHS)
    def look(self, client, path):
        payload = path.encode() + b"\0"
        assert self.ask(client, XsType.READ, payload) == self.live.read(path)
        names = self.ask(client, XsType.DIRECTORY, payload)
        if path in self.live.values:
            assert set(names.decode().split("\0")[:-1]) == self.live.names(path)
        else:
            assert names == "ENOENT"

    @rule(client=CLIENTS, path=PATHS, listing=st.booleans())
    def look_inside(self, client, path, listing):
        mine = self.running.get(client)
        if mine is None:
            return
        kind = XsType.DIRECTORY if listing else XsType.READ
        answer = self.ask(client, kind, path.encode() + b"\0", mine.number)
        if self.live.clock == mine.started.clock and not listing:
            assert answer == mine.view.read(path)
        mine.reads.setdefault(path, self.live.version(path))

    @rule(client=CLIENTS)
    def start(self, client):
        if client not in self.running:
            number = int(self.ask(client, XsType.TRANSACTION_START, b"\0")[:-1])
            self.running[client] = Running(number, self.live)

    @rule(client=CLIENTS)
    def abort(self, client):
        mine = self.running.pop(client, None)
        if mine is not None:
            assert self.ask(client, XsType.TRANSACTION_END, b"F\0", mine.number) == OK

    @rule(client=CLIENTS)
    def commit(self, client):
        mine = self.running.pop(client, None)
        if mine is None:
            return
        answer = self.ask(client, XsType.TRANSACTION_END, b"T\0", mine.number)
        played = Model(self.live)
        refused = [each for each in [action(played) for action in mine.log] if each != OK]
        if answer == OK:
            assert all(self.live.version(path) == seen for path, seen in mine.reads.items()), (
                "what was read has changed"
            )
            assert not refused
            self.live = played
        else:
            assert answer == "EAGAIN"
            changed = (self.live.version(path) != mine.started.version(path) for path in mine.reads)
            assert refused or any(changed), "for no reason"

    @invariant()
    def the_store_is_the_model(self):
        self.store.check_touched()
        self.store.check()
        nodes = {path: node.value for path, node in self.store.tree._nodes.items() if path[0] == "/"}
        assert nodes == self.live.values


TwoClients.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestTwoClients = TwoClients.TestCase
