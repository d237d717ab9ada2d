"""Tools of the control domain, each on a raw link of its own: bytes in, bytes out.

Rules: a tool is as privileged as domain 0. A link that brings nonsense is closed, and nobody else notices.
What comes before a daemon serves waits for it, up to a limit.
Source: tools/xenstored/core.c (the socket's connections).
"""

from typing import Final

from actors.kernel.kernel import Kernel
from actors.kernel.xs_messages import MessageStream, ProtocolBroken
from actors.xenstore.served_store import ServedStore

TOOL: Final = "xenstore-tool/"
"""The links of tools are called so, with a number behind."""

WAITING_BYTES: Final = 64 * 1024


class ToolClients:
    """The links of one domain's tools."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._server: ServedStore | None = None
        self._links: dict[str, int] = {}
        self._streams: dict[str, MessageStream] = {}
        self._early: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def owns(self, link: str) -> bool:
        """Whether it is a tool's."""
        return link.startswith(TOOL)

    def opened(self, link: str) -> None:
        """A tool has connected."""
        self._streams[link] = MessageStream()
        self._kernel.on_link(link, lambda data: self._received(link, data))
        if self._server is not None:
            self._connect(link, self._server)

    def closed(self, link: str, reason: str) -> None:  # noqa: ARG002 (the contract of a `LinkOwner`)
        """A tool is gone."""
        self._forget(link)

    def serve(self, server: ServedStore) -> None:
        """A daemon is there: connect who has come, and answer what they have asked."""
        self._server = server
        for link in list(self._streams):
            self._connect(link, server)
            early = self._early.pop(link, b"")
            if early:
                self._received(link, early)

    def lose_server(self) -> None:
        """The daemon has died, and its sockets with it."""
        self._server = None
        for link in list(self._links):
            self._close(link, "xenstored has died")

    def check(self) -> None:
        """Every connection has its link."""
        assert set(self._links) <= set(self._streams), "a connection without a link"

    def _connect(self, link: str, server: ServedStore) -> None:
        kernel = self._kernel
        self._links[link] = server.connect(lambda message: kernel.send(link, message))

    def _received(self, link: str, data: object) -> None:
        assert isinstance(data, bytes), "tools have raw links"
        server, stream = self._server, self._streams[link]
        if server is None:
            self._early[link] = self._early.get(link, b"") + data
            if len(self._early[link]) > WAITING_BYTES:
                self._close(link, f"more than {WAITING_BYTES} bytes wait for a daemon")
            return
        connection = self._links[link]
        try:
            for each in stream.feed(data):
                server.request(connection, each.kind, each.req_id, each.tx_id, each.payload)
        except ProtocolBroken as error:
            self._close(link, str(error))

    def _close(self, link: str, why: str) -> None:
        self._kernel.close_link(link, why)
        self._forget(link)

    def _forget(self, link: str) -> None:
        if self._streams.pop(link, None) is None:
            return
        self._kernel.off_link(link)
        self._early.pop(link, None)
        connection = self._links.pop(link, None)
        if connection is not None and self._server is not None:
            self._server.disconnect(connection)
