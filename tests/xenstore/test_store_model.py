"""The store against a naive model that shares no code with it.

Two privileged tools and two domains, with transactions that overlap; domains come, go and come again;
everybody reads, writes, watches and gives permissions away. The model keeps flat dictionaries, plays a
transaction again at its end, and asks of each watch whether it should have heard. What exactly a transaction
depends on, and in which order watches hear, is for the comparison with a real xenstored.
"""

from dataclasses import replace
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.abi.releases import RELEASES
from actors.abi.xs_wire import XsType, unpack_header
from actors.xenstore.quotas import Quotas
from actors.xenstore.store import XenStore
from actors.xenstore.takeover import successor_of
from tests.xenstore.naive_store import (
    DOMAINS,
    INTRODUCE,
    NODES,
    OK,
    RELEASE,
    TOOLS,
    TRANSACTIONS,
    TRANSACTIONS_AT_ONCE,
    WATCHES,
    Running,
    World,
    is_below,
    may,
    parent,
    void,
)

CLIENTS = st.sampled_from([*TOOLS, *DOMAINS])

WHICH = st.integers(0, TRANSACTIONS_AT_ONCE - 1)

ACTORS = st.tuples(CLIENTS, st.none() | WHICH)
"""Who does something: a client by itself, or whose transaction it is, in that."""

PATHS_ALL = ["/a", "/b", "/a/x", "/a/y", "/a/x/deep"]

PATHS = st.sampled_from(PATHS_ALL)

SEEN = PATHS | st.just("/")

WATCHED = SEEN | st.sampled_from([RELEASE, INTRODUCE, f"{RELEASE}/2"])

VALUES = st.sampled_from([b"", b"1", b"two"])

ENTRIES = st.tuples(st.sampled_from([0, *DOMAINS]), st.sampled_from("nrwb"))

PERMISSIONS = st.lists(ENTRIES, min_size=1, max_size=3).map(tuple)


