"""The backend of a paravirtual disk: its handshake through XenStore, and how it takes up where another died.

Policy `renegotiate`: a frontend that is Connected to somebody who is dead has to begin anew; until it
does it is not served. Policy `resume` (same domain id): the old ring is mapped and the old port bound
again, and what has no response is done again, in order; `resume_journal` says how that is safe. The
`reconnect` key tells the frontend which of the two it is to expect; when resuming turns out to be
impossible the key is changed, and the frontend begins anew.
A device that is `online` 0 is being detached: it closes, ends in Closed once its frontend is, and connects to
nobody any more.
Rules: decisions follow from the two states (`ACTIONS`); a pair that is absent calls for nothing. A frontend
that breaks the ring loses its service, others go on.
Source: Linux drivers/block/xen-blkback/xenbus.c, xen/include/public/io/{blkif,xenbus}.h.
Left out: a frontend whose nodes alone vanish is waited for, since a store that was lost looks the same.
"""

from collections.abc import Awaitable, Callable

from actors.abi.blkif import BLKIF_PROTOCOL, BLKIF_SLOT_BYTES, VDISK_READONLY
from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.abi.types import SECTOR_SIZE
from actors.block.blkback_actions import ACTIONS, LEAVING, Action
from actors.block.blkback_statistics import BlkbackStatistics, Recoveries
from actors.block.mapped_grants import MappedGrants
from actors.block.resume_journal import ResumeJournal
from actors.block.vbd_queue import VbdCounters, VbdQueue, Volume
from actors.kernel.grants import GrantRefused, Grants, Mapping
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.irq import Irq
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.store import Store, read_number, read_or, read_state, state_text, switch_state, write_nodes
from actors.kernel.threads import Signal, Threads
from actors.runtime.memory import Memory

RENEGOTIATE = "renegotiate"
RESUME = "resume"


class ResumeImpossibleError(Exception):
    """The old ring cannot be taken up; the text says why."""


