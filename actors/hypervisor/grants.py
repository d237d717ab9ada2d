"""Grants between domains: map, unmap, copy, and the release of everything when a domain dies.

Rules: a mapping holds one pin on the granter's entry and one reference on the frame; both go with
it. The grant frames of a table belong to the hypervisor and go when the granter is gone for good.
Source: xen/common/grant_table.c.
Left out: transfer, unmap_and_replace, swap_grant_ref, cache_flush.
"""

from dataclasses import dataclass

from actors.abi.errno import XenError
from actors.abi.interface import GrantStatus
from actors.abi.types import PAGE_SIZE
from actors.hypervisor.frames import FrameTable
from actors.hypervisor.grant_table import GrantRefusal, GrantTable, Mapping
from actors.runtime.memory import Memory


@dataclass(frozen=True, slots=True)
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
        """Give a table more frames. GrantRefusal beyond its limit or without memory."""
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

    def map(self, mapper: GrantTable, granter: GrantTable, ref: int, *, readonly: bool) -> tuple[int, int]:
        """Map a grant; (handle, mfn). GrantRefusal."""
        if not mapper.can_track():
            raise GrantRefusal(GrantStatus.no_space, f"domain {mapper.domid} has no maptrack entry left")
        mfn = granter.pin(ref, mapper.domid, readonly=readonly)
        self._frames.get(mfn)
        self.mapped += 1
        return mapper.track(Mapping(granter, ref, mfn, readonly)), mfn

    def unmap(self, mapper: GrantTable, handle: int, bus_address: int) -> None:
        """Give a mapping back. GrantRefusal for a handle that is none or names another frame."""
        mapping = mapper.maptrack.get(handle)
        if mapping is None:
            raise GrantRefusal(GrantStatus.bad_handle, f"handle {handle}")
        if bus_address and bus_address != mapping.mfn * PAGE_SIZE:
            raise GrantRefusal(GrantStatus.bad_dev_addr, f"handle {handle} is not at {bus_address:#x}")
        mapper.untrack(handle)
        mapping.granter.unpin(mapping.ref, readonly=mapping.readonly)
        self._frames.put(mapping.mfn)
        self.mapped -= 1

    def copy(self, caller: GrantTable, source: CopyEnd, dest: CopyEnd, length: int) -> None:
        """Copy bytes between two frames. GrantRefusal, and then nothing is copied."""
        if not length:
            return
        from_mfn = self._claim(caller, source, readonly=True)
        try:
            to_mfn = self._claim(caller, dest, readonly=False)
            try:
                if (
                    max(source.offset, dest.offset) + length > PAGE_SIZE
                    or min(source.offset, dest.offset, length) < 0
                ):
                    raise GrantRefusal(GrantStatus.bad_copy_arg, f"{length} bytes do not fit the frames")
                data = bytes(self._memory.frame(from_mfn)[source.offset : source.offset + length])
                self._memory.frame(to_mfn)[dest.offset : dest.offset + length] = data
            finally:
                _unclaim(dest, readonly=False)
        finally:
            _unclaim(source, readonly=True)

    def _claim(self, caller: GrantTable, end: CopyEnd, *, readonly: bool) -> int:
        if end.ref is not None:
            return end.table.pin(end.ref, caller.domid, readonly=readonly)
        mfn = end.table.physmap.mfn(end.gfn) if end.gfn is not None else None
        if mfn is None:
            raise GrantRefusal(GrantStatus.bad_page, f"nothing behind gfn {end.gfn}")
        return mfn

    def release_mappings(self, mapper: GrantTable) -> None:
        """The mapper is dead: all that it had mapped is given back; the granters are not told."""
        for handle in sorted(mapper.maptrack):
            self.unmap(mapper, handle, 0)

    def release_table(self, table: GrantTable) -> None:
        """The granter is gone for good, and nobody has a grant of it: its grant frames are freed."""
        assert not table.pins, f"domain {table.domid} is gone and grants of it are in use"
        table.words.clear()
        self._frames.release([(mfn, 1) for mfn in table.frames], table.physmap)
        table.frames.clear()


def check_grants(tables: list[GrantTable], frames: FrameTable, foreign: dict[int, int]) -> None:
    """Pins equal mappings, and references to frames equal mappings and foreign pages together."""
    wanted: dict[tuple[int, int], tuple[int, int]] = {}
    references = dict(foreign)
    known = {id(table) for table in tables}
    for table in tables:
        for handle, mapping in table.maptrack.items():
            where = f"handle {handle} of domain {table.domid}"
            assert id(mapping.granter) in known, f"{where}: the granter's domain is gone"
            key = (id(mapping.granter), mapping.ref)
            readers, writers = wanted.get(key, (0, 0))
            wanted[key] = (readers + mapping.readonly, writers + (not mapping.readonly))
            references[mapping.mfn] = references.get(mapping.mfn, 0) + 1
            pin = mapping.granter.pins.get(mapping.ref)
            assert pin is not None, f"{where}: the grant is not pinned"
            assert (pin.mfn, pin.domid) == (mapping.mfn, table.domid), f"{where}: pinned for somebody else"
    for table in tables:
        for ref, pin in table.pins.items():
            found = wanted.pop((id(table), ref), (0, 0))
            assert found == (pin.readers, pin.writers), (
                f"grant {ref} of domain {table.domid}: pins {pin}, {found}"
            )
    assert references == frames.references, "references to frames differ from mappings and foreign pages"


def _unclaim(end: CopyEnd, *, readonly: bool) -> None:
    if end.ref is not None:
        end.table.unpin(end.ref, readonly=readonly)
