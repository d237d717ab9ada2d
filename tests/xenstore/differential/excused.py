"""What may differ between the C xenstored 4.17 and ours, and why: all of it is here.

`UNASKED` is in no stream, of `NEVER_TOGETHER` a stream has one half, `UNCOMPARED` is compared in part. That
each ordinary domain id exists is for `shim.c` to say: our store does not ask the hypervisor.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XsType
from actors.xenstore.numbers import strtol, unsigned
from tests.xenstore.differential.steps import DESTROY, DOMAINS

ONE_STRING = frozenset(
    {XsType.DIRECTORY, XsType.READ, XsType.GET_PERMS, XsType.MKDIR, XsType.RM},
)


@dataclass(frozen=True, slots=True)
class Unasked:
    """A request that is not in the stream."""

    is_it: Callable[[int, int, bytes], bool]
    reason: str


@dataclass(frozen=True, slots=True)
class Uncompared:
    """A successful answer to `kind`; `rest` is what of it is compared."""

    kind: XsType
    rest: Callable[[bytes], bytes]
    reason: str


def _words(payload: bytes) -> list[bytes]:
    return payload.split(b"\0")


def is_one_string(payload: bytes) -> bool:
    """One NUL, at the end."""
    return payload.find(b"\0") == len(payload) - 1 and bool(payload)


UNASKED = (
    Unasked(
        lambda _, kind, payload: kind in ONE_STRING and not is_one_string(payload),
        "the real daemon does not answer it and aborts; ours says EINVAL",
    ),
    Unasked(
        lambda client, kind, payload: (
            kind == XsType.SET_PERMS
            and payload.startswith(b"@")
            and (client in DOMAINS or _words(payload)[0] not in {b"@introduceDomain", b"@releaseDomain"})
        ),
        "the real daemon's answer is the error that it had last; ours says EACCES or EINVAL",
    ),
    Unasked(
        lambda _, kind, payload: (
            kind == XsType.SET_PERMS and payload.startswith(b"/\0") and strtol(_words(payload)[1][1:]) != 0
        ),
        "who owns the root takes all nodes along in the real daemon; ours gives the root back to domain 0",
    ),
    Unasked(
        lambda _, kind, payload: kind == XsType.INTRODUCE and unsigned(_words(payload)[0]) == 0,
        "domain 0 is served from the start; the real daemon binds its port anew, ours says EINVAL",
    ),
    Unasked(
        lambda _, __, payload: len(payload) > XENSTORE_PAYLOAD_MAX,
        "it ends the connection, which is for the tests of connections",
    ),
    Unasked(
        lambda _, kind, payload: (
            kind == XsType.CONTROL
            and _words(payload)[0] in {b"live-update", b"logfile", b"memreport", b"log", b"quota-soft"}
        ),
        "about the C daemon's binary, files and memory",
    ),
    Unasked(
        lambda _, kind, payload: (
            kind == XsType.CONTROL
            and len(_words(payload)) == 3
            and _words(payload)[0] == b"quota"
            and unsigned(_words(payload)[1]) != 0
        ),
        "the real daemon knows domains that are only named in permissions, too; ours says ENOENT",
    ),
    Unasked(
        lambda _, kind, payload: kind == XsType.CONTROL and b"memory" in _words(payload),
        "the quota of memory counts C structures, which we have not",
    ),
)


def unasked(client: int, kind: int, payload: bytes) -> bool:
    """Whether a client's request is left out of the stream."""
    return any(each.is_it(client, kind, payload) for each in UNASKED)


NOT_IN_OURS = ("/tool", "a store of ours begins with a root alone; what the real one has is removed first")
"""A node of the real daemon's beginning, and why it goes."""


NEVER_TOGETHER = (
    frozenset({XsType.SET_TARGET}),
    frozenset({XsType.RELEASE, DESTROY}),
    "the connection of a domain that is another's target lives on in the real daemon when the domain is gone",
)
"""One stream has the first or the second kinds of steps, and why."""


UNORDERED = (
    frozenset({XsType.RELEASE}),
    "a connection that comes next in the real daemon's list ends after the answer, any other before it",
)
"""Whether the asker's own events come before or after the answer is not compared for these, and why."""


UNCOMPARED = (
    Uncompared(
        XsType.TRANSACTION_START,
        lambda _: b"",
        "each daemon numbers its transactions as it likes",
    ),
    Uncompared(
        XsType.DIRECTORY_PART,
        lambda payload: payload[payload.index(b"\0") :],
        "the generation that comes first counts each daemon's own changes",
    ),
    Uncompared(
        XsType.CONTROL,
        lambda payload: payload if payload == b"OK\0" else b"text",
        "help and quota are texts for people; ours name other commands and no memory",
    ),
)


def compared(answer: tuple[int, bytes] | None) -> tuple[int, bytes] | None:
    """Of an answer, what has to be the same."""
    if answer is None:
        return None
    kind, payload = answer
    for each in UNCOMPARED:
        if each.kind == kind:
            return kind, each.rest(payload)
    return answer
