"""What a kind of device has of its own in a frontend: the handshake (`xenbus_frontend`) asks for it by these.

Rules: a method that is not overridden is of a device that has no such thing.
"""

from collections.abc import Mapping

from actors.abi.interface import XenbusState
from actors.kernel.device_statistics import FrontendStatistics
from actors.kernel.xenbus_end import XenbusEnd


class FrontendDevice(XenbusEnd[FrontendStatistics]):
    """A device as its handshake sees it."""

    mark = ""
    """The key that no other offer than the last one has, if there is such a key."""

    offered_state = XenbusState.Initialised
    """What the store is told of its state when an offer is made (`Initialised`).

    Where that is Connected already, an offer cannot be told from one to a backend that is dead: it is made to
    an `invitation`, which a backend writes with InitWait, and its number is told with it.
    """

    offer_keys: tuple[str, ...] = ()
    """What it learns of its backend before it makes an offer."""

    attach_keys: tuple[str, ...] = ()
    """What it learns of its backend before it attaches."""

    refresh_keys: tuple[str, ...] = ()
    """What it learns of its backend whenever that, while both are connected, has said something again."""

    @property
    def told_state(self) -> XenbusState:
        """Our state as the store is told of it."""
        return self.offered_state if self.state is XenbusState.Initialised else self.state

    @property
    def in_flight(self) -> int:
        """What was asked of the device and has no answer."""
        return 0

    def keys(self) -> dict[str, str]:
        """What the store is told of the last offer."""
        return {}

    def prepare(self, told: Mapping[str, str]) -> None:
        """What the backend says by `offer_keys`, before each offer; XenError if none can be made."""

    async def offer(self, domid: int) -> None:
        """Make anew what a backend in this domain is to use, and give back what the last one used."""

    def learn(self, told: Mapping[str, str]) -> None:
        """What the backend says of the device, by `attach_keys`; XenError if that cannot be used."""

    def attach(self) -> None:
        """Both ends are connected: what waits, and what the last backend has not answered, may go."""

    def refresh(self, told: Mapping[str, str]) -> None:
        """What a backend that is connected has said again, by `refresh_keys`; XenError as above."""

    def fail(self) -> None:
        """Nobody will answer: what was asked fails, and so does what is asked from now on."""

    def drain(self) -> bool:
        """Nothing more is taken; whether nothing is in flight that has to be waited for.

        If not, it is looked again once all of that has its answers.
        """
        self.fail()
        return True

    def revive(self) -> None:
        """There will be a backend again: what is asked from now on waits for it."""

    async def release(self) -> bool:
        """Give everything back; False if the other side holds on to some: then it is tried again."""
        return True
