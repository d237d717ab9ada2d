"""The frames of one frontend that a backend has mapped, by grant reference.

With persistent grants a mapping is kept and found again; at most `limit` are kept, and of those that
no request uses the one that was used longest ago goes first. Without, a mapping serves one request.
Rules: one hypercall maps or unmaps a whole batch. A mapping with pins is never given up.
Source: Linux drivers/block/xen-blkback/blkback.c (persistent grants), xen/include/public/grant_table.h.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from actors.abi.hypercalls import Gnttabop
from actors.abi.interface import GrantMapFlags, GrantStatus
from actors.abi.types import PAGE_SIZE
from actors.kernel.kernel import Kernel

PERSISTENT_LIMIT = 1056


@dataclass(slots=True)
class MappedGrant:
    """One mapping, and how many requests use it now."""

    handle: int
    mfn: int
    pins: int = 0


class MappedGrants:
    """The mappings of one connection with domain `domid`."""

    def __init__(self, kernel: Kernel, domid: int, limit: int = PERSISTENT_LIMIT) -> None:
        self._xen = kernel.xen
        self._grants = kernel.grants
        self._domid = domid
        self._limit = limit
        self._kept: dict[int, MappedGrant] = {}
        self._newest = -1

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def pinned(self) -> int:
        """How many uses the kept mappings have now."""
        return sum([each.pins for each in self._kept.values()])  # a generator would cost twice as much

    def find(self, ref: int) -> MappedGrant | None:
        """The mapping that is kept of a reference, which counts as used now."""
        mapping = self._kept.get(ref)
        if mapping is not None and ref != self._newest:
            del self._kept[ref]
            self._kept[ref] = mapping
            self._newest = ref
        return mapping

    async def keep(self, refs: Sequence[int]) -> None:
        """Map those of `refs` that are not kept yet. What the hypervisor refuses is not there afterwards."""
        missing = [ref for ref in dict.fromkeys(refs) if ref not in self._kept]
        mapped = await self.map([(ref, False) for ref in missing])
        for ref, mapping in zip(missing, mapped, strict=True):
            if mapping is not None:
                self._kept[ref] = mapping
                self._newest = ref

    async def map(self, wanted: Sequence[tuple[int, bool]]) -> list[MappedGrant | None]:
        """Map (reference, readonly) rows for one use; None where the hypervisor refuses."""
        if not wanted:
            return []
        ops: list[object] = [
            {"dom": self._domid, "ref": ref, "flags": _READONLY if readonly else _WRITABLE}
            for ref, readonly in wanted
        ]
        out = await self._xen.grant_table_op(Gnttabop.map_grant_ref, ops=ops)
        mapped = [_mapping(each) for each in cast("list[dict[str, int]]", out["ops"])]
        self._grants.mapped += sum(each is not None for each in mapped)
        return mapped

    async def unmap(self, mappings: Sequence[MappedGrant]) -> None:
        """Give mappings back."""
        if not mappings:
            return
        ops: list[object] = [{"handle": each.handle} for each in mappings]
        out = await self._xen.grant_table_op(Gnttabop.unmap_grant_ref, ops=ops)
        self._grants.mapped -= sum(each["status"] == 0 for each in cast("list[dict[str, int]]", out["ops"]))

    async def shrink(self) -> None:
        """Give up what was used longest ago, down to the limit."""
        excess = len(self._kept) - self._limit
        if excess > 0:
            unused = [ref for ref, mapping in self._kept.items() if not mapping.pins][:excess]
            await self.unmap([self._kept.pop(ref) for ref in unused])

    async def release(self) -> None:
        """Give up everything."""
        kept, self._kept = list(self._kept.values()), {}
        self._newest = -1
        await self.unmap(kept)


_WRITABLE = int(GrantMapFlags.host_map)
_READONLY = int(GrantMapFlags.host_map | GrantMapFlags.readonly)


def _mapping(out: dict[str, int]) -> MappedGrant | None:
    if out["status"] != GrantStatus.okay:
        return None
    return MappedGrant(out["handle"], out["dev_bus_addr"] // PAGE_SIZE)
