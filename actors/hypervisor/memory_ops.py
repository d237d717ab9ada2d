"""memory_op: how much memory a domain has, and what is behind its gfns.

Rules: every domain here is translated, as a PVH domain is: gfns are its own names of frames, and
whatever `add_to_physmap` finds behind a gfn is freed (its own) or let go (another's). A foreign frame
is held by a reference until it is removed. Source: xen/common/memory.c, xen/arch/x86/mm.c
(xenmem_add_to_physmap_one), xen/arch/x86/mm/p2m.c (p2m_add_foreign), xen/include/public/memory.h.
Left out: sharing, paging, vNUMA, acquire_resource; device memory (XENMAPSPACE_dev_mmio).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Memop
from actors.abi.interface import (
    XENMAPSPACE_DEV_MMIO,
    XENMAPSPACE_GMFN,
    XENMAPSPACE_GMFN_FOREIGN,
    XENMAPSPACE_GMFN_RANGE,
    XENMAPSPACE_GRANT_TABLE,
    XENMAPSPACE_SHARED_INFO,
)
from actors.hypervisor.arguments import ALL_ONES_16, ALL_ONES_32, Arguments, Result, number, number_or, rows
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control, check_target
from actors.hypervisor.grant_table import GrantRefusal
from actors.hypervisor.host import Host
from actors.hypervisor.physmap import MAX_GFN, Physmap
from actors.hypervisor.reservations import Reservations

PAGE_SHIFT: Final = 12
E820_RAM: Final = 1


class MemoryOps:
    """The commands of memory_op."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def commands(self) -> Commands:
        """Command numbers to methods."""
        reservations = Reservations(self._host)
        return {
            Memop.increase_reservation: reservations.increase_reservation,
            Memop.decrease_reservation: reservations.decrease_reservation,
            Memop.populate_physmap: reservations.populate_physmap,
            Memop.exchange: reservations.exchange,
            Memop.maximum_ram_page: lambda _caller, _arguments: self._host.frames.nr_frames,
            Memop.current_reservation: lambda caller, each: self._asked(caller, each).pages,
            Memop.maximum_reservation: lambda caller, each: self._asked(caller, each).max_pages,
            Memop.maximum_gpfn: lambda caller, each: max(self._asked(caller, each).top(), 1) - 1,
            Memop.memory_map: self.memory_map,
            Memop.add_to_physmap: self.add_to_physmap,
            Memop.add_to_physmap_batch: self.add_to_physmap_batch,
            Memop.remove_from_physmap: self.remove_from_physmap,
            Memop.claim_pages: self.claim_pages,
        }

    def _asked(self, caller: Domain, arguments: Arguments) -> Physmap:
        return self._target(caller, arguments).physmap

    def _target(self, caller: Domain, arguments: Arguments) -> Domain:
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        check_target(caller, domain)
        return domain

    def memory_map(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_memory_map: the first `nr_entries` of the caller's own map, as rows [addr, size, type]."""
        entries: list[object] = [
            [gfn << PAGE_SHIFT, count << PAGE_SHIFT, E820_RAM] for gfn, count in caller.physmap.ranges()
        ]
        shown = entries[: max(number(arguments, "nr_entries"), 0)]
        return 0, {"nr_entries": len(shown), "buffer": shown}

    def claim_pages(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_claim_pages. EINVAL also for an unknown domain; EPERM; ENOMEM."""
        extents, domid = number(arguments, "nr_extents"), number(arguments, "domid")
        if any(number_or(arguments, name, 0) for name in ("extent_start", "extent_order", "mem_flags")):
            raise XenError(Errno.EINVAL, "a claim is a number of pages and no more")
        domain = self._host.domains.get(domid)
        if domain is None:
            raise XenError(Errno.EINVAL, f"no domain {domid}")
        check_control(caller)
        if extents < 0 or (extents and domain.is_dying):
            raise XenError(Errno.EINVAL, f"{extents} pages for domain {domid}")
        self._host.frames.claim(domain.physmap, extents)
        return 0

    def add_to_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_add_to_physmap; `mfn` tells what is behind `gpfn` now.

        ENOSYS for frames of others (they go by the batch), ESRCH, EACCES device memory, EPERM, EINVAL no
        such frame or gfn, EXDEV a frame that is known under another gfn.
        """
        space, index, gpfn = (number(arguments, name) for name in ("space", "idx", "gpfn"))
        if space == XENMAPSPACE_GMFN_FOREIGN:
            raise XenError(Errno.ENOSYS, "frames of others are added by add_to_physmap_batch")
        domain = self._permitted(caller, arguments, space)
        _check_gfn(gpfn)
        if space != XENMAPSPACE_GMFN_RANGE:
            return 0, {"mfn": self._add_one(domain, space, index, gpfn)}
        size = number(arguments, "size") & ALL_ONES_16
        if max(gpfn, index) + size > MAX_GFN:
            raise XenError(Errno.EOVERFLOW, f"{size} gfns from {max(gpfn, index)} on")
        for offset in range(size):
            self._add_one(domain, XENMAPSPACE_GMFN, index + offset, gpfn + offset)
        return 0

    def add_to_physmap_batch(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_add_to_physmap_batch: `idxs` behind `gpfns`; `errs` and `mfns` tell of each.

        EOPNOTSUPP for a range, ESRCH, EACCES, EPERM, EFAULT lists of different lengths.
        """
        space = number(arguments, "space")
        if space == XENMAPSPACE_GMFN_RANGE:
            raise XenError(Errno.EOPNOTSUPP, "a range is for add_to_physmap")
        domain = self._permitted(caller, arguments, space)
        indices, gpfns = rows(arguments, "idxs"), rows(arguments, "gpfns")
        foreign = number(arguments, "foreign_domid") if space == XENMAPSPACE_GMFN_FOREIGN else 0
        if len(indices) != len(gpfns):
            raise XenError(Errno.EFAULT, f"{len(indices)} frames for {len(gpfns)} gfns")
        errors, mfns = list[object](), list[object]()
        for index, gpfn in zip(indices, gpfns, strict=True):
            if type(index) is not int or type(gpfn) is not int:
                raise XenError(Errno.EFAULT, "a frame is not a number")
            try:
                _check_gfn(gpfn)
                if space == XENMAPSPACE_GMFN_FOREIGN:
                    mfns.append(self._add_foreign(caller, domain, foreign, index, gpfn))
                else:
                    mfns.append(self._add_one(domain, space, index, gpfn))
                errors.append(0)
            except XenError as error:
                caller.hypercalls_refused += 1
                mfns.append(ALL_ONES_32)
                errors.append(-int(error.errno))
        return 0, {"errs": errors, "mfns": mfns}

    def _permitted(self, caller: Domain, arguments: Arguments, space: int) -> Domain:
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        if space == XENMAPSPACE_DEV_MMIO and not (domain is caller and caller.is_hardware):
            raise XenError(Errno.EACCES, "device memory is for the hardware domain itself")
        check_target(caller, domain)
        return domain

    def _add_foreign(self, caller: Domain, domain: Domain, domid: int, gfn: int, gpfn: int) -> int:
        if not domain.is_hardware:
            raise XenError(Errno.EPERM, "only the hardware domain shows frames of others")
        source = self._host.domains.find(domid)
        if source is domain:
            raise XenError(Errno.EINVAL, "a domain's own frame is not foreign")
        check_target(caller, source)
        mfn = None if source.is_dying else source.physmap.mfn(gfn)
        if mfn is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {gfn} of domain {domid}")
        self._show(domain, gpfn, mfn)
        return mfn

    def _add_one(self, domain: Domain, space: int, index: int, gpfn: int) -> int:
        if domain.is_dying:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} is dying")
        if space == XENMAPSPACE_GMFN:
            return self._move(domain.physmap, index, gpfn)
        if space == XENMAPSPACE_SHARED_INFO and index == 0:
            mfn = self._shared_info(domain.physmap)
        elif space == XENMAPSPACE_GRANT_TABLE and 0 <= index < domain.grants.max_frames:
            mfn = self._grant_frame(domain, index)
        else:
            raise XenError(Errno.EINVAL, f"map space {space}, index {index}")
        for old in [gfn for gfn, each in domain.physmap.foreign.items() if each == mfn]:
            # A frame of Xen's shows at one gfn at most.
            self._host.frames.put(domain.physmap.foreign.pop(old))
        self._show(domain, gpfn, mfn)
        return mfn

    def _shared_info(self, physmap: Physmap) -> int:
        if physmap.shared_info is None:
            ((physmap.shared_info, _),) = self._host.frames.allocate(1)
        return physmap.shared_info

    def _grant_frame(self, domain: Domain, index: int) -> int:
        try:
            self._host.grants.grow(domain.grants, index + 1)
        except GrantRefusal as refusal:
            raise XenError(Errno.EINVAL, str(refusal)) from refusal
        return domain.grants.frames[index]

    def _show(self, domain: Domain, gpfn: int, mfn: int) -> None:
        # The reference first: what is vacated may be the last that held the frame.
        self._host.frames.get(mfn)
        self._vacate(domain.physmap, gpfn)
        domain.physmap.foreign[gpfn] = mfn

    def _vacate(self, physmap: Physmap, gpfn: int) -> None:
        if gpfn in physmap.foreign:
            self._host.frames.put(physmap.foreign.pop(gpfn))
        elif physmap.mfn(gpfn) is not None:
            self._host.frames.release([(physmap.remove(gpfn), 1)], physmap)

    def _move(self, physmap: Physmap, gfn: int, gpfn: int) -> int:
        mfn = physmap.mfn(gfn)
        if mfn is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {gfn}")
        if gfn != gpfn:
            physmap.remove(gfn)
            self._vacate(physmap, gpfn)
            physmap.add(gpfn, mfn, 1)
        return mfn

    def remove_from_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_remove_from_physmap: what was behind `gpfn` does not show any more.

        A foreign frame is let go; a frame of its own stays the domain's, behind no gfn. ENOENT.
        """
        domain = self._target(caller, arguments)
        gpfn, physmap = number(arguments, "gpfn"), domain.physmap
        if gpfn in physmap.foreign:
            self._host.frames.put(physmap.foreign.pop(gpfn))
        elif physmap.mfn(gpfn) is None:
            raise XenError(Errno.ENOENT, f"nothing behind gfn {gpfn}")
        else:
            physmap.set_aside(physmap.remove(gpfn))
        return 0


def _check_gfn(gpfn: int) -> None:
    if not 0 <= gpfn < MAX_GFN:
        raise XenError(Errno.EINVAL, f"gfn {gpfn:#x}")
