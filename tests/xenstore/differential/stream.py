"""Makes streams of requests from a seed: few names, so that clients meet, and bad input in every field.

Nothing here knows what the answers are, so any part of a stream can be asked alone.
"""

from collections.abc import Callable, Iterator
from random import Random

from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XENSTORE_REL_PATH_MAX, XsType
from actors.xenstore.operations import RECORD_BYTES
from tests.xenstore.differential.excused import NEVER_TOGETHER, unasked
from tests.xenstore.differential.steps import CLIENTS, DESTROY, DOMAINS, NEVER_BEGUN, SHUTDOWN, Step

EPISODE = 1000
"""So many requests go to one pair of stores; then both begin anew with another stream."""

NAMES = ("a", "b", "c", "d-1", "e_@")
ROOTS = ("", "", "/a", "/b", "/local/domain/0", "/local/domain/1", "/local/domain/1", "/local/domain/2")
LONG_NAMES = tuple(each * 1000 for each in (b"v", b"w", b"x", b"y", b"z"))
"""Five of them are more than an answer holds."""

TOKENS = ("t", "t", "u", "", "token-" + "x" * 40, "/a")
LIMIT = XENSTORE_REL_PATH_MAX

ODD_PATHS = (
    b"",
    b"/",
    b"//",
    b"/a/",
    b"/a//b",
    b"a/",
    b"//a",
    b"/.",
    b"/a b",
    b"/a\xc3\xa9",
    b"\xff",
    b"/a\x80",
    b"/%s%n",
    b"/a\n",
    b"-",
    b"@",
    b"@nope",
    b"@/a",
    b"a@b",
    b"@introduceDomain",
    b"@releaseDomain",
    b"@releaseDomain/1",
    b"/@releaseDomain",
    b"/local/domain",
    b"/local/domain/1",
    b"/local/domain/-1/a",
    b"/local/domain/+1/a",
    *(b"/" + b"p" * (LIMIT + each) for each in (-2, -1, 0, 1, 1012)),
    *(b"/local/domain/1/" + b"p" * (LIMIT + each) for each in (-1, 0, 1)),
    *(b"/local/domain/12345/" + b"p" * (LIMIT + each) for each in (0, 1)),
    *(b"/local/domain/123456/" + b"p" * (LIMIT + each) for each in (-21, -20, 0)),
    *(b"/local/domain/-5/" + b"p" * (LIMIT + each) for each in (0, 1)),
    b"/local/domain//" + b"p" * LIMIT,
    b"/local/domain/x/" + b"p" * LIMIT,
    *(b"r" * (LIMIT + each) for each in (-1, 0, 1)),
    *(b"@" + b"s" * (LIMIT + each) for each in (-1, 0, 1)),
    b"/t/" + b"q" * 3060,
)

NUMBERS = (
    b"0",
    b"1",
    b"2",
    b"1",
    b"2",
    b"3",
    b"7",
    b"x",
    b"",
    b"-1",
    b" 1",
    b"+1",
    b"1x",
    b"0x1",
    b"010",
    b"32752",
    b"32751",
    b"65536",
    b"4294967295",
    b"4294967297",
    b"99999999999999999999",
    b"-99999999999999999999",
    b"\xb2",
)

PERMISSIONS = (b"n0", b"r0", b"w0", b"b0", b"n1", b"r1", b"b1", b"n2", b"r2", b"w2", b"b2", b"r3", b"w1")
ODD_PERMISSIONS = (
    b"",
    b"r",
    b"x1",
    b"1",
    b"r-1",
    b"rx",
    b"r1x",
    b"r0x1",
    b"r010",
    b"r08",
    b" r1",
    b"r 1",
    b"r+1",
    b"r65535",
    b"r32752",
    b"r99999999999",
    b"rr1",
    b"R1",
)

QUOTAS = {
    b"nodes": (1, 4, 12, 1000),
    b"watches": (1, 3, 128),
    b"transactions": (1, 2, 10),
    b"transaction-nodes": (2, 5, 12, 1024),
    b"node-size": (60, 200, 2048),
    b"path-max": (20, 400, 2048),
    b"permissions": (1, 2, 5),
}
ODD_CONTROL = (
    b"",
    b"\0",
    b"check\0",
    b"check\0x\0",
    b"help\0",
    b"help\0x\0",
    b"print\0",
    b"print\0a\0",
    b"print\0a\0b\0",
    b"print\0a\0b\0c\0",
    b"quota\0",
    b"quota\x000\0",
    b"quota\0x\0",
    b"quota\x001\0",
    b"quota\x0077\0",
    b"quota\x001\x002\0",
    b"quota\0set\0",
    b"quota\0set\0nodes\0",
    b"quota\0set\0nodes\0x\0",
    b"quota\0set\0nope\x005\0",
    b"quota\0set\0nodes\x000\0",
    b"quota\0set\0nodes\0-3\0",
    b"quota\0set\0nodes\x005\x006\0",
    b"nope\0",
    b"check",
    b"Check\0",
)
ODD_KINDS = (15, 16, 20, 23, 24, 25, 26, 27, 99, 1 << 31)

