"""XenStore's wire protocol: messages, limits, error names, and the layout of the ring page.

Rules: a message is a header of four little-endian u32 and a payload; nothing here keeps state.
Source: xen/include/public/io/xs_wire.h, docs/misc/xenstore-ring.txt.
`XS_RING_SERVER_INCARNATION` and `XS_RING_SERVER_HOLDS` are our extensions: they lie in the unused part
of the ring page, behind everything that Xen defines. A server that takes over a ring changes the first, so
that a client which looks there can ask for the protocol's reconnect; a stock client never looks. The
second is 1 while the server holds something of this ring that is not in the page (half a message, queued
output): only when it is 0 can a server that comes after a crash go on where the last one was.
"""

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

from actors.abi.errno import Errno


class XsType(IntEnum):
    """`XS_*`: what a message is. 20 was removed from the protocol."""

    CONTROL = 0
    DIRECTORY = 1
    READ = 2
    GET_PERMS = 3
    WATCH = 4
    UNWATCH = 5
    TRANSACTION_START = 6
    TRANSACTION_END = 7
    INTRODUCE = 8
    RELEASE = 9
    GET_DOMAIN_PATH = 10
    WRITE = 11
    MKDIR = 12
    RM = 13
    SET_PERMS = 14
    WATCH_EVENT = 15
    ERROR = 16
    IS_DOMAIN_INTRODUCED = 17
    RESUME = 18
    SET_TARGET = 19
    RESET_WATCHES = 21
    DIRECTORY_PART = 22
    GET_FEATURE = 23
    SET_FEATURE = 24
    GET_QUOTA = 25
    SET_QUOTA = 26


class XsFeature(IntFlag):
    """`XENSTORE_SERVER_FEATURE_*`: what a server says that it can."""

    RECONNECTION = 1
    ERROR = 2
    WATCH_DEPTH = 4
    DOMID_ANY = 8


class XsError(IntEnum):
    """`XENSTORE_ERROR_*`: why a server does not serve a ring any more."""

    NONE = 0
    COMM = 1
    RINGIDX = 2
    PROTO = 3


class XsConnection(IntEnum):
    """`XENSTORE_*`: the `connection` word; a client writes RECONNECT, the server CONNECTED."""

    CONNECTED = 0
    RECONNECT = 1


XENSTORE_PAYLOAD_MAX: Final = 4096
XENSTORE_ABS_PATH_MAX: Final = 3072
XENSTORE_REL_PATH_MAX: Final = 2048

XENSTORE_RING_SIZE: Final = 1024
XS_RING_REQ: Final = 0
XS_RING_RSP: Final = 1024
XS_RING_REQ_CONS: Final = 2048
XS_RING_REQ_PROD: Final = 2052
XS_RING_RSP_CONS: Final = 2056
XS_RING_RSP_PROD: Final = 2060
XS_RING_SERVER_FEATURES: Final = 2064
XS_RING_CONNECTION: Final = 2068
XS_RING_ERROR: Final = 2072
XS_RING_EVTCHN_PORT: Final = 2076
XS_RING_SERVER_INCARNATION: Final = 2080
XS_RING_SERVER_HOLDS: Final = 2084

ERRORS: Final[dict[bytes, Errno]] = {
    each.name.encode(): each
    for each in (
        Errno.EINVAL,
        Errno.EACCES,
        Errno.EEXIST,
        Errno.EISDIR,
        Errno.ENOENT,
        Errno.ENOMEM,
        Errno.ENOSPC,
        Errno.EIO,
        Errno.ENOTEMPTY,
        Errno.ENOSYS,
        Errno.EROFS,
        Errno.EBUSY,
        Errno.EAGAIN,
        Errno.EISCONN,
        Errno.E2BIG,
        Errno.EPERM,
    )
}

_HEADER: Final = Struct("<4I")
HEADER_BYTES: Final = _HEADER.size

unpack_header = _HEADER.unpack_from
"""(type, req_id, tx_id, payload length) of the 16 bytes at an offset of a buffer."""


def pack_message(kind: int, req_id: int, tx_id: int, payload: bytes) -> bytes:
    """One message as it goes over the wire."""
    return _HEADER.pack(kind, req_id, tx_id, len(payload)) + payload


def error_payload(errno: Errno) -> bytes:
    """The payload of an ERROR: the name and a NUL; a refusal without a name on the wire is EINVAL."""
    name = errno.name.encode()
    return (name if name in ERRORS else b"EINVAL") + b"\0"


def error_of(payload: bytes) -> Errno:
    """The error that a payload of an ERROR names; EIO for a name that the protocol does not have."""
    return ERRORS.get(payload.rstrip(b"\0"), Errno.EIO)
