"""The store against a naive model that shares no code with it.

Two privileged tools and two domains, with transactions that overlap; domains come, go and come again;
everybody reads, writes, watches and gives permissions away. The model keeps flat dictionaries, plays a
transaction again at its end, and asks of each watch whether it should have heard.
"""

from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.abi.xs_wire import XsType, unpack_header
from actors.xenstore.quotas import Quotas
from actors.xenstore.store import Store

OK = b"OK\0"
TOOLS = ("first", "second")
DOMAINS = (1, 2)
NODES, WATCHES, TRANSACTIONS = 4, 3, 2
TRANSACTIONS_AT_ONCE = 4
RELEASE, INTRODUCE = "@releaseDomain", "@introduceDomain"

CLIENTS = st.sampled_from([*TOOLS, *DOMAINS])
WHICH = st.integers(0, TRANSACTIONS_AT_ONCE - 1)
ACTORS = st.tuples(CLIENTS, st.none() | WHICH)
"""Who does something: a client by itself, or whose transaction it is, in that."""
PATHS = st.sampled_from(["/a", "/b", "/a/x", "/a/y", "/a/x/deep"])
SEEN = PATHS | st.just("/")
WATCHED = SEEN | st.sampled_from([RELEASE, INTRODUCE, f"{RELEASE}/2"])
VALUES = st.sampled_from([b"", b"1", b"two"])
ENTRIES = st.tuples(st.sampled_from([0, *DOMAINS]), st.sampled_from("nrwb"))
PERMISSIONS = st.lists(ENTRIES, min_size=1, max_size=3).map(tuple)


def parent(path):
    return path.rpartition("/")[0] or "/"


def is_below(path, above):
    return path != above and path.startswith(above.rstrip("/") + "/")


def may(client, permissions, wanted):
    """Whether a client may do `r`, `w` or, as owner alone, `o`."""
    (owner, default), *others = permissions
    if client in TOOLS or client == owner:
        return True
    letter = next((each for domid, each in others if domid == client), default)
    return wanted in {"n": "", "r": "r", "w": "w", "b": "rw"}[letter]


class World:
    """Values and permissions, and when each path last changed, also if nothing is there now."""

    def __init__(self, other=None):
        self.nodes = dict(other.nodes) if other else {"/": (b"", ((0, "b"),))}
        self.stamps = dict(other.stamps) if other else {}
        self.clock = other.clock if other else 0
        self.changes = []

    def stamp(self, path):
        self.clock += 1
        self.stamps[path] = self.clock

    def version(self, path):
        """A node that is not there has no version: come and gone is as if nothing had been."""
        return self.stamps.get(path) if path in self.nodes else None

    def nearest(self, path):
        while path not in self.nodes:
            path = parent(path)
        return path

    def refusal(self, client, path, wanted):
        """None if a client may; EACCES for what it may not see, else ENOENT for what is absent."""
        if not may(client, self.nodes[self.nearest(path)][1], wanted):
            return "EACCES"
        return None if path in self.nodes else "ENOENT"

    def read(self, client, path):
        return self.refusal(client, path, "r") or self.nodes[path][0]

    def names(self, client, path):
        listed = {each.rpartition("/")[2] for each in self.nodes if each != "/" and parent(each) == path}
        return self.refusal(client, path, "r") or listed

    def permissions(self, client, path):
        return self.refusal(client, path, "r") or self.nodes[path][1]

    def owned(self, domid):
        return sum(permissions[0][0] == domid for _, permissions in self.nodes.values())

    def mkdir(self, client, path, value=None):
        refusal = self.refusal(client, path, "w")
        if refusal == "EACCES":
            return refusal
        if refusal:
            return self.make(client, path, value or b"")
        if value is not None:
            permissions = self.nodes[path][1]
            self.nodes[path] = value, permissions
            self.stamp(path)
            self.changes.append((path, permissions, False))
        return OK

    write = mkdir

    def make(self, client, path, value):
        above = self.nearest(path)
        missing = [each for each in ancestry(path) if each not in self.nodes]
        if client not in TOOLS and self.owned(client) + len(missing) > NODES:
            return "ENOSPC"
        (owner, default), *others = self.nodes[above][1]
        permissions = ((owner if client in TOOLS else client, default), *others)
        self.stamp(above)
        for each in missing:
            self.nodes[each] = (value if each == path else b""), permissions
            self.stamp(each)
        self.changes.append((path, permissions, False))
        return OK

    def rm(self, client, path):
        if path == "/":
            return "EINVAL"
        refusal = self.refusal(client, path, "w")
        if refusal == "ENOENT" and parent(path) in self.nodes:
            return OK
        return refusal or self.cut(path)

    def cut(self, path):
        for each in sorted(self.nodes):
            if each == path or is_below(each, path):
                self.changes.append((each, self.nodes.pop(each)[1], each != path))
                self.stamp(each)
        self.stamp(parent(path))
        return OK

    def set_permissions(self, client, path, permissions):
        refusal = self.refusal(client, path, "o")
        if refusal:
            return refusal
        if client not in TOOLS and permissions[0][0] != client:
            return "EPERM"
        self.nodes[path] = self.nodes[path][0], permissions
        self.stamp(path)
        self.changes.append((path, permissions, False))
        return OK

    def bury(self, domid):
        """A domain has died: its nodes go, and nobody names it any more."""
        for path, (value, permissions) in list(self.nodes.items()):
            left = (permissions[0], *[each for each in permissions[1:] if each[0] != domid])
            if left != permissions:
                self.nodes[path] = value, left
                self.stamp(path)
        for path in sorted(self.nodes):
            if path in self.nodes and self.nodes[path][1][0][0] == domid:
                if path == "/":
                    self.nodes[path] = self.nodes[path][0], ((0, "n"),)
                    self.stamp(path)
                else:
                    self.cut(path)


