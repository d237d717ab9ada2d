"""The frames through which a block frontend hands data to its backend, and their grants.

With persistent grants a frame is granted once and used again and again; without, a frame that comes
back has its grant revoked, and is granted anew when it is wanted.
Rules: frames are granted and revoked in threads, off the path of requests; at most `MAX_FRAMES` exist.
A grant that the other side still has mapped is kept aside and revoked later.
Source: xen/include/public/io/blkif.h (feature-persistent).
"""

from collections.abc import Callable
from dataclasses import dataclass

from actors.abi.blkif import BLKIF_MAX_SEGMENTS, BLKIF_RING_ENTRIES
from actors.kernel.grants import GrantTableFull
from actors.kernel.kernel import Kernel
from actors.kernel.pages import OutOfPages

MAX_FRAMES = BLKIF_RING_ENTRIES * BLKIF_MAX_SEGMENTS
MIN_FRAMES = BLKIF_MAX_SEGMENTS
NO_GRANT = -1


@dataclass(slots=True)
class DataFrame:
    """One frame of ours, and the reference by which the backend knows it."""

    gfn: int
    view: memoryview
    gref: int = NO_GRANT


class DataFrames:
    """The data frames of one frontend. `ready` may be popped from, if it holds as many as are needed."""

    def __init__(self, kernel: Kernel, refilled: Callable[[], None]) -> None:
        self._threads = kernel.threads
        self._pages = kernel.pages
        self._grants = kernel.grants
        self._refilled = refilled
        self._domid = 0
        self._all: list[DataFrame] = []
        self._bare: list[DataFrame] = []
        self._returned: list[DataFrame] = []
        self._held: list[DataFrame] = []
        self._stale: list[int] = []
        self._wanted = 0
        self._busy = False
        self.persistent = False
        self.ready: list[DataFrame] = []

    async def use(self, domid: int) -> None:
        """Work with this backend domain: grants that name another one are given anew."""
        moved = domid != self._domid
        self._domid = domid
        if moved:
            for frame in self._all:
                if frame.gref != NO_GRANT:
                    if not await self._grants.revoke(frame.gref):
                        self._stale.append(frame.gref)
                    frame.gref = await self._grants.grant(domid, frame.gfn)
        while len(self._all) < MIN_FRAMES:
            self.ready.append(await self._make())

    def want(self, count: int) -> None:
        """Have `count` frames ready as soon as possible; `refilled` is called then."""
        self._wanted = max(self._wanted, count)
        self._work()

    def put(self, frames: list[DataFrame]) -> None:
        """Frames that the backend does not need any more."""
        if self.persistent:
            self.ready.extend(frames)
        else:
            self._returned.extend(frames)
            self._work()

    async def release(self) -> bool:
        """Revoke and free everything; False if the other side holds on to some: then try again later."""
        kept = [frame for frame in self._all if not await self._free(frame)]
        self._all = kept
        for frames in (self.ready, self._bare, self._returned, self._held):
            frames.clear()
        self._stale = [ref for ref in self._stale if not await self._grants.revoke(ref)]
        return not kept and not self._stale

    async def _free(self, frame: DataFrame) -> bool:
        if frame.gref != NO_GRANT and not await self._grants.revoke(frame.gref):
            return False
        self._pages.free(frame.gfn)
        return True

    async def _make(self) -> DataFrame:
        gfn = self._pages.allocate()
        frame = DataFrame(gfn, self._pages.frame(gfn))
        self._all.append(frame)
        frame.gref = await self._grants.grant(self._domid, gfn)
        return frame

    def _work(self) -> None:
        if not self._busy:
            self._busy = True
            self._threads.spawn("data frames", self._revoke_and_grant())

    async def _revoke_and_grant(self) -> None:
        self._returned.extend(self._held)
        self._held.clear()
        before = len(self.ready)
        try:
            while await self._revoke_one() or await self._grant_one():
                pass
        except (OutOfPages, GrantTableFull):
            # There are MIN_FRAMES at least: requests wait for those that come back.
            pass
        self._busy = False
        if len(self.ready) >= self._wanted:
            self._wanted = 0
        if len(self.ready) > before:
            self._refilled()

    async def _revoke_one(self) -> bool:
        if not self._returned:
            return False
        frame = self._returned.pop()
        if await self._grants.revoke(frame.gref):
            frame.gref = NO_GRANT
            self._bare.append(frame)
        else:
            self._held.append(frame)
        return True

    async def _grant_one(self) -> bool:
        if len(self.ready) >= self._wanted:
            return False
        if self._bare:
            frame = self._bare.pop()
            frame.gref = await self._grants.grant(self._domid, frame.gfn)
        elif len(self._all) < MAX_FRAMES:
            frame = await self._make()
        else:
            return False
        self.ready.append(frame)
        return True
