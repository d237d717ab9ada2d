"""Grants between domains: map, unmap, copy, and the release of everything when a domain dies.

Rules: a mapping holds one pin on the granter's entry and one reference on the frame; both go with
it. The grant frames of a table belong to the hypervisor and go when the granter is gone for good.
A mapping for the host and for devices is one mapping with two sides, which may be given back one
after the other. Source: xen/common/grant_table.c.
Left out: page tables: an address is a name that the mapper gives, compared and never used.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import XenError
from actors.abi.interface import GrantMapFlags, GrantStatus
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.frames import FrameTable
from actors.hypervisor.grant_table import GrantRefusal, GrantTable, Mapping, Pin
from actors.runtime.memory import Memory

# Plain integers: an operation on an IntFlag costs more than all the rest of a mapping.
_HOST: Final = int(GrantMapFlags.host_map)
_DEVICE: Final = int(GrantMapFlags.device_map)
_READONLY: Final = int(GrantMapFlags.readonly)
_BOTH: Final = _HOST | _DEVICE
_KEPT: Final = _BOTH | _READONLY


@dataclass(slots=True)
class CopyEnd:
    """One end of a copy: bytes from `offset` in the frame of a grant (`ref`) or of the caller's own `gfn`."""

    table: GrantTable
    offset: int
    ref: int | None
    gfn: int | None


class Grants:
    """The operations that concern the grant tables of two domains."""

    def __init__(self, memory: Memory, frames: FrameTable) -> None:
        self._memory = memory
        self._frames = frames
        self.mapped = 0

    def grow(self, table: GrantTable, nr_frames: int) -> None:
        """gnttab_grow_table: more frames. GrantRefusal beyond the table's limit or without memory."""
        if nr_frames > table.max_frames:
            raise GrantRefusal(GrantStatus.general_error, f"{nr_frames} grant frames of {table.max_frames}")
        missing = nr_frames - len(table.frames)
        if missing <= 0:
            return
        try:
            extents = self._frames.allocate(missing)
        except XenError as error:
            raise GrantRefusal(GrantStatus.general_error, "no memory for grant frames") from error
        for start, count in extents:
            table.frames.extend(range(start, start + count))
            table.words.extend(self._memory.words(mfn) for mfn in range(start, start + count))

    def map(
        self, mapper: GrantTable, granter: GrantTable, ref: int, flags: int, host_addr: int | None = None
    ) -> tuple[int, int]:
        """map_grant_ref: map a grant, `flags` being `GNTMAP_*`; (handle, mfn). GrantRefusal."""
        if not mapper.can_track():
            raise GrantRefusal(GrantStatus.no_space, f"domain {mapper.domid} has no maptrack entry left")
        mfn = granter.pin(ref, mapper.domid, flags)
        self._frames.get(mfn)
        self.mapped += 1
        return mapper.track(Mapping(granter, ref, mfn, flags & _KEPT, host_addr)), mfn

    def unmap(self, mapper: GrantTable, handle: int, sides: int, host_addr: int | None, bus: int) -> None:
        """Give back the `sides` (host_map, device_map) of a mapping; with the last one the mapping goes.

        A side that is not mapped is passed over, as in unmap_common. GrantRefusal for a handle that is none
        (bad_handle) or names another frame (bad_dev_addr) or address (general_error).
        """
        mapping = mapper.maptrack.get(handle)
        if mapping is None:
            raise GrantRefusal(GrantStatus.bad_handle, f"handle {handle}")
        done = mapping.flags & sides
        if done & _DEVICE and bus and bus != mapping.mfn * PAGE_SIZE:
            raise GrantRefusal(GrantStatus.bad_dev_addr, f"handle {handle} is not at {bus:#x}")
        if done & _HOST and host_addr is not None and host_addr != mapping.host_addr:
            raise GrantRefusal(GrantStatus.general_error, f"handle {handle} is not at {host_addr:#x}")
        if not done:
            return
        mapping.granter.unpin(mapping.ref, done | mapping.flags & _READONLY)
        mapping.flags &= ~done
        if not mapping.flags & _BOTH:
            mapper.untrack(handle)
            self._frames.put(mapping.mfn)
            self.mapped -= 1

    def copy(self, caller: GrantTable, source: CopyEnd, dest: CopyEnd, length: int) -> None:
        """Copy bytes between two frames. GrantRefusal, and then nothing is copied.

        The source is claimed first, then the destination (gnttab_copy_claim_buf), and only then do lengths
        count (gnttab_copy_buf).
        """
        from_mfn = self._claim(caller, source, _HOST | _READONLY)
        try:
            to_mfn = self._claim(caller, dest, _HOST)
            try:
                if max(source.offset, dest.offset) + length > PAGE_SIZE:
                    raise GrantRefusal(GrantStatus.bad_copy_arg, f"{length} bytes do not fit the frames")
                data = self._memory.frame(from_mfn)[source.offset : source.offset + length]
                self._memory.frame(to_mfn)[dest.offset : dest.offset + length] = data
            finally:
                if dest.ref is not None:
                    dest.table.unpin(dest.ref, _HOST)
        finally:
            if source.ref is not None:
                source.table.unpin(source.ref, _HOST | _READONLY)

    def _claim(self, caller: GrantTable, end: CopyEnd, flags: int) -> int:
        if end.ref is not None:
            return end.table.pin(end.ref, caller.domid, flags, copies=True)
        mfn = end.table.physmap.mfn(end.gfn) if end.gfn is not None else None
        if mfn is None:
            raise GrantRefusal(GrantStatus.bad_page, f"nothing behind gfn {end.gfn}")
        return mfn

    def release_mappings(self, mapper: GrantTable) -> None:
        """gnttab_release_mappings: the mapper is dead, and gives all back; the granters are not told."""
        for handle in sorted(mapper.maptrack):
            self.unmap(mapper, handle, _BOTH, None, 0)

    def release_table(self, table: GrantTable) -> None:
        """grant_table_destroy: the granter is gone, and nobody has a grant of it: its frames are freed."""
        assert not table.pins, f"domain {table.domid} is gone and grants of it are in use"
        table.words.clear()
        self._frames.release([(mfn, 1) for mfn in table.frames], table.physmap)
        table.frames.clear()


