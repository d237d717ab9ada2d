"""Paths as they come over the wire.

Rules: absolute, or relative to the client's home; characters `A-Za-z0-9-/_@`, no `//`, no `/` at the end
except for the root. What is anything else is EINVAL.
Source: docs/misc/xenstore.txt, tools/xenstored/core.c.
"""

import re

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XENSTORE_ABS_PATH_MAX, XENSTORE_REL_PATH_MAX
from actors.xenstore.connections import Connection
from actors.xenstore.tree import RELEASE_DOMAIN, SPECIAL

_ABSOLUTE = re.compile(r"/|(?:/[A-Za-z0-9_@-]+)+")
_RELATIVE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_@-]*(?:/[A-Za-z0-9_@-]+)*")
_ONE_DOMAIN = re.compile(rf"{RELEASE_DOMAIN}/(?:0|[1-9][0-9]{{0,4}})")


def node_path(client: Connection, data: bytes, *, special: bool = False) -> str:
    """The absolute path that a client means; `special` admits `@introduceDomain` and `@releaseDomain`."""
    text = data.decode("latin-1")
    if text[:1] == "/":
        path, limit, well_formed = text, XENSTORE_ABS_PATH_MAX, _ABSOLUTE.fullmatch(text)
    elif text[:1] == "@":
        if special and text in SPECIAL:
            return text
        raise XenError(Errno.EINVAL, f"path {text[:80]!r}")
    else:
        path, limit, well_formed = f"{client.home}/{text}", XENSTORE_REL_PATH_MAX, _RELATIVE.fullmatch(text)
    if well_formed is None or len(text) > limit:
        raise XenError(Errno.EINVAL, f"path {text[:80]!r}")
    if len(path) > client.quotas.path and not client.privileged:
        raise XenError(Errno.EINVAL, f"a path of {len(path)} characters")
    return path


def watch_path(client: Connection, data: bytes) -> str:
    """What a client may watch: a node, a special node, or `@releaseDomain/<domid>`: the end of one domain."""
    text = data.decode("latin-1")
    return text if _ONE_DOMAIN.fullmatch(text) else node_path(client, data, special=True)
