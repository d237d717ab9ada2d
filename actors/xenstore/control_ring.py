"""The ring of domain 0 as a daemon in a domain of its own serves it: domain 0 may die and come again.

Rules: its port is ours and stays; whether domain 0 has bound it is looked up, since nobody says so.
Source: tools/helpers/init-xenstore-domain.c; that domain 0 comes again is ours.
"""

from collections.abc import Awaitable, Callable

from actors.abi.errno import XenError
from actors.abi.hypercalls import Evtchnop
from actors.abi.interface import EvtchnStatus
from actors.abi.types import DOMID_SELF
from actors.kernel.kernel import Kernel
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.ring_client import RingClient
from actors.xenstore.ring_setup import map_ring, unmap
from actors.xenstore.rings import Rings


class ControlRing:
    """The ring of domain 0 behind the `kept_port` of `rings`; `came` serves a new one."""

    def __init__(self, kernel: Kernel, rings: Rings, came: Callable[[RingClient], Awaitable[None]]) -> None:
        self._kernel = kernel
        self._rings = rings
        self._came = came

    async def find(self) -> None:
        """Let domain 0 be served if it has bound our port: anew if its page is not the one that we know."""
        kernel, port = self._kernel, self._rings.kept_port
        status = await kernel.xen.event_channel_op(Evtchnop.status, dom=DOMID_SELF, port=port)
        known = self._rings.by_domain.get(CONTROL_DOMAIN)
        client: RingClient | None = None
        if status.get("status") == EvtchnStatus.interdomain:
            try:
                client = await map_ring(kernel, CONTROL_DOMAIN, None)
            except XenError as error:
                kernel.log(f"xenstored: domain 0 has bound its port, but: {error}")
        if client is not None and known is not None and known.mapping.mfn == client.mapping.mfn:
            await unmap(kernel, client.mapping)
            return
        if known is not None:
            await self._rings.gone(CONTROL_DOMAIN)
        if client is not None:
            client.port = port
            kernel.log("xenstored: domain 0 is there")
            await self._came(client)
