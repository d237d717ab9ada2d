"""How a file says what a guest does over its networks.

Rules: what belongs to another kind of talk is refused, not ignored.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from actors.domu.talk.content import BLOCK_MAX, BLOCK_MIN
from actors.domu.talk.datagram import HEAD_BYTES
from actors.domu.talk.documents import find_document
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import BitRate, Duration, Name, Port, Rate, Size

DATAGRAM_MAX: Final = 1472
"""What one packet of 1500 bytes holds: nothing is fragmented."""
CONNECTIONS_MAX: Final = 256
TALKS_MAX: Final = 32
PORTS: Final[Mapping[str, int]] = {"ping": 0, "udp": 7, "stream": 5001, "http": 80}
_OF_CLIENTS: Final = {
    "ping": {"rate", "size", "requests"},
    "udp": {"port", "rate", "size", "requests"},
    "stream": {"port", "bandwidth", "connections", "block", "bytes", "reconnect", "retry"},
    "http": {"port", "rate", "connections", "documents", "requests", "reconnect", "retry"},
}


def _document(name: str) -> str:
    if find_document(name) is None:
        raise ValueError(f"no server has a document {name!r}; a size as 64K, or a name and a size as a-64K")
    return name


def _block(size: int) -> int:
    if not BLOCK_MIN <= size <= BLOCK_MAX or size % 8:
        raise ValueError(f"a block of {size} bytes is not possible; a multiple of 8 from 512B to 64KiB")
    return size


class TalkSchema(Strict):
    """One end of a talk: `to` somebody, or `serve`. `bandwidth` is that of each connection."""

    kind: Literal["ping", "udp", "stream", "http"]
    to: str | None = None
    serve: bool = False
    on: Name | None = None
    port: Port | None = None
    rate: Rate | None = None
    bandwidth: BitRate | None = None
    size: Annotated[int, Field(ge=HEAD_BYTES, le=DATAGRAM_MAX)] | None = None
    requests: Annotated[int, Field(ge=1)] | None = None
    connections: Annotated[int, Field(ge=1, le=CONNECTIONS_MAX)] | None = None
    block: Annotated[Size, AfterValidator(_block)] | None = None
    bytes: Size | None = None
    documents: Annotated[list[Annotated[str, AfterValidator(_document)]] | None, Field(min_length=1)] = None
    reconnect: bool | None = None
    retry: Duration | None = None

    def wrong(self) -> tuple[str, str] | None:
        """What of it does not go together, and what would be right; None if all does."""
        if self.serve and self.kind == "ping":
            return "there is no server for ping", "leave it out: every guest answers"
        if self.serve == (self.to is not None):
            said = "both to and serve" if self.serve else "neither to nor serve"
            return f"the {self.kind} talk has {said}", "to: host0/db-0 asks, serve: true answers"
        fits = {"port"} if self.serve else _OF_CLIENTS[self.kind]
        told = self.model_fields_set - {"kind", "to", "serve", "on"} - fits
        if told:
            who = "server" if self.serve else "client"
            return f"{min(told)} is of no use to a {self.kind} {who}", f"one of {', '.join(sorted(fits))}"
        if self.port == 0:
            return "nobody can be reached at port 0", "a port from 1 to 65535"
        return None
