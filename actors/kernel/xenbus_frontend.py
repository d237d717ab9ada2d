"""The frontend's half of a split driver: its handshake in XenStore, and what it does when a backend dies.

With policy `reconnect` a backend that begins anew (InitWait while we are Connected) is offered everything
anew, unless its `reconnect` key says `resume`: then it takes up what there is by itself, and we only see to
it that our keys are in the store. With any other we do what a frontend of the world does.
Rules: decisions follow from the two states by the frontend's row (`frontend_conduct`); what is offered, and
what is done with it, is the device's (`frontend_device`).
Source: Linux drivers/block/xen-blkfront.c, drivers/net/xen-netfront.c, xen/include/public/io/xenbus.h.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.kernel.frontend_actions import AWAY, CLOSING, Action, Detachment, Wish
from actors.kernel.frontend_conduct import CONDUCTS
from actors.kernel.frontend_device import FrontendDevice
from actors.kernel.frontend_look import Look
from actors.kernel.invitation import KEY as INVITATION
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store, state_text, switch_state, write_device
from actors.kernel.threads import Future
from actors.kernel.xenbus import Watch
from actors.policies import Frontend

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
        self._conduct = CONDUCTS[policy]
        self._backend_id = 0
        self._watch: Watch | None = None
        self._offered_to = 0
        self._answered = ""
        self._connected: Future[None] = Future()
        self._closed: Future[None] = Future()
        self._wish = Wish.USE
        self._detachment = Detachment.NONE
        self._released = False
        self._to_close_first = self._conduct.closes_first

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
        if self._conduct.follows:
            if self._detachment is Detachment.TOLD:
                self._detachment = Detachment.FORGOTTEN
            super()._store_came_back()

    async def _look(self) -> None:
        if self._take_breach() or self._wish in AWAY:
            await self._start_closing()
        was_lost, had_backend = self.store_lost, bool(self._backend)
        look = await self._find()
        if self.store_lost and not was_lost:
            return  # what was asked of one store may have been answered by the next: it is looked again
        if self.store_lost:
            await self._tell_lost(look)
            return
        if self._wish is Wish.REOPEN and self._conduct.may_begin_anew(self.state, look.backend_state):
            await self._begin_anew()
        replaced = self._conduct.plugs_anew and look.is_another_device(self._backend_id)
        if had_backend and (replaced or not look.named_backend):
            await self._lose(look)
            return
        if not look.named_backend:
            if self._wish is Wish.LEAVE:
                self._closed.set(None)
            return
        if self.state is XenbusState.Closed and self._is_attached_again(look):
            await self._begin_anew()
        if not await self._is_seen(look):
            return
        action = self._conduct.actions.get((self.state, look.backend_state))
        if action is not None:
            await self._act(action, look)

    async def _tell_lost(self, look: Look) -> None:
        """Tell a store what it has lost, unless that is of no use to the backend that is there now."""
        waits = self.state is XenbusState.Connected and look.backend_state is XenbusState.InitWait
        await self._tell_again(lambda: self._renew(look) if look.calls_for_renewal else self._publish_again())
        # Who waits for what is told here has it now. Any other is looked at as it is after that.
        if not waits:
            self._changed.set()

    async def _act(self, action: Action, look: Look) -> None:
        moved = self._backend_id != self._offered_to
        match action:
            case Action.OFFER if self._to_close_first:
                self._to_close_first, self._wish = False, Wish.REOPEN
                self._changed.set()
            case Action.OFFER:
                await self._offer(look)
            case Action.OFFER_IF_MOVED if moved or look.invites_anew(self._answered):
                await self._offer(look)
            case Action.USE_BACKEND:
                await self._use_backend(look)
            case Action.RENEW if look.calls_for_renewal:
                await self._renew(look)
            case Action.OFFER_IF_MOVED | Action.RENEW | Action.SEE_TO_KEYS:
                await self._publish_if_forgotten(look)
            case Action.REFRESH:
                await self._publish_if_forgotten(look)
                self.refresh(look.told(self.refresh_keys))
            case Action.CLOSE_IF_OFFLINE if not await look.is_offline():
                pass
            case Action.CLOSE_WHEN_DRAINED if not self.drain():
                self.say(f"{self.in_flight} requests are in flight")
            case Action.REFUSE_TO_CLOSE:
                self.say("Device in use; refusing to close")
            case Action.CLOSE | Action.CLOSE_IF_OFFLINE | Action.CLOSE_WHEN_DRAINED:
                await self._close(look)

    async def _find(self) -> Look:
        look = Look(self, self._backend)
        await look.read()
        backend = look.named_backend
        if not backend or (self._backend and not self._conduct.follows):
            return look
        self._backend_id = look.backend_id
        if backend != self._backend:
            if self._watch is not None:
                await self.store.unwatch(self._watch)
            self._watch = await self.store.watch(f"{backend}/state", self._wake)
            self._backend = backend
            await look.turn_to(backend)
        return look

    async def _is_seen(self, look: Look) -> bool:
        """Whether the backend knows that we are back, if we had been away."""
        theirs = look.backend_state
        if self._wish is Wish.RETURN and theirs in CLOSING and not await look.is_offline():
            return False
        if self._wish is Wish.RETURN and theirs in {XenbusState.InitWait, *CLOSING}:
            self._wish = Wish.USE
        return True

    async def _lose(self, look: Look) -> None:
        """The toolstack has taken the device away, in order or not, and may have put another in its place."""
        if self._conduct.holds_on and self.state is XenbusState.Connected:
            return
        if self._conduct.drains and not self.drain():
            self.say(f"the device is gone, and {self.in_flight} requests are in flight")
            return
        await self._remove()
        if look.named_backend:
            self._changed.set()

    async def _remove(self) -> None:
        self._backend = ""
        if self._watch is not None:
            await self.store.unwatch(self._watch)
            self._watch = None
        self.fail()
        self.state = XenbusState.Closed
        self._to_close_first = self._conduct.closes_first
        self._detachment = self._detachment.told()
        await self.release()
        self.say("the device is gone")
        self._closed.set(None)

    def _is_attached_again(self, look: Look) -> bool:
        """Whether a toolstack has made a device in place of the one that is closed, or has forgotten why."""
        if self._wish is Wish.LEAVE:
            return False
        if self._detachment is Detachment.FORGOTTEN:
            return True
        return look.own_state is XenbusState.Initialising

    async def _offer(self, look: Look) -> None:
        domid = self._backend_id
        self.prepare(look.told(self.offer_keys))
        await self.offer(domid)
        self._offered_to, self._answered = domid, look.invitation
        await self._publish(XenbusState.Initialised)

    async def _publish(self, state: XenbusState) -> None:
        self.state = state
        answered = {INVITATION: self._answered} if self._answered else {}
        await write_device(self.store, self.path, {**self.keys(), **answered}, self.told_state)

    async def _publish_again(self) -> None:
        if self.state in {XenbusState.Initialised, XenbusState.Connected}:
            self.published_again += 1
            await self._publish(self.state)
        elif self.state is not XenbusState.Initialising and self._detachment is Detachment.NONE:
            await switch_state(self.store, self.path, "backend", self.state)

    async def _publish_if_forgotten(self, look: Look) -> None:
        if self._conduct.follows and look.is_forgotten:
            await self._publish_again()

    async def _use_backend(self, look: Look) -> None:
        self.learn(look.told(self.attach_keys))
        told, self.state = self.told_state, XenbusState.Connected
        if told is not self.state:
            await self.store.write(f"{self.path}/state", state_text(self.state))
        self.attach()
        self._connected.set(None)

    async def _renew(self, look: Look) -> None:
        self.reconnects += 1
        self.say(f"another backend; {self.in_flight} requests are in flight")
        await self._offer(look)

    async def _start_closing(self) -> None:
        if self.state not in CLOSING:
            self.fail()
            if self._wish is Wish.LEAVE:
                self._connected.fail(XenError(Errno.EIO, f"{self.path} is closed"))
            await self._write_state(XenbusState.Closing)

    async def _close(self, look: Look) -> None:
        if self.state not in CLOSING:
            self._detachment = self._detachment.told()
        await self._start_closing()
        gone = await self.release()
        self._released = gone and self._wish is Wish.LEAVE
        if self.state is not XenbusState.Closed:
            await self._write_state(XenbusState.Closed)
            self.say("closed")
        self._closed.set(None)
        if self._wish is Wish.REOPEN and self._conduct.may_begin_anew(self.state, look.backend_state):
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