def check_grants(tables: list[GrantTable], frames: FrameTable, foreign: dict[int, int]) -> None:
    """Pins equal mappings, and references to frames equal mappings and foreign pages together.

    What the entries say is not looked at: a guest may write them at any time, and hurts only itself.
    """
    wanted: dict[tuple[int, int], Pin] = {}
    references = dict(foreign)
    known = {id(table) for table in tables}
    for table in tables:
        for handle, mapping in table.maptrack.items():
            where = f"handle {handle} of domain {table.domid}"
            assert id(mapping.granter) in known, f"{where}: the granter's domain is gone"
            assert mapping.flags & _BOTH, f"{where}: neither side is mapped"
            key = (id(mapping.granter), mapping.ref)
            wanted.setdefault(key, Pin(mapping.mfn, table.domid)).add(mapping.flags, 1)
            references[mapping.mfn] = references.get(mapping.mfn, 0) + 1
            pin = mapping.granter.pins.get(mapping.ref)
            assert pin is not None, f"{where}: the grant is not pinned"
            assert (pin.mfn, pin.domid) == (mapping.mfn, table.domid), f"{where}: pinned for somebody else"
    for table in tables:
        for ref, pin in table.pins.items():
            where = f"grant {ref} of domain {table.domid}"
            found = wanted.pop((id(table), ref), None)
            assert found == pin, f"{where}: pins {pin}, mappings {found}"
    assert not wanted, "mappings of grants that are not pinned"
    assert references == frames.references, "references to frames differ from mappings and foreign pages"
