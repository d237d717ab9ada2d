"""The domain's grant table, and the grants of others that it has mapped.

Rules: an entry's flags are written last; an entry is used again only after `revoke` has succeeded.
Source: xen/include/public/grant_table.h (version 1 entries).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from actors.abi.hypercalls import Gnttabop
from actors.abi.interface import GNTTAB_NR_RESERVED_ENTRIES, GrantFlags, GrantMapFlags
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.kernel.hypercalls import Hypercalls
from actors.runtime.memory import Memory

ENTRIES_PER_FRAME = PAGE_SIZE // 8
MAX_FRAMES = 64


class GrantRefused(Exception):  # noqa: N818 (it names what happened)
    """A grant could not be mapped; `status` is a GNTST value."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{what}: status {status}")
        self.status = status


class GrantTableFull(Exception):  # noqa: N818 (it names what happened)
    """Every entry of the grant table is in use."""


@dataclass(slots=True)
class Mapping:
    """A frame of another domain that we have mapped."""

    handle: int
    mfn: int


class Grants:
    """Grants given and grants mapped, of one kernel."""

    def __init__(self, xen: Hypercalls, memory: Memory) -> None:
        self._xen = xen
        self._memory = memory
        self._tables: list[memoryview] = []
        self._free: list[int] = []
        self.granted = 0
        self.mapped = 0

    async def setup(self, frames: int = 1) -> None:
        """Have at least `frames` grant frames; GrantTableFull if Xen does not give that many."""
        if frames <= len(self._tables):
            return
        out = await self._xen.grant_table_op(Gnttabop.setup_table, dom=DOMID_SELF, nr_frames=frames)
        mfns = out.get("frame_list")
        if out.get("status") != 0 or not isinstance(mfns, list):
            raise GrantTableFull(f"{frames} grant frames: status {out.get('status')}")
        for index in range(len(self._tables), frames):
            self._tables.append(self._memory.words(mfns[index]))
            first = max(index * ENTRIES_PER_FRAME, GNTTAB_NR_RESERVED_ENTRIES)
            self._free.extend(range((index + 1) * ENTRIES_PER_FRAME - 1, first - 1, -1))

    async def grant(self, domid: int, gfn: int, *, readonly: bool = False) -> int:
        """Let `domid` map our frame; the reference."""
        if not self._free:
            if len(self._tables) >= MAX_FRAMES:
                raise GrantTableFull(f"{self.granted} grants")
            await self.setup(len(self._tables) + 1)
        ref = self._free.pop()
        self.write(ref, domid, gfn, readonly=readonly)
        self.granted += 1
        return ref

    def write(self, ref: int, domid: int, gfn: int, *, readonly: bool = False) -> None:
        """Write an entry at a reference of the caller's choice (the reserved ones)."""
        table = self._tables[ref // ENTRIES_PER_FRAME]
        index = ref % ENTRIES_PER_FRAME * 2
        flags = GrantFlags.permit_access | (GrantFlags.readonly if readonly else 0)
        table[index + 1] = gfn
        table[index] = domid << 16 | int(flags)

    async def revoke(self, ref: int) -> bool:
        """Take a grant back; False while the other side has it mapped: then it stays as it is."""
        if not await self._xen.revoke(ref):
            return False
        self._free.append(ref)
        self.granted -= 1
        return True

    async def map(self, domid: int, ref: int, *, readonly: bool = False) -> Mapping:
        """Map a frame that `domid` has granted to us; GrantRefused with Xen's status otherwise."""
        flags = GrantMapFlags.host_map | (GrantMapFlags.readonly if readonly else 0)
        out = await self._xen.grant_table_op(Gnttabop.map_grant_ref, dom=domid, ref=ref, flags=int(flags))
        status, handle, address = out.get("status"), out.get("handle"), out.get("dev_bus_addr")
        if status != 0 or not isinstance(handle, int) or not isinstance(address, int):
            raise GrantRefused(status if isinstance(status, int) else -1, f"grant {ref} of domain {domid}")
        self.mapped += 1
        return Mapping(handle, address // PAGE_SIZE)

    async def map_all(self, wanted: Sequence[tuple[int, int]]) -> list[Mapping | None]:
        """Map (domain, reference) rows by one call; None where Xen refuses."""
        if not wanted:
            return []
        flags = int(GrantMapFlags.host_map)
        ops: list[object] = [{"dom": domid, "ref": ref, "flags": flags} for domid, ref in wanted]
        out = await self._xen.grant_table_op(Gnttabop.map_grant_ref, ops=ops)
        found = [
            Mapping(each["handle"], each["dev_bus_addr"] // PAGE_SIZE) if each["status"] == 0 else None
            for each in cast("list[dict[str, int]]", out["ops"])
        ]
        self.mapped += sum(each is not None for each in found)
        return found

    async def unmap(self, mapping: Mapping) -> None:
        """Give a mapping back; GrantRefused if Xen does not know it."""
        out = await self._xen.grant_table_op(Gnttabop.unmap_grant_ref, handle=mapping.handle)
        status = out.get("status")
        if status != 0:
            raise GrantRefused(status if isinstance(status, int) else -1, f"handle {mapping.handle}")
        self.mapped -= 1

    def frame(self, mapping: Mapping) -> memoryview:
        """The bytes of a mapped frame."""
        return self._memory.frame(mapping.mfn)
