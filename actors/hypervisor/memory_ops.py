"""memory_op: a domain's memory grows, shrinks, and shows frames of others.

Rules: increase, decrease and populate return how many extents were done, and no errno: an unknown
domain or a missing right is 0. A foreign frame is held by a reference until it is removed.
Source: xen/common/memory.c, xen/include/public/memory.h.
Left out: exchange, claims, sharing; `extent_start` may be one gfn, then the extents follow one another.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Memop
from actors.abi.interface import XENMAPSPACE_GMFN_FOREIGN
from actors.abi.types import DOMID_SELF
from actors.hypervisor.arguments import Arguments, Result, number, number_or
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control, check_target, may_control
from actors.hypervisor.host import Host
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.physmap import Physmap

MAX_ORDER: Final = 18
MAX_EXTENTS: Final = 1 << 24
XENMAPSPACE_GRANT_TABLE: Final = 1


class MemoryOps:
    """The commands of memory_op."""

    def __init__(self, host: Host, lives: LifeCycle) -> None:
        self._host = host
        self._lives = lives

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Memop.decrease_reservation: self.decrease_reservation,
            Memop.maximum_ram_page: lambda _caller, _arguments: self._host.frames.nr_frames - 1,
            Memop.current_reservation: lambda caller, each: self._reservation(caller, each).pages,
            Memop.maximum_reservation: lambda caller, each: self._reservation(caller, each).max_pages,
            Memop.maximum_gpfn: lambda caller, each: self._reservation(caller, each).end() - 1,
            Memop.populate_physmap: self.populate_physmap,
            Memop.add_to_physmap: self.add_to_physmap,
            Memop.remove_from_physmap: self.remove_from_physmap,
        }

    def _reservation(self, caller: Domain, arguments: Arguments) -> Physmap:
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        check_target(caller, domain)
        return domain.physmap

    def _target(self, caller: Domain, arguments: Arguments) -> Domain | None:
        domid = number(arguments, "domid")
        domain = caller if domid == DOMID_SELF else self._host.domains.get(domid)
        if domain is None or domain.is_dying or not may_control(caller, domain):
            return None
        return domain

    def populate_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_populate_physmap: the count of extents, and `mfns` as rows of [gfn, mfn, count]."""
        domain = self._target(caller, arguments)
        order = number_or(arguments, "extent_order", 0)
        if domain is None or not 0 <= order <= MAX_ORDER:
            return 0
        done, rows = 0, list[object]()
        for gfn, extents in _runs(arguments, domain.physmap, order):
            part = self._populate(domain.physmap, gfn, extents, order, rows)
            done += part
            if part < extents:
                break
        return done, {"mfns": rows}

    def _populate(self, physmap: Physmap, gfn: int, extents: int, order: int, rows: list[object]) -> int:
        room = (physmap.max_pages - physmap.pages - physmap.pooled) >> order
        self._host.frames.make_room(max(min(extents, room), 0) << order)
        extents = min(extents, max(room, 0), self._host.frames.free_frames >> order)
        if extents <= 0 or not physmap.is_free(gfn, extents << order):
            return 0
        for mfn, count in self._host.frames.allocate(extents << order):
            physmap.add(gfn, mfn, count)
            rows.append([gfn, mfn, count])
            gfn += count
        return extents

    def decrease_reservation(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_decrease_reservation: the count of extents given back."""
        domain = self._target(caller, arguments)
        if domain is None or number_or(arguments, "extent_order", 0):
            return 0
        gfns = arguments.get("extent_start")
        done = 0
        for gfn in gfns if type(gfns) is list else []:
            if type(gfn) is not int or domain.physmap.mfn(gfn) is None:
                break
            self._host.frames.release([(domain.physmap.remove(gfn), 1)], domain.physmap)
            done += 1
        return done

    def add_to_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_add_to_physmap for grant frames, and for frames of another domain (control domain only).

        EPERM, ESRCH, EINVAL no such frame, EEXIST something else is behind `gpfn`; `mfn` is filled in.
        """
        space, index, gpfn = (number(arguments, name) for name in ("space", "idx", "gpfn"))
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        check_target(caller, domain)
        if space == XENMAPSPACE_GMFN_FOREIGN:
            check_control(caller)
            source = self._host.domains.find(number(arguments, "foreign_domid"))
            mfn = None if source is domain or source.is_dying else source.physmap.mfn(index)
        elif space == XENMAPSPACE_GRANT_TABLE and 0 <= index < len(domain.grants.frames):
            mfn = domain.grants.frames[index]
        else:
            raise XenError(Errno.EINVAL, f"map space {space}, index {index}")
        if mfn is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {index}")
        if domain.is_dying or not domain.physmap.is_free(gpfn, 1):
            raise XenError(Errno.EEXIST, f"gfn {gpfn} is in use")
        self._host.frames.get(mfn)
        domain.physmap.foreign[gpfn] = mfn
        return 0, {"mfn": mfn}

    def remove_from_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_remove_from_physmap: a foreign frame is let go, a frame of one's own is freed. EINVAL."""
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        check_target(caller, domain)
        gpfn, physmap = number(arguments, "gpfn"), domain.physmap
        if gpfn in physmap.foreign:
            self._lives.drop_foreign(physmap, gpfn)
        else:
            self._host.frames.release([(physmap.remove(gpfn), 1)], physmap)
        return 0


def _runs(arguments: Arguments, physmap: Physmap, order: int) -> list[tuple[int, int]]:
    """Extents that follow one another, as (gfn, number of extents)."""
    start = arguments.get("extent_start")
    if type(start) is not list:
        count = number(arguments, "nr_extents")
        if not 0 <= count <= MAX_EXTENTS:
            raise XenError(Errno.EINVAL, f"{count} extents")
        return [(number_or(arguments, "extent_start", physmap.end()), count)]
    runs: list[tuple[int, int]] = []
    for gfn in start:
        if type(gfn) is not int:
            raise XenError(Errno.EFAULT, "a gfn is not a number")
        if runs and runs[-1][0] + (runs[-1][1] << order) == gfn:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((gfn, 1))
    return runs