def ancestry(path):
    parts = path.split("/")[1:]
    return ["/" + "/".join(parts[: end + 1]) for end in range(len(parts))]


class Running:
    """A transaction as the model has it."""

    def __init__(self, client, number, live):
        self.client = client
        self.number = number
        self.began = live.clock
        self.view = World(live)
        self.log = []
        self.versions = {}
        self.answers = {}


class Clients(RuleBasedStateMachine):
    """What clients do, in any order."""

    def __init__(self):
        super().__init__()
        quotas = Quotas(nodes=NODES, watches=WATCHES, transactions=TRANSACTIONS)
        self.store = Store(quotas)
        self.live = World()
        self.connections = {tool: self.store.connect(0, privileged=True) for tool in TOOLS}
        self.running = []
        self.watches = {}
        self.updated = False
        assert self.ask("first", XsType.SET_PERMS, b"/\0b0\0") == OK
        for tool in TOOLS:
            self.watch(tool, "/", "root", None)
        for domid in DOMAINS:
            self.introduce(domid)

    # What is asked of the store, and what it tells whom.

    def ask(self, client, kind, payload, tx=0):
        outputs = self.store.handle(self.connections[client], kind, 7, tx, payload)
        self.told = []
        answers = []
        for output in outputs:
            header = unpack_header(output.message)
            if header[0] == XsType.WATCH_EVENT:
                self.told.append((output.connection, *output.message[16:].split(b"\0")[:2]))
            else:
                assert (output.connection, header[1], header[2]) == (self.connections[client], 7, tx)
                answers.append((header[0], output.message[16:]))
        ((kind_answered, body),) = answers
        if kind_answered == XsType.ERROR:
            return body[:-1].decode()
        assert kind_answered == kind
        return body

    def expect(self, *extra):
        """Every watch, and none but those, has heard of what changed in the model."""
        expected = list(extra)
        for path, permissions, exact in self.live.changes:
            for (client, watched, token), depth in self.watches.items():
                levels = path.count("/") - watched.count("/") + (watched == "/" != path)
                reaches = depth is None or levels <= depth
                hears = path == watched or (not exact and is_below(path, watched) and reaches)
                if hears and may(client, permissions, "r"):
                    expected.append(self.event(client, path, token))
        self.live.changes.clear()
        assert sorted(self.told) == sorted(expected)

    def event(self, client, path, token):
        return self.connections[client], path.encode(), token.encode()

    def special(self, name, domid):
        events = []
        for (client, watched, token), depth in self.watches.items():
            if client in TOOLS and watched in {name, f"{name}/{domid}"}:
                events.append(self.event(client, f"{name}/{domid}" if depth else watched, token))
        return events

    def here(self, client):
        return client in self.connections

    def acting(self, actor):
        """The client and its transaction, if any; None for a domain that is not there."""
        client, which = actor
        if which is not None and self.running:
            mine = self.running[which % len(self.running)]
            return mine.client, mine
        return (client if self.here(client) else None), None

    # Nodes.

    def change(self, actor, kind, payload, action):
        client, mine = self.acting(actor)
        if client is None:
            return
        action = partial(action, client=client)
        if mine is None:
            assert self.ask(client, kind, payload) == action(self.live)
            self.expect()
            return
        answer = self.ask(client, kind, payload, mine.number)
        self.expect()
        expected = action(mine.view)
        if self.live.clock == mine.began:
            assert answer == expected
        if answer == OK:
            mine.log.append(action)
            mine.answers.clear()

    @rule(actor=ACTORS, path=PATHS, value=VALUES)
    def write(self, actor, path, value):
        action = partial(World.write, path=path, value=value)
        self.change(actor, XsType.WRITE, path.encode() + b"\0" + value, action)

    @rule(actor=ACTORS, path=PATHS)
    def mkdir(self, actor, path):
        self.change(actor, XsType.MKDIR, path.encode() + b"\0", partial(World.mkdir, path=path))

    @rule(actor=ACTORS, path=SEEN)
    def rm(self, actor, path):
        self.change(actor, XsType.RM, path.encode() + b"\0", partial(World.rm, path=path))

    @rule(actor=ACTORS, path=PATHS, permissions=PERMISSIONS)
    def set_permissions(self, actor, path, permissions):
        payload = "\0".join([path, *[f"{letter}{domid}" for domid, letter in permissions], ""]).encode()
        action = partial(World.set_permissions, path=path, permissions=permissions)
        self.change(actor, XsType.SET_PERMS, payload, action)

    @rule(actor=ACTORS, path=SEEN, what=st.sampled_from(["read", "names", "permissions"]))
    def look(self, actor, path, what):
        client, mine = self.acting(actor)
        if client is None:
            return
        answer = self.found(client, path, what, mine.number if mine else 0)
        if mine is None:
            assert answer == getattr(self.live, what)(client, path)
            return
        if self.live.clock == mine.began:
            assert answer == getattr(mine.view, what)(client, path)
        mine.versions.setdefault(path, self.live.version(path))
        assert mine.answers.setdefault((path, what), answer) == answer, "a read is not repeatable"

    def found(self, client, path, what, tx):
        kinds = {"read": XsType.READ, "names": XsType.DIRECTORY, "permissions": XsType.GET_PERMS}
        answer = self.ask(client, kinds[what], path.encode() + b"\0", tx)
        self.expect()
        if isinstance(answer, str) or what == "read":
            return answer
        parts = answer.decode().split("\0")[:-1]
        if what == "names":
            assert len(set(parts)) == len(parts)
            return set(parts)
        return tuple((int(each[1:]), each[0]) for each in parts)

    # Transactions.

    @precondition(lambda self: len(self.running) < TRANSACTIONS_AT_ONCE)
    @rule(client=CLIENTS)
    def start(self, client):
        if not self.here(client):
            return
        answer = self.ask(client, XsType.TRANSACTION_START, b"\0")
        numbers = [each.number for each in self.running if each.client == client]
        if client not in TOOLS and len(numbers) == TRANSACTIONS:
            assert answer == "ENOSPC"
            return
        number = int(answer[:-1])
        assert number not in numbers
        self.running.append(Running(client, number, self.live))

    @precondition(lambda self: self.running)
    @rule(which=WHICH, stranger=st.sampled_from(TOOLS))
    def misuse(self, which, stranger):
        mine = self.running[which % len(self.running)]
        assert self.ask(mine.client, XsType.TRANSACTION_START, b"\0", mine.number) == "EBUSY"
        if mine.number not in {each.number for each in self.running if each.client == stranger}:
            answer = self.ask(stranger, XsType.TRANSACTION_END, b"T\0", mine.number)
            assert answer == ("EAGAIN" if self.updated else "ENOENT")

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def abort(self, which):
        mine = self.running.pop(which % len(self.running))
        assert self.ask(mine.client, XsType.TRANSACTION_END, b"F\0", mine.number) == OK
        self.expect()

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def commit(self, which):
        mine = self.running.pop(which % len(self.running))
        answer = self.ask(mine.client, XsType.TRANSACTION_END, b"T\0", mine.number)
        played = World(self.live)
        refused = [each for each in [action(played) for action in mine.log] if each != OK]
        if answer == OK:
            for path, version in mine.versions.items():
                assert self.live.version(path) == version, f"{path} was read and has changed"
            assert not refused
            self.live = played
        else:
            assert answer == "EAGAIN"
            changed = [path for path in mine.versions if self.live.stamps.get(path, 0) > mine.began]
            assert refused or changed, "EAGAIN for no reason"
        self.expect()

    @precondition(lambda self: len(self.running) < TRANSACTIONS_AT_ONCE)
    @rule(
        client=CLIENTS,
        other=CLIENTS,
        read=SEEN,
        theirs=PATHS,
        mine=PATHS,
        value=VALUES,
        removes=st.booleans(),
    )
    def race(self, client, other, read, theirs, mine, value, removes):
        """What most often matters, in one step: read, let somebody change something, read, write, commit."""
        self.start(client)
        if self.running:
            inside, outside = (client, len(self.running) - 1), (other, None)
            self.look(inside, read, "read")
            if removes:
                self.rm(outside, theirs)
            else:
                self.write(outside, theirs, value)
            self.look(inside, read, "read")
            self.write(inside, mine, value)
            self.commit(inside[1])

    # Watches, and domains.

    @rule(client=CLIENTS, path=WATCHED, token=st.sampled_from("tu"), depth=st.sampled_from([None, 0, 1]))
    def watch(self, client, path, token, depth):
        if not self.here(client):
            return
        words = [path, token] if depth is None else [path, token, str(depth)]
        answer = self.ask(client, XsType.WATCH, "\0".join([*words, ""]).encode())
        mine = [each for each in self.watches if each[0] == client]
        if client not in TOOLS and len(mine) == WATCHES:
            assert answer == "ENOSPC"
        elif (client, path, token) in self.watches:
            assert answer == "EEXIST"
        else:
            assert answer == OK
            self.watches[client, path, token] = depth
            self.expect(self.event(client, path, token))
            return
        self.expect()

    @rule(client=CLIENTS, path=WATCHED, token=st.sampled_from("tu"))
    def unwatch(self, client, path, token):
        if self.here(client):
            answer = self.ask(client, XsType.UNWATCH, f"{path}\0{token}\0".encode())
            known = (client, path, token) in self.watches
            assert answer == (OK if known else "ENOENT")
            self.watches.pop((client, path, token), None)
            self.expect()

    @rule(client=CLIENTS)
    def reset_watches(self, client):
        if self.here(client):
            assert self.ask(client, XsType.RESET_WATCHES, b"\0") == OK
            self.forget(client)
            self.expect()

    @rule(domid=st.sampled_from(DOMAINS))
    def introduce(self, domid):
        self.forget(domid)
        self.connections[domid], outputs = self.store.introduce(domid)
        self.hear(outputs)
        self.expect(*self.special(INTRODUCE, domid))
        self.watch(domid, "/", "root", None)

    @rule(domid=st.sampled_from(DOMAINS))
    def die(self, domid):
        if self.here(domid):
            outputs = self.store.remove(domid)
            self.forget(domid)
            del self.connections[domid]
            self.live.bury(domid)
            self.hear(outputs)
            self.expect(*self.special(RELEASE, domid))

    @precondition(lambda self: not self.running)
    @rule()
    def live_update(self):
        self.store, self.updated = self.store.successor(), True

    def forget(self, client):
        self.watches = {key: depth for key, depth in self.watches.items() if key[0] != client}
        self.running = [each for each in self.running if each.client != client]

    def hear(self, outputs):
        self.told = [(each.connection, *each.message[16:].split(b"\0")[:2]) for each in outputs]

    @invariant()
    def the_store_is_the_model(self):
        self.store.check_touched()
        self.store.check()
        nodes = {
            path: (node.value, tuple((each.domid, str(each)[0]) for each in node.permissions))
            for path, node in self.store.tree._nodes.items()
            if path[0] == "/"
        }
        assert nodes == self.live.nodes
        numbers = self.store.statistics()
        assert (numbers.watches, numbers.transactions) == (len(self.watches), len(self.running))
        assert numbers.connections == len(self.connections)


Clients.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestClients = Clients.TestCase
