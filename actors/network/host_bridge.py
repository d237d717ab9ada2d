"""A bridge of a host as those see it that plug interfaces into it.

Rules: `deliver` and `send` neither wait nor call back: what one gives the bridge comes to others within this
call, never to itself.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from actors.network.packet import Packet


class BridgePort(Protocol):
    """One interface that is plugged in."""

    def send(self, packet: Packet) -> None:
        """It has sent a frame; what is refused is counted by the bridge."""
        ...

    def leave(self) -> None:
        """It is pulled out: nothing is delivered any more."""
        ...


class HostBridge(Protocol):
    """A bridge in the domain that drives its uplink."""

    @property
    def mtu(self) -> int:
        """Of its uplink, in bytes of IP packet."""
        ...

    def join(
        self,
        name: str,
        deliver: Callable[[Packet], None],
        *,
        macs: Sequence[bytes] = (),
        ips: Sequence[str] | None = None,
    ) -> BridgePort:
        """Plug in an interface (`vif1.0`), told of the frames for it by `deliver`.

        With `macs`, and `ips` if they are told, its frames may have no other sources. ValueError if the name,
        or an address that is told, is taken.
        """
        ...
