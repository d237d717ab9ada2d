"""Paths as they come over the wire.

Rules: absolute, or relative to the client's home; characters `A-Za-z0-9-/_@`, no `//`, no `/` at the end
except for the root. Behind the home of any domain, or from the root on where there is none, a path has no
more bytes than the quota for paths says, whoever asks. What is anything else is EINVAL.
Source: docs/misc/xenstore.txt, tools/xenstored/core.c.
"""

import re

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XENSTORE_REL_PATH_MAX
from actors.xenstore.connections import Connection
from actors.xenstore.tree import SPECIAL

_PATH = re.compile(r"/|(?:/[A-Za-z0-9_@-]+)+")
_HOME = re.compile(r"/local/domain/(?:[0-9]{1,5}|-[0-9]{1,4})/")


def node_path(client: Connection, data: bytes) -> str:
    """The absolute path that a client means."""
    path = absolute(client, data)
    if _PATH.fullmatch(path) is None:
        raise XenError(Errno.EINVAL, f"path {path[:80]!r}")
    if len(path) > client.quotas.path:
        home = _HOME.match(path)
        if home is None or len(path) - home.end() > client.quotas.path:
            raise XenError(Errno.EINVAL, f"a path of {len(path)} characters")
    return path


def guarded_path(client: Connection, data: bytes) -> str:
    """The path of what has permissions: a node, or `@introduceDomain` and `@releaseDomain`."""
    if data[:1] != b"@":
        return node_path(client, data)
    text = data.decode("latin-1")
    if text not in SPECIAL:
        raise XenError(Errno.EINVAL, f"path {text[:80]!r}")
    return text


def watch_path(client: Connection, data: bytes) -> str:
    """What a client may watch: a node, or anything that begins with `@`, though little of that happens."""
    if data[:1] != b"@":
        return node_path(client, data)
    if len(data) > XENSTORE_REL_PATH_MAX:
        raise XenError(Errno.EINVAL, f"a path of {len(data)} characters")
    return data.decode("latin-1")


def absolute(client: Connection, data: bytes) -> str:
    """A path as it is, with the client's home in front of a relative one."""
    text = data.decode("latin-1")
    return text if data[:1] in {b"/", b"@"} else f"{client.home}/{text}"
