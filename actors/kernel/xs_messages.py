"""Messages out of the bytes of a XenStore connection, for both ends.

Rules: a length past the protocol's limit is a `ProtocolBroken` and the end of the conversation.
Source: docs/misc/xenstore.txt.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.abi.xs_wire import HEADER_BYTES, XENSTORE_PAYLOAD_MAX, unpack_header


class ProtocolBroken(Exception):  # noqa: N818 (it names what the peer did)
    """The peer sent what cannot be the start of a message."""


@dataclass(slots=True)
class XsMessage:
    """A request, an answer or an event."""

    kind: int
    req_id: int
    tx_id: int
    payload: bytes


class MessageStream:
    """Bytes in, in any portions; messages out."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> Iterator[XsMessage]:
        """Each message that is complete with `data`, all of which must be taken. ProtocolBroken."""
        if not self._partial and len(data) >= HEADER_BYTES:
            kind, req_id, tx_id, length = unpack_header(data)
            if length == len(data) - HEADER_BYTES and length <= XENSTORE_PAYLOAD_MAX:
                return iter((XsMessage(kind, req_id, tx_id, data[HEADER_BYTES:]),))
        return self._cut(self._partial + data)

    def _cut(self, data: bytes) -> Iterator[XsMessage]:
        start, end = 0, len(data)
        while end - start >= HEADER_BYTES:
            kind, req_id, tx_id, length = unpack_header(data, start)
            if length > XENSTORE_PAYLOAD_MAX:
                raise ProtocolBroken(f"a message of {length} bytes")
            first = start + HEADER_BYTES
            if end - first < length:
                break
            start = first + length
            yield XsMessage(kind, req_id, tx_id, data[first:start])
        self._partial = data[start:]

    @property
    def partial(self) -> bytes:
        """What has come of a message that is not complete."""
        return self._partial

    def clear(self, partial: bytes = b"") -> None:
        """Forget what came in part; have this instead."""
        self._partial = partial
