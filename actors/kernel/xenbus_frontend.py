"""The frontend's half of a split driver: its handshake in XenStore, and what it does when a backend dies.

With policy `reconnect` a backend that begins anew (InitWait while we are Connected) is offered everything
anew, unless its `reconnect` key says `resume`: then it takes up what there is by itself, and we only see to
it that our keys are in the store. With `stock-linux` we do what Linux does: ignore that the backend is gone,
and hang.
Rules: decisions follow from the two states (`frontend_actions`); what is offered, and what is done with it,
is the device's (`frontend_device`).
Source: Linux drivers/block/xen-blkfront.c, drivers/net/xen-netfront.c, xen/include/public/io/xenbus.h.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.kernel.frontend_actions import ACTIONS, AWAY, CLOSING, Action, Detachment, Wish
from actors.kernel.frontend_device import FrontendDevice
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store, read_number, read_or, read_state, state_text, switch_state, write_nodes
from actors.kernel.threads import Future
from actors.kernel.xenbus import Watch
from actors.policies import Frontend, Reconnect

CLOSE_PATIENCE_NS = 5_000_000_000


class XenbusFrontend(FrontendDevice):
    """A device of this domain.

    `reconnects`: how often another backend was offered everything anew; `published_again`: how often the
    store was told again what it had lost.
    """

    def __init__(self, kernel: Kernel, store: Store, path: str, policy: Frontend) -> None:
        super().__init__(kernel, store, path)
        self._backend = ""
        self.reconnects = 0
        self.published_again = 0
        self._policy = policy
        self._backend_id = 0
        self._watch: Watch | None = None
        self._offered_to = 0
        self._connected: Future[None] = Future()
        self._closed: Future[None] = Future()
        self._wish = Wish.USE
        self._detachment = Detachment.NONE
        self._released = False

    async def connect(self) -> None:
        """Begin, and wait until the device is attached and of use. XenError EIO if it is closed for good."""
        self.kernel.threads.spawn(f"{self.driver} {self.path}", self._run())
        await self._connected

    async def disconnect(self, *, for_good: bool = True) -> None:
        """Close the device in order. One that is not closed `for_good` may be reopened."""
        self._wish = Wish.LEAVE if for_good else Wish.PAUSE
        self._changed.set()
        threads = self.kernel.threads
        deadline = threads.at(threads.now_ns + CLOSE_PATIENCE_NS)
        deadline.when_done(lambda: self._closed.set(None))
        await self._closed
        deadline.set(None)

    def reopen(self) -> None:
        """Begin anew with a device that was closed, but not for good, as soon as it is; any other stays."""
        if self._wish is Wish.PAUSE:
            self._wish = Wish.REOPEN
        self._changed.set()

    async def _run(self) -> None:
        self.store.on_reconnect(self._store_came_back)
        await self.store.watch(f"{self.path}/backend", self._wake)
        await self._attend()

    def _is_over(self) -> bool:
        return self._released

    def _store_came_back(self) -> None:
        if self._policy.reconnects:
            if self._detachment is Detachment.TOLD:
                self._detachment = Detachment.FORGOTTEN
            super()._store_came_back()

    async def _look(self) -> None:
        if self._take_breach() or self._wish in AWAY:
            await self._start_closing()
        if self.store_lost:
            await self._tell_again()
        if self._wish is Wish.REOPEN and self.state is XenbusState.Closed:
            await self._begin_anew()
        if not await self._find_backend():
            if self._wish is Wish.LEAVE:
                self._closed.set(None)
            return
        if self.state is XenbusState.Closed and await self._is_attached_again():
            await self._begin_anew()
        theirs = await read_state(self.store, self._backend)
        if not await self._is_seen(theirs):
            return
        action = ACTIONS.get((self.state, theirs))
        if action is not None:
            await self._act(action)

    async def _act(self, action: Action) -> None:
        match action:
            case Action.OFFER:
                await self._offer()
            case Action.OFFER_IF_MOVED:
                await self._offer_if_moved()
            case Action.USE_BACKEND:
                await self._use_backend()
            case Action.RENEW:
                await self._renew()
            case Action.SEE_TO_KEYS:
                await self._see_to_keys()
            case Action.REFRESH:
                await self._see_to_keys()
                await self.refresh(self._backend)
            case Action.CLOSE:
                await self._close()

    async def _find_backend(self) -> bool:
        backend = await read_or(self.store, f"{self.path}/backend", "")
        if not backend:
            # What was asked of one store may have been answered by the next, which has no nodes yet.
            if self._backend and not self.store_lost:
                await self._remove()
            return False
        if self._backend and not self._policy.reconnects:
            return True
        self._backend_id = await read_number(self.store, f"{self.path}/backend-id")
        if backend != self._backend:
            if self._watch is not None:
                await self.store.unwatch(self._watch)
            self._watch = await self.store.watch(f"{backend}/state", self._wake)
            self._backend = backend
        return True

    async def _is_seen(self, theirs: XenbusState) -> bool:
        """Whether the backend knows that we are back, if we had been away."""
        if self._wish is Wish.RETURN and theirs in CLOSING:
            online = await read_or(self.store, f"{self._backend}/online", "")
            if online != "0":
                return False
        if self._wish is Wish.RETURN and theirs in {XenbusState.InitWait, *CLOSING}:
            self._wish = Wish.USE
        return True

    async def _remove(self) -> None:
        """The toolstack has taken the device away, in order or not."""
        self._backend = ""
        if self._watch is not None:
            await self.store.unwatch(self._watch)
            self._watch = None
        self.fail()
        self.state = XenbusState.Closed
        self._detachment = self._detachment.told()
        await self.release()
        self.say("the device is gone")
        self._closed.set(None)

    async def _is_attached_again(self) -> bool:
        """Whether a toolstack has made a device in place of the one that is closed, or has forgotten why."""
        if self._wish is Wish.LEAVE:
            return False
        if self._detachment is Detachment.FORGOTTEN:
            return True
        return await read_state(self.store, self.path) is XenbusState.Initialising

    async def _offer(self) -> None:
        domid = self._backend_id
        await self.offer(domid)
        self._offered_to = domid
        await self._publish(XenbusState.Initialised)

    async def _offer_if_moved(self) -> None:
        if self._backend_id != self._offered_to:
            await self._offer()
        else:
            await self._publish_if_forgotten()

    async def _publish(self, state: XenbusState) -> None:
        self.state = state
        await write_nodes(self.store, self.path, {**self.keys(), "state": state_text(state)})

    async def _publish_again(self) -> None:
        if self.state in {XenbusState.Initialised, XenbusState.Connected}:
            self.published_again += 1
            await self._publish(self.state)
        elif self.state is not XenbusState.Initialising and self._detachment is Detachment.NONE:
            await switch_state(self.store, self.path, "backend", self.state)

    async def _publish_if_forgotten(self) -> None:
        known = await read_state(self.store, self.path)
        mark = await read_or(self.store, f"{self.path}/{self.mark}", "") if self.mark else ""
        if known is not self.state or mark != self.keys().get(self.mark, ""):
            await self._publish_again()

    async def _use_backend(self) -> None:
        await self.read_backend(self._backend)
        if self.store_lost:
            return  # half of it was read from the next store, which may not have it yet
        self.state = XenbusState.Connected
        await self.store.write(f"{self.path}/state", state_text(self.state))
        self.attach()
        self._connected.set(None)

    async def _renew(self) -> None:
        if not self._policy.reconnects:
            return
        if await read_or(self.store, f"{self._backend}/reconnect", "") == Reconnect.resume:
            await self._publish_if_forgotten()
            return
        self.reconnects += 1
        self.say(f"another backend; {self.in_flight} requests are in flight")
        await self._offer()

    async def _see_to_keys(self) -> None:
        if self._policy.reconnects:
            await self._publish_if_forgotten()

    async def _start_closing(self) -> None:
        if self.state not in CLOSING:
            self.fail()
            if self._wish is Wish.LEAVE:
                self._connected.fail(XenError(Errno.EIO, f"{self.path} is closed"))
            await self._write_state(XenbusState.Closing)

    async def _close(self) -> None:
        if self.state not in CLOSING:
            self._detachment = self._detachment.told()
        await self._start_closing()
        gone = await self.release()
        self._released = gone and self._wish is Wish.LEAVE
        if self.state is not XenbusState.Closed:
            await self._write_state(XenbusState.Closed)
            self.say("closed")
        self._closed.set(None)
        if self._wish is Wish.REOPEN:
            self._changed.set()

    async def _begin_anew(self) -> None:
        self._wish, self._detachment = Wish.RETURN, Detachment.NONE
        self._closed = Future()
        self.revive()
        await self._write_state(XenbusState.Initialising)

    async def _write_state(self, state: XenbusState) -> None:
        # Where Initialising stands although we were further, there is another device already.
        other = None if self.state is XenbusState.Initialising else XenbusState.Initialising
        self.state = state  # before it is answered: a store that comes back is told what is meant
        await switch_state(self.store, self.path, "backend", state, not_over=other)