class Blkback:
    """One paravirtual disk, served to domain `frontend_domid`. `run` lasts until the device is removed."""

    def __init__(
        self,
        *,
        threads: Threads,
        irq: Irq,
        grants: Grants,
        xen: Hypercalls,
        memory: Memory,
        xenbus: Store,
        log: Callable[[str], None],
        at_turn_end: Callable[[Callable[[], None]], None],
        path: str,
        frontend_path: str,
        frontend_domid: int,
        volume: Volume,
        policy: str,
        early: bool = False,
        state: XenbusState = XenbusState.Initialising,
    ) -> None:
        """`early`: it sees a lost store before that is rebuilt, as dom0 does; `remove` tells it the rest.

        `state`: what its node has; Closing for one that is to be detached and was never served from here.
        """
        assert policy in {RENEGOTIATE, RESUME}, f"a backend has no policy {policy}"
        self._threads = threads
        self._irq = irq
        self._grants = grants
        self._xen = xen
        self._memory = memory
        self._at_turn_end = at_turn_end
        self._xenbus = xenbus
        self._log = log
        self._path = path
        self._frontend_path = frontend_path
        self._domid = frontend_domid
        self._volume = volume
        self._policy = policy
        self._early = early
        self._changed = Signal()
        self._counters = VbdCounters()
        self._queue: VbdQueue | None = None
        self._ring_mapping: Mapping | None = None
        self._port = 0
        self._must_renegotiate = policy == RENEGOTIATE
        self._survivor = False
        self._store_lost = False
        self._online_changed = True
        self._offline = False
        self._broken = ""
        self._removed = False
        self._recoveries = Recoveries()
        self._actions: dict[Action, Callable[[], Awaitable[None]]] = {
            Action.CONNECT: self._connect,
            Action.TAKE_UP: self._take_up,
            Action.SHUT: self._shut,
            Action.CLOSE: self._close,
            Action.REOPEN: self._reopen,
        }
        self.state = state

    async def run(self) -> None:
        """Serve the device until its nodes are removed, or it is offline and its frontend is closed."""
        self._xenbus.on_reconnect(self._store_came_back)
        watches = [
            await self._xenbus.watch(f"{self._frontend_path}/state", self._wake),
            await self._xenbus.watch(f"{self._path}/online", self._wake_online),
        ]
        while not self._removed:
            await self._changed.wait()
            try:
                await self._look()
            except XenError as error:
                self._log(f"blkback: {self._path}: {error}")
        await self._disconnect()
        for watch in watches:
            await self._xenbus.unwatch(watch)

    def remove(self) -> None:
        """The device is to go; `run` ends when the volume has answered what it was asked."""
        self._removed = True
        self._changed.set()

    def misanswer(self) -> bool:
        """Have the next answer be to a request that was never asked; False without a connection."""
        if self._queue is not None:
            self._queue.misanswer = True
        return self._queue is not None

    @property
    def attached(self) -> bool:
        """Whether it serves a ring: what was asked there may still be at the volume."""
        return self._queue is not None

    def check(self) -> None:
        """Invariants."""
        if self._queue is not None:
            self._queue.check()

    def statistics(self) -> BlkbackStatistics:
        """What this backend has done."""
        counters, queue = self._counters, self._queue
        return BlkbackStatistics(
            domid=self._domid,
            device=int(self._path.rpartition("/")[2]),
            state=self.state.name,
            requests=counters.reads + counters.writes + counters.flushes + counters.refused,
            reads=counters.reads,
            writes=counters.writes,
            flushes=counters.flushes,
            refused=counters.refused,
            segments=counters.segments,
            bytes=counters.bytes,
            errors=counters.errors,
            in_flight=queue.in_flight if queue is not None else 0,
            persistent_mappings=queue.persistent_mappings if queue is not None else 0,
            resumes=self._recoveries.resumes,
            renegotiations=self._recoveries.renegotiations,
            resumes_refused=self._recoveries.resumes_refused,
        )

    def _wake(self, _path: str) -> None:
        self._changed.set()

    def _wake_online(self, _path: str) -> None:
        self._online_changed = True
        self._changed.set()

    def _store_came_back(self) -> None:
        self._store_lost = True
        self._changed.set()

    def _on_event(self) -> None:
        if self._queue is not None:
            self._queue.poll()

    def _break(self, why: str) -> None:
        self._broken = why
        self._changed.set()

    async def _look(self) -> None:
        if self._broken:
            why, self._broken = self._broken, ""
            self._log(f"blkback: {self._path}: domain {self._domid} broke the ring: {why}")
            await self._shut()
        if self._store_lost:
            if not await read_or(self._xenbus, f"{self._path}/frontend", ""):
                # Whoever rebuilds the store has not come to us yet, or we are not to be there any more.
                self._removed = self._removed or not self._early
                return
            await self._tell_again()
        if self._online_changed:
            await self._look_whether_offline()
        begins = self.state is XenbusState.Initialising
        if begins:
            await self._reopen()
        front = await read_state(self._xenbus, self._frontend_path)
        # What has just been begun is no other device's; a store that says so has lost what was written.
        if not (begins and front is XenbusState.Initialising) and await self._is_removed(front):
            # What was asked of one store may have been answered by the next.
            if not self._store_lost:
                await self._leave()
            return
        self._survivor = self._survivor or front is XenbusState.Connected
        action = ACTIONS.get((self.state, front))
        if action is not None and (action in LEAVING or not self._offline):
            await self._actions[action]()

    async def _look_whether_offline(self) -> bool:
        """Whether it is being detached, and said so."""
        self._online_changed = False
        self._offline = await read_or(self._xenbus, f"{self._path}/online", "") == "0"
        # Whoever detaches has written Closing there already; we may have written something else since.
        if self._offline and self.state not in {XenbusState.Closing, XenbusState.Closed}:
            await self._tell_offline(XenbusState.Closing)
        return self._offline

    async def _is_removed(self, front: XenbusState) -> bool:
        if front is XenbusState.Closed:
            return await self._look_whether_offline()
        if front is XenbusState.Unknown:
            return self._offline or not await read_or(self._xenbus, f"{self._path}/frontend", "")
        if front is not XenbusState.Initialising or self.state is XenbusState.Initialising:
            return False
        # Nodes that were written anew while we still served those of before are another device's.
        return await read_state(self._xenbus, self._path) is XenbusState.Initialising

    async def _leave(self) -> None:
        self._removed = True
        await self._disconnect()
        if self._offline:
            await self._tell_offline(XenbusState.Closed)

    async def _tell_offline(self, state: XenbusState) -> None:
        """Write the state into the nodes of a device that is detached, not into those of the next one."""
        await switch_state(self._xenbus, self._path, "online", state, value="0")
        self.state = state

    async def _reopen(self) -> None:
        self._survivor = False
        await self._disconnect()
        await self._wait_for_frontend()

    async def _wait_for_frontend(self) -> None:
        expect = RENEGOTIATE if self._must_renegotiate else RESUME
        await self._write({"reconnect": expect}, XenbusState.InitWait)

    async def _connect(self) -> None:
        """The frontend has offered a ring."""
        if self._queue is None:
            try:
                await self._attach(resuming=False)
            except (GrantRefused, RingBroken, XenError) as error:
                if self._store_lost:
                    return  # half of it was asked of the next store
                self._log(f"blkback: {self._path}: the ring cannot be used: {error}")
                await self._shut()
                return
            self._recoveries.renegotiations += self._survivor
            self._survivor = False
            self._must_renegotiate = self._policy == RENEGOTIATE
        await self._publish_connected()

    async def _take_up(self) -> None:
        """The frontend is connected to somebody who is dead."""
        if self._must_renegotiate:
            return
        if self._queue is None:
            try:
                await self._attach(resuming=True)
            except (ResumeImpossibleError, GrantRefused, RingBroken, XenError) as error:
                if self._store_lost:
                    return
                self._log(f"blkback: {self._path}: cannot resume, the frontend must begin anew: {error}")
                self._recoveries.resumes_refused += 1
                self._must_renegotiate = True
                await self._wait_for_frontend()
                return
            self._recoveries.resumes += 1
            self._survivor = False
        await self._publish_connected()

    async def _attach(self, *, resuming: bool) -> None:
        ref = await read_number(self._xenbus, f"{self._frontend_path}/ring-ref")
        port = await read_number(self._xenbus, f"{self._frontend_path}/event-channel")
        protocol = await read_or(self._xenbus, f"{self._frontend_path}/protocol", "")
        persistent = await read_or(self._xenbus, f"{self._frontend_path}/feature-persistent", "0") == "1"
        if protocol != BLKIF_PROTOCOL:
            raise XenError(Errno.EINVAL, f"protocol {protocol[:40]!r}")
        mapping = await self._grants.map(self._domid, ref)
        try:
            queue = await self._make_queue(mapping, port, persistent=persistent, resuming=resuming)
        except (ResumeImpossibleError, RingBroken, XenError):
            await self._grants.unmap(mapping)
            raise
        self._ring_mapping = mapping
        self._queue = queue
        queue.poll()
        # Responses of a dead backend may have come without an event, and events to it were lost.
        if resuming:
            self._irq.notify(self._port)

    async def _make_queue(
        self, mapping: Mapping, remote_port: int, *, persistent: bool, resuming: bool
    ) -> VbdQueue:
        page, words = self._grants.frame(mapping), self._memory.words(mapping.mfn)
        journal = ResumeJournal(words, page)
        if resuming:
            if not journal.is_kept():
                raise ResumeImpossibleError("whoever served it last kept no journal")
            journal.restore()
        ring = BackRing(words, BLKIF_SLOT_BYTES)
        port = await self._irq.bind_interdomain(self._domid, remote_port, "blkif-backend", self._on_event)
        keep_journal = self._policy == RESUME
        if not resuming:
            journal.begin(kept=keep_journal)
        self._port = port
        device = self._path.rpartition("/")[2]
        return VbdQueue(
            self._threads,
            MappedGrants(self._xen, self._grants, self._domid),
            self._volume,
            self._counters,
            frontend=(self._domid, int(device) & 0xFFFF if device.isdecimal() else 0),
            ring=ring,
            page=page,
            persistent=persistent,
            journal=journal if keep_journal else None,
            at_turn_end=self._at_turn_end,
            notify=lambda: self._irq.notify(port),
            broken=self._break,
        )

    async def _publish_connected(self) -> None:
        volume = self._volume
        nodes = {
            "feature-flush-cache": "1",
            "feature-persistent": "1",
            "sectors": str(volume.sectors),
            "info": str(VDISK_READONLY if volume.read_only else 0),
            "sector-size": str(SECTOR_SIZE),
            "physical-sector-size": str(SECTOR_SIZE),
        }
        await self._write(nodes, XenbusState.Connected)
        self._log(f"blkback: {self._path}: connected to domain {self._domid}")

    async def _tell_again(self) -> None:
        self._store_lost = False  # it may be lost once more meanwhile
        try:
            if self._offline and not await self._look_whether_offline():
                # What was to be detached is to be there again: whoever knew of it is gone with the store.
                self.state = XenbusState.Connected if self.attached else XenbusState.Initialising
            await self._publish_again()
        except XenError:
            self._store_lost = True
            raise

    async def _publish_again(self) -> None:
        if self.state is XenbusState.Connected:
            await self._publish_connected()
        elif self.state is XenbusState.InitWait:
            await self._wait_for_frontend()
        elif self.state is not XenbusState.Initialising:
            await self._switch(self.state)

    async def _shut(self) -> None:
        await self._disconnect()
        await self._switch(XenbusState.Closing)

    async def _close(self) -> None:
        await self._disconnect()
        await self._switch(XenbusState.Closed)

    async def _disconnect(self) -> None:
        queue, mapping = self._queue, self._ring_mapping
        if queue is None or mapping is None:
            return
        self._irq.unbind(self._port)
        await queue.close()
        self._queue = self._ring_mapping = None
        await self._grants.unmap(mapping)
        self._log(f"blkback: {self._path}: disconnected from domain {self._domid}")

    async def _write(self, nodes: dict[str, str], state: XenbusState) -> None:
        await write_nodes(self._xenbus, self._path, {**nodes, "state": state_text(state)})
        self.state = state

    async def _switch(self, state: XenbusState) -> None:
        await switch_state(self._xenbus, self._path, "frontend", state)
        self.state = state
