"""XENMEM_*_reservation, populate_physmap and exchange: a domain's memory grows, shrinks and changes.

Rules: increase, decrease and populate return how many extents were done, and no errno: an unknown
domain, a missing right, an order or flag that may not be is 0. An extent is done whole, but for a
decrease, where the frames before a hole are gone. Frames that others refer to cannot be exchanged.
Source: xen/common/memory.c, xen/include/public/memory.h.
Left out: NUMA (one node), populate on demand (as for every PV domain: nothing is put there, and the
extents count as done); address widths, but for the check that they can be.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XENMEMF_EXACT_NODE_REQUEST, XENMEMF_POPULATE_ON_DEMAND
from actors.abi.types import DOMID_SELF
from actors.hypervisor.arguments import Arguments, Out, Result, mapping, number, number_or
from actors.hypervisor.domains import Domain, check_target, may_control
from actors.hypervisor.host import Host
from actors.hypervisor.physmap import Physmap

DOMU_MAX_ORDER: Final = 9
CONTROL_MAX_ORDER: Final = 18
MAX_EXTENTS: Final = 0xFFFFFFFF >> 6
MAX_NODES: Final = 64
NO_NODE: Final = 0xFF
PAGE_SHIFT: Final = 12


@dataclass(slots=True)
class Reservation:
    """`xen_memory_reservation`: `gfns` where the list of extents is given, else they follow from `start`."""

    domid: int
    order: int
    flags: int
    count: int
    gfns: list[int] | None
    start: int | None

    @classmethod
    def parse(cls, arguments: Arguments) -> "Reservation":
        """EFAULT for a structure that is none. `nr_extents` may be left out when the list is given."""
        start = arguments.get("extent_start")
        gfns: list[int] | None = None
        if type(start) is list:
            gfns = [each for each in start if type(each) is int and each >= 0]
            if len(gfns) != len(start):
                raise XenError(Errno.EFAULT, "a gfn is not a number")
        count = number_or(arguments, "nr_extents", len(gfns)) if gfns is not None else 0
        if gfns is None:
            count = number(arguments, "nr_extents")
        order, flags = number_or(arguments, "extent_order", 0), number_or(arguments, "mem_flags", 0)
        if count < 0 or order < 0:
            raise XenError(Errno.EFAULT, f"{count} extents of order {order}")
        single = number_or(arguments, "extent_start", 0) if gfns is None else 0
        named = gfns is None and "extent_start" in arguments
        return cls(number(arguments, "domid"), order, flags, count, gfns, single if named else None)

    def runs(self, start: int) -> list[tuple[int, int]]:
        """Extents that follow one another, as (gfn, number of extents), without a list from `start` on."""
        if self.gfns is None:
            return [(start, self.count)]
        runs: list[tuple[int, int]] = []
        for gfn in self.gfns[: self.count]:
            if runs and runs[-1][0] + (runs[-1][1] << self.order) == gfn:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((gfn, 1))
        return runs

    def chunk(self, index: int, order: int) -> list[int]:
        """The gfns of one of the chunks of this order that the list of extents is made of."""
        assert self.gfns is not None, "the list is given"
        extents = 1 << order - self.order
        starts = self.gfns[index * extents : (index + 1) * extents]
        return [gfn for start in starts for gfn in range(start, start + (1 << self.order))]


class Reservations:
    """The commands of memory_op that change how much memory a domain has, or which."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def populate_physmap(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_populate_physmap: the count of extents, and `mfns` as rows of [gfn, mfn, count]."""
        wanted = Reservation.parse(arguments)
        domain = self._target(caller, wanted)
        on_demand = wanted.flags & XENMEMF_POPULATE_ON_DEMAND
        if domain is None or wanted.order > (CONTROL_MAX_ORDER if on_demand else max_order(caller)):
            return 0
        if on_demand:
            return 0 if domain is caller else wanted.count
        start = wanted.start if wanted.start is not None else domain.physmap.end()
        return self._grow(domain.physmap, wanted, start)

    def increase_reservation(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_increase_reservation: as populate, behind the next gfns that show nothing.

        (In Xen the caller of a translated domain is told nothing; here `mfns` says where.)
        """
        wanted = Reservation.parse(arguments)
        domain = self._target(caller, wanted)
        if domain is None or wanted.order > max_order(caller):
            return 0
        wanted.gfns = None
        return self._grow(domain.physmap, wanted, domain.physmap.top())

    def _grow(self, physmap: Physmap, wanted: Reservation, start: int) -> Result:
        done, rows = 0, list[object]()
        for gfn, extents in wanted.runs(start):
            part = self._place(physmap, gfn, extents, wanted.order, rows)
            done += part
            if part < extents:
                break
        return done, {"mfns": rows}

    def _place(self, physmap: Physmap, gfn: int, extents: int, order: int, rows: list[object]) -> int:
        frames = self._host.frames
        room = (physmap.max_pages - physmap.pages - physmap.pooled) >> order
        frames.make_room(max(min(extents, room), 0) << order, physmap)
        extents = min(extents, max(room, 0), frames.available(physmap) >> order)
        while extents > 0 and not physmap.is_free(gfn, extents << order):
            # Halving finds the free ones at the front, as one extent after the other would.
            if extents == 1:
                return 0
            front = self._place(physmap, gfn, extents // 2, order, rows)
            if front < extents // 2:
                return front
            back = self._place(physmap, gfn + (front << order), extents - front, order, rows)
            return front + back
        if extents <= 0:
            return 0
        for mfn, count in frames.allocate(extents << order, physmap):
            physmap.add(gfn, mfn, count)
            rows.append([gfn, mfn, count])
            gfn += count
        return extents

    def decrease_reservation(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_decrease_reservation: the count of extents given back."""
        wanted = Reservation.parse(arguments)
        domain = self._target(caller, wanted)
        if (
            domain is None
            or wanted.order > max_order(caller)
            or (wanted.gfns is None and wanted.start is None)
        ):
            return 0
        done = 0
        for first, extents in wanted.runs(wanted.start or 0):
            for gfn in range(first, first + (extents << wanted.order), 1 << wanted.order):
                if not self._remove(domain, gfn, 1 << wanted.order):
                    return done
                done += 1
        return done

    def _remove(self, domain: Domain, gfn: int, count: int) -> bool:
        for each in range(gfn, gfn + count):
            if each in domain.physmap.foreign:
                self._host.frames.put(domain.physmap.foreign.pop(each))
            elif domain.physmap.mfn(each) is None:
                return False
            else:
                self._host.frames.release([(domain.physmap.remove(each), 1)], domain.physmap)
        return True

    def _target(self, caller: Domain, wanted: Reservation) -> Domain | None:
        domains = self._host.domains
        domain = caller if wanted.domid == DOMID_SELF else domains.get(wanted.domid)
        if domain is None or domain.is_dying or not may_control(caller, domain):
            return None
        if not 0 < wanted.count <= MAX_EXTENTS or not _flags_can_be(caller, wanted.flags):
            return None
        return domain

    def exchange(self, caller: Domain, arguments: Arguments) -> Result:
        """XENMEM_exchange: frames of `in` for fresh ones of `out`; `nr_exchanged` counts those of `in`.

        EPERM order, EINVAL lists that do not match, ESRCH, EPERM; then chunk by chunk EINVAL for a frame
        that is not there or in use, ENOMEM. What was exchanged before such a refusal stays so, and
        `nr_exchanged` comes with the error.
        """
        given = Reservation.parse(mapping(arguments, "in"))
        taken = Reservation.parse(mapping(arguments, "out"))
        done = number_or(arguments, "nr_exchanged", 0)
        if max(given.order, taken.order) > max_order(caller):
            raise XenError(Errno.EPERM, f"orders {given.order} and {taken.order}")
        if (
            not 0 <= done <= given.count
            or given.domid != taken.domid
            or given.count << given.order != taken.count << taken.order
        ):
            raise XenError(Errno.EINVAL, "the two lists do not match")
        if done == given.count:
            return 0, {"nr_exchanged": done}
        for each in (given, taken):
            if each.gfns is None or len(each.gfns) < each.count:
                raise XenError(Errno.EFAULT, "an exchange needs the list of its gfns")
        if not _node_can_be(caller, taken.flags):
            raise XenError(Errno.EINVAL, f"flags {taken.flags:#x}")
        domain = self._host.domains.find_for(caller, given.domid)
        check_target(caller, domain)
        chunk_order = max(given.order, taken.order)
        rows: list[object] = []
        first = (done << given.order) >> chunk_order
        for chunk in range(first, given.count << given.order >> chunk_order):
            olds, news = given.chunk(chunk, chunk_order), taken.chunk(chunk, chunk_order)
            error = self._exchange_chunk(domain, olds, news, rows)
            if error is not None:
                return self._stopped(error, chunk << chunk_order >> given.order, rows)
        return 0, {"nr_exchanged": given.count, "mfns": rows}

    def _stopped(self, error: Errno, done: int, rows: list[object]) -> Result:
        out: Out = {"nr_exchanged": done, "mfns": rows}
        return -int(error), out

    def _exchange_chunk(
        self, domain: Domain, olds: list[int], news: list[int], rows: list[object]
    ) -> Errno | None:
        physmap, frames = domain.physmap, self._host.frames
        if domain.is_dying:
            return Errno.EINVAL
        mfns = [physmap.mfn(gfn) for gfn in olds]
        if len(set(olds)) < len(olds) or any(mfn is None or mfn in frames.references for mfn in mfns):
            return Errno.EINVAL
        if len(set(news)) < len(news) or not all(physmap.is_free(gfn, 1) or gfn in olds for gfn in news):
            return Errno.EINVAL
        frames.make_room(len(news))
        if len(news) > frames.available(None):
            return Errno.ENOMEM
        fresh = [mfn for start, count in frames.allocate(len(news)) for mfn in range(start, start + count)]
        frames.release([(physmap.remove(gfn), 1) for gfn in olds], physmap)
        for gfn, mfn in zip(news, fresh, strict=True):
            physmap.add(gfn, mfn, 1)
            rows.append([gfn, mfn, 1])
        return None


def max_order(caller: Domain) -> int:
    """The largest extent that a domain may ask for (CONFIG_*_MAX_ORDER, boot option `memop-max-order`)."""
    return CONTROL_MAX_ORDER if caller.is_hardware else DOMU_MAX_ORDER


def _flags_can_be(caller: Domain, flags: int) -> bool:
    width = flags & 0xFF
    return not 0 < width <= PAGE_SHIFT and _node_can_be(caller, flags)


def _node_can_be(caller: Domain, flags: int) -> bool:
    node = (flags >> 8) - 1 & 0xFF
    if node == NO_NODE:
        return True
    if caller.is_hardware:
        return node < MAX_NODES
    return not flags & XENMEMF_EXACT_NODE_REQUEST