Make = Callable[["Stream"], bytes]


class Stream:
    """The stream of one seed; iterating yields `length` steps, and before them those that let domains in."""

    def __init__(self, seed: str, length: int) -> None:
        self._random = Random(seed)
        self._length = length
        self._left_out = self._random.choice(NEVER_TOGETHER[:2])
        self._begun: dict[int, list[int]] = {each: [] for each in CLIENTS}
        self._watched: dict[int, list[bytes]] = {each: [] for each in CLIENTS}

    def __iter__(self) -> Iterator[Step]:
        number = 0
        for kind, payload in self._beginning():
            number += 1
            yield Step(number, 0, kind, payload)
        end = number + self._length
        while number < end:
            step = self._step(number + 1)
            if step.kind not in self._left_out and not unasked(step.client, step.kind, step.payload):
                number += 1
                if step.kind == XsType.TRANSACTION_START:
                    self._begun[step.client] = [*self._begun[step.client][-3:], number]
                yield step

    def _beginning(self) -> Iterator[tuple[XsType, bytes]]:
        for domid in DOMAINS.values():
            yield XsType.INTRODUCE, b"%d\x001\x003\0" % domid
            home = b"/local/domain/%d" % domid
            yield XsType.MKDIR, home + b"\0"
            yield XsType.SET_PERMS, home + b"\0n%d\0" % domid
        if self._random.random() < 0.7:
            yield XsType.MKDIR, b"/a\0"
            yield XsType.SET_PERMS, b"/a\0b0\0"
        if self._random.random() < 0.5:
            yield XsType.SET_PERMS, b"/\0" + self._random.choice([b"r0", b"b0", b"w0"]) + b"\0"

    def _step(self, number: int) -> Step:
        random = self._random
        client = random.choice(CLIENTS)
        if random.random() < 0.003:
            return self._about_domain(number)
        if random.random() < 0.01:
            return Step(
                number, client, random.choice(ODD_KINDS), random.choice([b"", b"\0", b"/a\0", b"1\0"])
            )
        kind = random.choices(list(MAKERS), [weight for weight, _ in MAKERS.values()])[0]
        payload = MAKERS[kind][1](self)
        watched = self._watched[client]
        if kind == XsType.WATCH:
            self._watched[client] = [*watched[-5:], payload]
        elif kind == XsType.UNWATCH and watched and random.random() < 0.5:
            payload = random.choice(watched)
        if random.random() < 0.02:
            payload = self._spoiled(payload)
        return Step(number, client, kind, payload[:XENSTORE_PAYLOAD_MAX], self._transaction(client, kind))

    def _about_domain(self, number: int) -> Step:
        random, domid = self._random, self._random.choice(list(DOMAINS.values()))
        kind, payload = random.choice(
            [
                (SHUTDOWN, b"%d"),
                (SHUTDOWN, b"%d"),
                (DESTROY, b"%d"),
                (XsType.RELEASE, b"%d\0"),
                (XsType.RESUME, b"%d\0"),
            ]
        )
        return Step(number, 0, kind, payload % domid)

    def _transaction(self, client: int, kind: int) -> int:
        begun, random = self._begun[client], self._random
        if kind == XsType.TRANSACTION_START:
            return random.choice(begun) if begun and random.random() < 0.03 else 0
        if random.random() < 0.005:
            return NEVER_BEGUN
        if kind == XsType.TRANSACTION_END:
            return begun.pop(random.randrange(len(begun))) if begun else 0
        inside = kind in TRANSACTED or random.random() < 0.02
        return random.choice(begun) if begun and inside and random.random() < 0.55 else 0

    def _spoiled(self, payload: bytes) -> bytes:
        cut = self._random.randrange(len(payload) + 1)
        return self._random.choice(
            [
                payload[:-1],
                payload + b"\0",
                payload + b"x",
                payload + b"x\0",
                b"",
                b"\0",
                payload.replace(b"\0", b""),
                b"\0" + payload,
                payload[:cut],
            ]
        )

    # The fields of payloads.

    def path(self) -> bytes:
        """A path: mostly one of few, sometimes a relative one, sometimes none."""
        random = self._random
        if random.random() < 0.05:
            # As long as a node may be, or one less, with so many permissions and children.
            size, others = random.choice(QUOTAS[b"node-size"]), random.choice([8, 8, 16, 24, 40])
            return b"v" * max(0, size - RECORD_BYTES - others - random.choice([0, 1, 2, 3, 4]))
        if random.random() < 0.02:
            return random.choice(ODD_PATHS)
        if random.random() < 0.03:
            return b"/big" if random.random() < 0.4 else b"/big/" + random.choice(LONG_NAMES)
        below = [
            random.choice(NAMES[: random.choice([2, 3, 5])])
            for _ in range(random.choice([0, 1, 1, 1, 2, 2, 3]))
        ]
        if random.random() < 0.2:
            return "/".join(below or ["a"]).encode()
        return "/".join([random.choice(ROOTS), *below]).encode() or b"/"

    def value(self) -> bytes:
        """A value: mostly short, sometimes as long as they come, sometimes with NULs."""
        random = self._random
        if random.random() < 0.05:
            # As long as a node may be, or one less, with so many permissions and children.
            size, others = random.choice(QUOTAS[b"node-size"]), random.choice([8, 8, 16, 24, 40])
            return b"v" * max(0, size - RECORD_BYTES - others - random.choice([0, 1, 2, 3, 4]))
        if random.random() < 0.02:
            return random.randbytes(
                random.choice([0, 1, 100, 1900, 2000, 2010, 2015, 2016, 2017, 2024, 2048, 4000])
            )
        return random.choice([b"", b"0", b"1", b"two", b"\0", b"a\0b", b"v" * 40])

    def permissions(self) -> bytes:
        """One to six entries."""
        random = self._random
        count = random.choice([1, 1, 1, 2, 2, 3, 5, 6])
        odd = random.random() < 0.06
        return b"".join(
            random.choice(ODD_PERMISSIONS if odd and random.random() < 0.5 else PERMISSIONS) + b"\0"
            for _ in range(count)
        )

    def number(self) -> bytes:
        """A number, or what is none."""
        return self._random.choice(NUMBERS)

    def domid(self) -> bytes:
        """The number of a domain that may have a ring."""
        random = self._random
        return random.choice([b"1", b"2"]) if random.random() < 0.8 else self.number()

    def introduction(self) -> bytes:
        """INTRODUCE's: domain 0 is left to the daemon's start."""
        random = self._random
        domid = random.choice([b"1", b"2", b"1", b"2", b"3", b"7", b"40000"])
        return (
            domid
            + b"\0"
            + self.number()
            + b"\0"
            + random.choice([b"3", b"3", b"3", b"0", b"x", b"7 "])
            + b"\0"
        )

    def watched(self) -> bytes:
        """What a watch may be on."""
        random = self._random
        if random.random() < 0.1:
            return random.choice(
                [b"@introduceDomain", b"@releaseDomain", b"@nope", b"@releaseDomain/1", b"@"]
            )
        return self.path()

    def token(self) -> bytes:
        """A watch's token."""
        return self._random.choice(TOKENS).encode()

    def control(self) -> bytes:
        """A command for the daemon."""
        random = self._random
        if random.random() < 0.7:
            name = random.choice(list(QUOTAS))
            return b"quota\0set\0%s\0%d\0" % (name, random.choice(QUOTAS[name]))
        return random.choice(ODD_CONTROL)

    def offset(self) -> bytes:
        """Where DIRECTORY_PART is to begin."""
        random = self._random
        return (
            random.choice([b"0", b"0", b"0", b"2", b"4", b"1", b"3", b"100"])
            if random.random() < 0.8
            else self.number()
        )

    def choose(self, *those: bytes) -> bytes:
        """One of those."""
        return self._random.choice(those)


