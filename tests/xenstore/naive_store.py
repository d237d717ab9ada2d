"""A naive store: flat dictionaries, transactions that are played again at their end."""

OK = b"OK\0"

TOOLS = ("first", "second")

DOMAINS = (1, 2)

NODES, WATCHES, TRANSACTIONS = 4, 3, 2

TRANSACTIONS_AT_ONCE = 4

RELEASE, INTRODUCE = "@releaseDomain", "@introduceDomain"

PATHS_ALL = ["/a", "/b", "/a/x", "/a/y", "/a/x/deep"]


def parent(path):
    return path.rpartition("/")[0] or "/"


def is_below(path, above):
    return path != above and path.startswith(above.rstrip("/") + "/")


def void(entry):
    """A permission that a dead domain had: nobody has a number below 0."""
    return -1 - entry[0], entry[1]


def may(client, permissions, wanted):
    """Whether a client may do `r`, `w` or, as owner alone, `o`."""
    (owner, default), *others = permissions
    if client in TOOLS or client == owner:
        return True
    letter = next((each for domid, each in others if domid == client), default)
    return wanted in {"n": "", "r": "r", "w": "w", "b": "rw"}[letter]


class World:
    """Values and permissions, and when each path last changed, also if nothing is there now.

    `changes` are for watches: a path, who must hear of it if they may read so, who may hear, and whether
    only watches on that path do. `has_room` says whether a domain may make so many nodes.
    """

    def __init__(self, other=None, has_room=None):
        self.has_room = has_room or (lambda client, count: self.owned(client) + count <= NODES)
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
        if path in self.nodes:
            return None if may(client, self.nodes[path][1], wanted) else "EACCES"
        # Of an absent node, to be allowed a part of what one wants is enough.
        above = self.nodes[self.nearest(path)][1]
        return "ENOENT" if may(client, above, "w" if wanted == "o" else wanted) else "EACCES"

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
            self.changed(path, permissions)
        return OK

    write = mkdir

    def changed(self, path, *permissions, exact=False):
        self.changes.append((path, [*permissions, self.nodes[parent(path)][1]], [], exact))

    def make(self, client, path, value):
        above = self.nearest(path)
        missing = [each for each in ancestry(path) if each not in self.nodes]
        if client not in TOOLS and not self.has_room(client, len(missing)):
            return "ENOSPC"
        (owner, default), *others = self.nodes[above][1]
        permissions = ((owner if client in TOOLS else client, default), *others)
        self.stamp(above)
        for each in missing:
            self.nodes[each] = (value if each == path else b""), permissions
            self.stamp(each)
        self.changed(path, permissions)
        return OK

    def rm(self, client, path):
        refusal = self.refusal(client, path, "w")
        if refusal == "ENOENT" and parent(path) in self.nodes:
            return OK
        if refusal:
            return refusal
        return "EINVAL" if path == "/" else self.cut(path)

    def cut(self, path):
        for each in sorted(self.nodes, reverse=True):
            if each == path or is_below(each, path):
                self.changed(each, self.nodes[each][1], exact=each != path)
                del self.nodes[each]
                self.stamp(each)
        self.stamp(parent(path))
        return OK

    def set_permissions(self, client, path, permissions):
        refusal = self.refusal(client, path, "o")
        if refusal:
            return refusal
        if client not in TOOLS and permissions[0][0] != client:
            return "EPERM"
        before = self.nodes[path][1]
        self.nodes[path] = self.nodes[path][0], permissions
        self.stamp(path)
        self.changed(path, permissions, before)
        return OK

    def forget(self, domid, paths=None):
        """A domain has died: what it may do with these nodes, or with all, is void, which is no change."""
        for path, (value, permissions) in list(self.nodes.items()):
            if paths is None or path in paths:
                others = [void(each) if each[0] == domid else each for each in permissions[1:]]
                self.nodes[path] = value, (permissions[0], *others)
        return OK

    def bury(self, domid):
        """A domain has died: its nodes go, too."""
        self.forget(domid)
        for path in sorted(self.nodes):
            if path in self.nodes and self.nodes[path][1][0][0] == domid:
                if path == "/":
                    value, permissions = self.nodes[path]
                    self.nodes[path] = value, ((0, permissions[0][1]), *permissions[1:])
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
        self.view = World(live, has_room=lambda client, _: live.owned(client) < NODES)
        self.log = []
        self.looked = set()
        self.versions = {}
        self.answers = {}

    def look_at(self, path):
        """The transaction depends on some of these."""
        self.looked |= {path, *ancestry(path), "/"}
        self.looked |= {each for each in PATHS_ALL if is_below(each, path)}
