"""Frames of a network frontend that its backend may use, and their grants.

Rules: a frame is granted once and used again and again for as long as the backend's domain is the same. A
grant that names another domain is revoked and given anew; one that is still mapped is kept aside for later.
Source: Linux drivers/net/xen-netfront.c (xennet_alloc_rx_buffers), where buffers are granted each time.
"""

from dataclasses import dataclass

from actors.abi.errno import Errno, XenError
from actors.kernel.grants import GrantTableFull
from actors.kernel.kernel import Kernel
from actors.kernel.pages import OutOfPages


@dataclass(slots=True)
class GrantedFrame:
    """One frame of ours, and the reference by which the backend knows it."""

    gfn: int
    view: memoryview
    gref: int


class GrantedFrames:
    """The frames of one purpose. `frames`: those that there are, at most `most` and at least `least`."""

    def __init__(self, kernel: Kernel, *, least: int, most: int, readonly: bool) -> None:
        self._pages = kernel.pages
        self._grants = kernel.grants
        self._least = least
        self._most = most
        self._readonly = readonly
        self._domid = 0
        self._stale: list[int] = []
        self.frames: list[GrantedFrame] = []

    async def use(self, domid: int) -> None:
        """Work with a backend in this domain. XenError ENOMEM if there are too few frames for any packet."""
        if domid != self._domid:
            self._domid = domid
            for frame in self.frames:
                if not await self._grants.revoke(frame.gref):
                    self._stale.append(frame.gref)
                frame.gref = await self._grants.grant(domid, frame.gfn, readonly=self._readonly)
        try:
            while len(self.frames) < self._most:
                await self._make()
        except (OutOfPages, GrantTableFull) as error:
            if len(self.frames) < self._least:
                raise XenError(Errno.ENOMEM, f"{self._least} frames for packets: {error}") from error

    async def release(self) -> bool:
        """Revoke and free everything; False if the other side holds on to some: then try again later."""
        kept = []
        for frame in self.frames:
            if await self._grants.revoke(frame.gref):
                self._pages.free(frame.gfn)
            else:
                kept.append(frame)
        self.frames = kept
        self._stale = [ref for ref in self._stale if not await self._grants.revoke(ref)]
        return not kept and not self._stale

    async def _make(self) -> None:
        gfn = self._pages.allocate()
        try:
            gref = await self._grants.grant(self._domid, gfn, readonly=self._readonly)
        except GrantTableFull:
            self._pages.free(gfn)
            raise
        self.frames.append(GrantedFrame(gfn, self._pages.frame(gfn), gref))