class Clients(RuleBasedStateMachine):
    """What clients do, in any order."""

    def __init__(self):
        super().__init__()
        quotas = Quotas(nodes=NODES, watches=WATCHES, transactions=TRANSACTIONS)
        self.store = XenStore(quotas, release=replace(RELEASES["4.17"], number=(4, 22)))
        self.live = World()
        self.connections = {tool: self.store.clients.connect(0, privileged=True) for tool in TOOLS}
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
        """Every watch, and none but those, has heard of what changed in the model: once of each node."""
        must, can = set(), set()
        for path, readers, perhaps, exact in self.live.changes:
            for (client, watched, token), depth in self.watches.items():
                levels = path.count("/") - watched.count("/") + (watched == "/" != path)
                reaches = depth is None or levels <= depth
                if path == watched or (not exact and is_below(path, watched) and reaches):
                    event = self.event(client, path, token)
                    must |= {event for each in readers if may(client, each, "r")}
                    can |= {event for each in perhaps if may(client, each, "r")}
        self.live.changes.clear()
        special = [each for each in self.told if each[1][:1] == b"@"]
        nodes = [each for each in self.told if each[1][:1] != b"@"]
        first = [each for each in extra if each[1][:1] != b"@"]
        assert sorted(special) == sorted(each for each in extra if each[1][:1] == b"@")
        assert len(nodes) == len(set(nodes))
        assert must | set(first) <= set(nodes) <= must | can | set(first)

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
        mine.look_at(payload.split(b"\0")[0].decode())
        mine.answers.clear()
        if answer == OK:
            mine.log.append(action)

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
        world = self.live if mine is None else mine.view
        if mine is None or self.live.clock == mine.began:
            expected = getattr(world, what)(client, path)
            assert answer == (self.shown(expected) if isinstance(expected, tuple) else expected)
        if mine is None:
            return
        mine.look_at(path)
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
            # Only in a transaction that others have overtaken may a child be there twice.
            assert tx or len(set(parts)) == len(parts)
            return set(parts)
        return self.shown((int(each[1:]), each[0]) for each in parts)

    def shown(self, permissions):
        """Permissions as GET_PERMS shows them: one does not see which are void."""
        return tuple(void(each) if each[0] < 0 else each for each in permissions)

    # Transactions.

    @precondition(lambda self: len(self.running) < TRANSACTIONS_AT_ONCE)
    @rule(client=CLIENTS)
    def start(self, client):
        if not self.here(client):
            return
        answer = self.ask(client, XsType.TRANSACTION_START, b"\0")
        numbers = [each.number for each in self.running if each.client == client]
        if client not in TOOLS and len(numbers) > TRANSACTIONS:
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

    def changed_since(self, transaction):
        """What a transaction has looked at and another has changed."""
        stamps = self.live.stamps
        return [path for path in transaction.looked if stamps.get(path, 0) > transaction.began]

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def commit(self, which):
        mine = self.running.pop(which % len(self.running))
        answer = self.ask(mine.client, XsType.TRANSACTION_END, b"T\0", mine.number)
        played = World(self.live, has_room=lambda *_: True)
        refused = [each for each in [action(played) for action in mine.log] if each != OK]
        if answer == OK:
            for path, version in mine.versions.items():
                assert self.live.version(path) == version, f"{path} was read and has changed"
            assert not refused
            self.apply(played)
        elif answer == "ENOSPC":
            assert mine.client not in TOOLS
            # do_transaction_end of xenstored counts nodes (transaction_fix_domains) before it looks for who
            # was first (finalize_transaction): the same node, made meanwhile by another, counts twice.
            full = any(played.owned(each) >= NODES for each in DOMAINS)
            assert full or self.changed_since(mine), "ENOSPC for no reason"
        else:
            assert answer == "EAGAIN"
            assert self.changed_since(mine), "EAGAIN for no reason"
        self.expect()

    def apply(self, played):
        """The world after a transaction, of whose nodes watches hear once, if they are or were there."""
        before, exact = self.live.nodes, {}
        for path, _, _, only in played.changes:
            exact[path] = only and exact.get(path, True)
        self.live = World(played)
        for path, only in exact.items():
            readers = [each[path][1] for each in (before, played.nodes) if path in each]
            above = [each[parent(path)][1] for each in (before, played.nodes) if parent(path) in each]
            self.live.changes.append((path, readers, above if path in played.nodes else [], only))

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
        if (client, path, token) in self.watches:
            assert answer == "EEXIST"
        elif client not in TOOLS and len(mine) > WATCHES:
            assert answer == "E2BIG"
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
        known = self.here(domid)
        self.forget(domid)
        self.connections[domid], outputs = self.store.domains.introduce(domid)
        self.hear(outputs)
        self.expect(*([] if known else self.special(INTRODUCE, domid)))
        self.watch(domid, "/", "root", None)

    @rule(domid=st.sampled_from(DOMAINS))
    def die(self, domid):
        if self.here(domid):
            outputs = self.store.domains.remove(domid)
            self.forget(domid)
            del self.connections[domid]
            self.live.bury(domid)
            for mine in self.running:
                mine.log.append(partial(World.forget, domid=domid, paths=frozenset(mine.looked)))
            self.hear(outputs)
            self.expect(*self.special(RELEASE, domid))

    @precondition(lambda self: not self.running)
    @rule()
    def live_update(self):
        self.store, self.updated = successor_of(self.store), True

    def forget(self, client):
        self.watches = {key: depth for key, depth in self.watches.items() if key[0] != client}
        self.running = [each for each in self.running if each.client != client]

    def hear(self, outputs):
        self.told = [(each.connection, *each.message[16:].split(b"\0")[:2]) for each in outputs]

    def entry(self, permission):
        shown = permission.domid, str(permission)[0]
        return void(shown) if permission.void else shown

    @invariant()
    def the_store_is_the_model(self):
        self.store.check_touched()
        self.store.check()
        nodes = {
            path: (node.value, tuple(self.entry(each) for each in node.permissions))
            for path, node in self.store.tree._nodes.items()
            if path[0] == "/"
        }
        assert nodes == self.live.nodes
        numbers = self.store.statistics()
        assert (numbers.watches, numbers.transactions) == (len(self.watches), len(self.running))
        assert numbers.connections == len(self.connections)


Clients.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)

TestClients = Clients.TestCase
