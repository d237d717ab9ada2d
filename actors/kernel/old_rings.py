"""Rings that a frontend uses no more, until nobody has them mapped."""

from actors.kernel.kernel import Kernel


class OldRings:
    """Pages that were granted. One that somebody still has mapped cannot be taken back: it is tried again."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._pages: list[tuple[int, int]] = []

    def __bool__(self) -> bool:
        return bool(self._pages)

    def add(self, gfn: int, ref: int) -> None:
        """A page, and the grant of it."""
        self._pages.append((gfn, ref))

    async def take_back(self) -> None:
        """Free what can be freed."""
        kept = []
        for gfn, ref in self._pages:
            if await self._kernel.grants.revoke(ref):
                self._kernel.pages.free(gfn)
            else:
                kept.append((gfn, ref))
        self._pages = kept
