"""What a frontend finds in the store when it looks: its own nodes, and those of its backend.

Rules: all that a decision may need is asked for at once, since an answer that is waited for costs a turn of
three domains. The backend's state is read before what else it says, which is not older then.
Source: Linux drivers/xen/xenbus/xenbus_probe.c (read_backend_details, xenbus_otherend_changed), which asks
for one node after the other.
"""

from actors.abi.interface import XenbusState
from actors.kernel.frontend_device import FrontendDevice
from actors.kernel.invitation import KEY as INVITATION
from actors.kernel.store import number_of, read_or, state_of, state_text
from actors.policies import Reconnect


class Look:
    """One look of a frontend; `backend` is the path of the backend that it knew, or has turned to."""

    def __init__(self, device: FrontendDevice, backend: str) -> None:
        self._device = device
        self._nodes: dict[str, str] = {}
        self.backend = backend

    async def read(self) -> None:
        """Read both ends. What a store that was lost has of ours does not matter: it is told all."""
        device = self._device
        own = ["backend", "backend-id", *(() if device.store_lost else self._offered)]
        paths = [f"{device.path}/{key}" for key in own]
        self._nodes = await device.store.look(paths + self._backend_paths(), device.has_seen)

    async def turn_to(self, backend: str) -> None:
        """The backend is another one: read that one's nodes."""
        self.backend = backend
        self._nodes |= await self._device.store.read_all(self._backend_paths())

    @property
    def named_backend(self) -> str:
        """The backend's path, as the toolstack has written it; nothing if there is none any more."""
        return self._own("backend")

    @property
    def backend_id(self) -> int:
        """The domain of that backend. ENOENT, EINVAL."""
        return number_of(self._nodes, f"{self._device.path}/backend-id")

    @property
    def own_state(self) -> XenbusState:
        """What the store has for our state."""
        return state_of(self._own("state"))

    def is_another_device(self, backend_id: int) -> bool:
        """Whether a toolstack has put another device in the place of this one, which did not see it go.

        xenbus_dev_changed: `backend_id` is whose this one is, as one that got nowhere has the same state.
        """
        if self.own_state is not XenbusState.Initialising:
            return False
        return self._device.state is not XenbusState.Initialising or self.backend_id != backend_id

    async def is_offline(self) -> bool:
        """Whether the toolstack takes the device away, which is asked now."""
        return await read_or(self._device.store, f"{self.backend}/online", "") == "0"

    @property
    def calls_for_renewal(self) -> bool:
        """Whether a backend has begun anew that will not take up what we have."""
        again = self.backend_state is XenbusState.InitWait and not self.backend_resumes
        return again and self._device.state is XenbusState.Connected

    @property
    def backend_state(self) -> XenbusState:
        """The state of our backend."""
        return state_of(self._nodes.get(f"{self.backend}/state", ""))

    @property
    def backend_resumes(self) -> bool:
        """Whether a backend that has begun anew takes up what we have offered to the last one."""
        return self._nodes.get(f"{self.backend}/reconnect") == Reconnect.resume

    @property
    def invitation(self) -> str:
        """The number of the backend's invitation, if the device is one that answers to these."""
        return self._nodes.get(f"{self.backend}/{INVITATION}", "")

    def invites_anew(self, answered: str) -> bool:
        """Whether a backend that takes up nothing waits for an offer, and not for the one that was made."""
        waits = self.backend_state is XenbusState.InitWait and not self.backend_resumes
        return waits and self.invitation != answered

    def told(self, keys: tuple[str, ...]) -> dict[str, str]:
        """What the backend says by these keys."""
        paths = {key: f"{self.backend}/{key}" for key in keys}
        return {key: self._nodes[path] for key, path in paths.items() if path in self._nodes}

    @property
    def is_forgotten(self) -> bool:
        """Whether the store does not have what it was told of our last offer."""
        meant = {**self._device.keys(), "state": state_text(self._device.told_state)}
        return any(self._own(key) != meant.get(key, "") for key in self._offered)

    @property
    def _offered(self) -> tuple[str, ...]:
        mark = self._device.mark
        return ("state", mark) if mark else ("state",)

    def _own(self, key: str) -> str:
        return self._nodes.get(f"{self._device.path}/{key}", "")

    def _backend_paths(self) -> list[str]:
        if not self.backend:
            return []
        keys = ["state"]
        answers = self._device.offered_state is XenbusState.Connected
        if answers or self._device.state is XenbusState.Connected:
            keys.append("reconnect")
        if answers:
            keys.append(INVITATION)
        keys += self._device.offer_keys
        if self._device.state is XenbusState.Initialised:
            keys += self._device.attach_keys
        elif self._device.state is XenbusState.Connected:
            keys += () if self._device.store_lost else self._device.refresh_keys
        return [f"{self.backend}/{key}" for key in keys]