MAKERS: dict[XsType, tuple[float, Make]] = {
    XsType.READ: (10, lambda of: of.path() + b"\0"),
    XsType.DIRECTORY: (7, lambda of: of.path() + b"\0"),
    XsType.DIRECTORY_PART: (4, lambda of: of.path() + b"\0" + of.offset() + b"\0"),
    XsType.GET_PERMS: (5, lambda of: of.path() + b"\0"),
    XsType.WRITE: (18, lambda of: of.path() + b"\0" + of.value()),
    XsType.MKDIR: (8, lambda of: of.path() + b"\0"),
    XsType.RM: (7, lambda of: of.path() + b"\0"),
    XsType.SET_PERMS: (7, lambda of: of.watched() + b"\0" + of.permissions()),
    XsType.WATCH: (5, lambda of: of.watched() + b"\0" + of.token() + b"\0"),
    XsType.UNWATCH: (4, lambda of: of.watched() + b"\0" + of.token() + b"\0"),
    XsType.TRANSACTION_START: (9, lambda of: of.choose(b"\0", b"\0", b"\0", b"", b"x", b"x\0")),
    XsType.TRANSACTION_END: (
        9,
        lambda of: of.choose(*[b"T\0"] * 12, b"F\0", b"F\0", b"T", b"", b"t\0", b"TT\0"),
    ),
    XsType.GET_DOMAIN_PATH: (1, lambda of: of.number() + b"\0"),
    XsType.IS_DOMAIN_INTRODUCED: (1, lambda of: of.domid() + b"\0"),
    XsType.RESET_WATCHES: (0.4, lambda of: of.choose(b"\0", b"", b"x")),
    XsType.CONTROL: (0.8, lambda of: of.control()),
    XsType.INTRODUCE: (0.7, lambda of: of.introduction()),
    XsType.RELEASE: (0.3, lambda of: of.domid() + b"\0"),
    XsType.RESUME: (0.4, lambda of: of.domid() + b"\0"),
    XsType.SET_TARGET: (0.3, lambda of: of.domid() + b"\0" + of.domid() + b"\0"),
}

TRANSACTED = frozenset(
    {
        XsType.READ,
        XsType.DIRECTORY,
        XsType.DIRECTORY_PART,
        XsType.GET_PERMS,
        XsType.WRITE,
        XsType.MKDIR,
        XsType.RM,
        XsType.SET_PERMS,
    }
)
