"""The backend's half of a split driver: its handshake in XenStore, and how it follows one that died.

Policy `renegotiate`: a frontend that is Connected to somebody who is dead has to begin anew; until it
does it is not served. Policy `resume` (same domain id): what the frontend has offered to the dead one is
taken up as it is. The `reconnect` key tells the frontend which of the two it is to expect; when resuming
turns out to be impossible the key is changed, and the frontend begins anew.
A device that is `online` 0 is being detached: it closes, ends in Closed once its frontend is, and connects to
nobody any more.
Rules: decisions follow from the two states (`backend_actions`); what is served, and how, is the device's (the
methods that subclasses have).
Source: Linux drivers/block/xen-blkback/xenbus.c, drivers/net/xen-netback/xenbus.c,
xen/include/public/io/xenbus.h.
Left out: a frontend whose nodes alone vanish is waited for, since a store that was lost looks the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.abi.errno import XenError
from actors.abi.interface import XenbusState
from actors.kernel.backend_actions import ACTIONS, LEAVING, Action
from actors.kernel.device_statistics import BackendStatistics
from actors.kernel.grants import GrantRefused
from actors.kernel.handover import Device
from actors.kernel.invitation import Invitation
from actors.kernel.kernel import Kernel
from actors.kernel.recovery_box import RecoveryBox
from actors.kernel.ring import RingBroken
from actors.kernel.store import Store, read_or, read_state, switch_state, write_device
from actors.kernel.xenbus_end import XenbusEnd
from actors.policies import Reconnect


class ResumeImpossibleError(Exception):
    """What a dead backend has left cannot be taken up; the text says why."""


@dataclass(slots=True)
class Recoveries:
    """How often a frontend that was connected to somebody who is dead was taken up, or has begun anew."""

    resumes: int = 0
    renegotiations: int = 0
    resumes_refused: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A device that is to be served: where both ends are in the store, and whose the frontend is (`domid`).

    `policy`: how one that lived on is served. `state`: what its node has; Closing for one that is to be
    detached and was never served from here. `lived_on`: its frontend was connected to somebody who is dead,
    which a store that is lost as well cannot say. `early`: its backend sees a lost store before that is
    rebuilt, as dom0 does; then `remove` tells it the rest. `box`: where it may be written down that it is
    served: which `device`, and what it gives access to (`backing`).
    """

    path: str
    frontend_path: str
    domid: int
    policy: Reconnect
    state: XenbusState = XenbusState.Initialising
    early: bool = False
    lived_on: bool = False
    device: Device = ("", 0, 0)
    backing: str = ""
    box: RecoveryBox | None = None


