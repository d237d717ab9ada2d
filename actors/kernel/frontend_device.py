"""What a kind of device has of its own in a frontend: the handshake (`xenbus_frontend`) asks for it by these.

Rules: a method that is not overridden is of a device that has no such thing.
"""

from actors.kernel.device_statistics import FrontendStatistics
from actors.kernel.xenbus_end import XenbusEnd


class FrontendDevice(XenbusEnd[FrontendStatistics]):
    """A device as its handshake sees it."""

    mark = ""
    """The key that no other offer than the last one has, if there is such a key."""

    @property
    def in_flight(self) -> int:
        """What was asked of the device and has no answer."""
        return 0

    def keys(self) -> dict[str, str]:
        """What the store is told of the last offer."""
        return {}

    async def offer(self, domid: int) -> None:
        """Make anew what a backend in this domain is to use, and give back what the last one used."""

    async def read_backend(self, backend: str) -> None:
        """Learn what the backend at this path says of the device."""

    def attach(self) -> None:
        """Both ends are connected: what waits, and what the last backend has not answered, may go."""

    async def refresh(self, backend: str) -> None:
        """The backend at this path, which is connected, has said something again."""

    def fail(self) -> None:
        """Nobody will answer: what was asked fails, and so does what is asked from now on."""

    def revive(self) -> None:
        """There will be a backend again: what is asked from now on waits for it."""

    async def release(self) -> bool:
        """Give everything back; False if the other side holds on to some: then it is tried again."""
        return True