class XenbusBackend(XenbusEnd[BackendStatistics]):
    """A device that this domain serves to another one. `run` lasts until the device is removed."""

    probed: Mapping[str, str] = {}
    """What the store is told of the device as soon as a frontend may make an offer."""

    invites = False
    """Whether its frontends are Connected as soon as they make an offer (`FrontendDevice.offered_state`)."""

    def __init__(self, kernel: Kernel, store: Store, served: Served) -> None:
        super().__init__(kernel, store, served.path)
        self.state = served.state
        self.served = served
        self.recoveries = Recoveries()
        self._must_renegotiate = not served.policy.keeps_rings
        self._survivor = served.lived_on
        self._online_changed = True
        self._offline = False
        self._removed = False
        self._invitation = Invitation(served.frontend_path)

    async def run(self) -> None:
        """Serve the device until its nodes are removed, or it is offline and its frontend is closed."""
        self.store.on_reconnect(self._store_came_back)
        watches = [
            await self.store.watch(f"{self.served.frontend_path}/state", self._wake),
            await self.store.watch(f"{self.path}/online", self._wake_online),
        ]
        await self._attend()
        await self._disconnect()
        for watch in watches:
            await self.store.unwatch(watch)

    def remove(self) -> None:
        """The device is to go; `run` ends when all is answered that was asked of what is behind it."""
        self._removed = True
        self._changed.set()

    @property
    def attached(self) -> bool:
        """Whether it serves somebody: what was asked may still be under way."""
        raise NotImplementedError

    def keys(self) -> dict[str, str]:
        """What the store is told of the device."""
        return {}

    async def attach(self, *, resuming: bool) -> None:
        """Use what the frontend has offered; `resuming`: to a backend that is dead.

        XenError, GrantRefused, RingBroken, ResumeImpossibleError if it cannot be used: then nothing is kept.
        """
        raise NotImplementedError

    async def detach(self) -> None:
        """End what is under way and give everything back."""
        raise NotImplementedError

    def _is_over(self) -> bool:
        return self._removed

    def _wake_online(self, path: str) -> None:
        self._online_changed = True
        self._wake(path)

    async def _look(self) -> None:
        if self._take_breach():
            await self._shut()
        if self.store_lost:
            if not await read_or(self.store, f"{self.path}/frontend", ""):
                # Whoever rebuilds the store has not come to us yet, or we are not to be there any more.
                self._removed = self._removed or not self.served.early
                return
            await self._tell_again(self._publish_again)
        if self._online_changed:
            await self._look_whether_offline()
        begins = self.state is XenbusState.Initialising
        if begins:
            await self._reopen()
        front = await read_state(self.store, self.served.frontend_path)
        # What has just been begun is no other device's; a store that says so has lost what was written.
        if not (begins and front is XenbusState.Initialising) and await self._is_removed(front):
            # What was asked of one store may have been answered by the next.
            if not self.store_lost:
                await self._leave()
            return
        action = ACTIONS.get((self.state, front))
        if action is Action.TAKE_UP and self.invites and await self._invitation.is_answered(self.store):
            action = Action.CONNECT
        elif front is XenbusState.Connected:
            self._survivor = True
        if action is not None and (action in LEAVING or not self._offline):
            await self._act(action)

    async def _act(self, action: Action) -> None:
        match action:
            case Action.CONNECT:
                await self._connect()
            case Action.TAKE_UP:
                await self._take_up()
            case Action.SHUT:
                await self._shut()
            case Action.CLOSE:
                await self._disconnect()
                await self._switch(XenbusState.Closed)
            case Action.REOPEN:
                self._survivor = False
                await self._reopen()

    async def _look_whether_offline(self) -> bool:
        """Whether it is being detached, and said so."""
        self._online_changed = False
        self._offline = await read_or(self.store, f"{self.path}/online", "") == "0"
        # Whoever detaches has written Closing there already; we may have written something else since.
        if self._offline and self.state not in {XenbusState.Closing, XenbusState.Closed}:
            await self._tell_offline(XenbusState.Closing)
        return self._offline

    async def _is_removed(self, front: XenbusState) -> bool:
        if front is XenbusState.Closed:
            return await self._look_whether_offline()
        if front is XenbusState.Unknown:
            return self._offline or not await read_or(self.store, f"{self.path}/frontend", "")
        if front is not XenbusState.Initialising or self.state is XenbusState.Initialising:
            return False
        # Nodes that were written anew while we still served those of before are another device's.
        return await read_state(self.store, self.path) is XenbusState.Initialising

    async def _leave(self) -> None:
        self._removed = True
        await self._disconnect()
        if self._offline:
            await self._tell_offline(XenbusState.Closed)

    async def _tell_offline(self, state: XenbusState) -> None:
        """Write the state into the nodes of a device that is detached, not into those of the next one."""
        await switch_state(self.store, self.path, "online", state, value="0")
        self.state = state

    async def _reopen(self) -> None:
        await self._disconnect()
        self._invitation.renew(self.kernel.threads.now_ns)
        await self._wait_for_frontend()

    async def _wait_for_frontend(self) -> None:
        expect = Reconnect.renegotiate if self._must_renegotiate else Reconnect.resume
        invitation = self._invitation.nodes() if self.invites else {}
        told = {"reconnect": expect.value, **invitation, **self.probed}
        await self._write(told, XenbusState.InitWait)

    async def _connect(self) -> None:
        """The frontend has made an offer."""
        if not self.attached:
            try:
                await self.attach(resuming=False)
            except (GrantRefused, RingBroken, XenError) as error:
                if self.store_lost:
                    return  # half of it was asked of the next store
                self.say(f"the ring cannot be used: {error}")
                await self._shut()
                return
            self.recoveries.renegotiations += self._survivor
            self._survivor = False
            self._must_renegotiate = not self.served.policy.keeps_rings
        await self._publish_connected()

    async def _take_up(self) -> None:
        """The frontend is connected to somebody who is dead."""
        if self._must_renegotiate:
            return
        if not self.attached:
            try:
                await self.attach(resuming=True)
            except (ResumeImpossibleError, GrantRefused, RingBroken, XenError) as error:
                if self.store_lost:
                    return
                self.say(f"cannot resume, the frontend must begin anew: {error}")
                self.recoveries.resumes_refused += 1
                self._must_renegotiate = True
                self._invitation.renew(self.kernel.threads.now_ns)
                await self._wait_for_frontend()
                return
            self.recoveries.resumes += 1
            self._survivor = False
        await self._publish_connected()

    async def _publish_connected(self) -> None:
        await self._write(self.keys(), XenbusState.Connected)
        self.say(f"connected to domain {self.served.domid}")

    async def _publish_again(self) -> None:
        if self._offline and not await self._look_whether_offline():
            # What was to be detached is to be there again: whoever knew of it is gone with the store.
            self.state = XenbusState.Connected if self.attached else XenbusState.Initialising
        if self.state is XenbusState.Connected:
            await self._publish_connected()
        elif self.state is XenbusState.InitWait:
            await self._wait_for_frontend()
        elif self.state is not XenbusState.Initialising:
            await self._switch(self.state)

    async def _shut(self) -> None:
        await self._disconnect()
        await self._switch(XenbusState.Closing)

    async def _disconnect(self) -> None:
        if self.attached:
            await self.detach()
            self.say(f"disconnected from domain {self.served.domid}")

    async def _write(self, nodes: dict[str, str], state: XenbusState) -> None:
        await write_device(self.store, self.path, nodes, state)
        self.state = state

    async def _switch(self, state: XenbusState) -> None:
        await switch_state(self.store, self.path, "frontend", state)
        self.state = state
