"""grant_table_op on tables: set up, size, version, status frames, and cache maintenance.

Each is about one table, so an array (`ops`) of any other length than one is -EINVAL.
Source: xen/common/grant_table.c, xen/include/public/grant_table.h.
Left out: version 2. The answers are those of a Xen whose tables cannot have it (`gnttab=max-ver:1`):
set_version(2) is -ENOSYS and a table has no status frames.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Gnttabop
from actors.abi.interface import GNTTAB_CACHE_CLEAN, GNTTAB_CACHE_INVAL, GrantStatus
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.hypervisor.arguments import ALL_ONES_32, Arguments, Out, Result, number, rows
from actors.hypervisor.call import Commands, Method
from actors.hypervisor.domains import Domain, check_target, may_control
from actors.hypervisor.grant_table import GrantRefusal
from actors.hypervisor.host import Host

GRANT_VERSION: Final = 1
MAX_GRANT_VERSION: Final = 2

Answer = Callable[[Domain], Out]


class GrantTableOps:
    """The commands of grant_table_op that concern a table as a whole."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._domains = host.domains

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Gnttabop.setup_table: _one(self.setup_table),
            Gnttabop.query_size: _one(self.query_size),
            Gnttabop.get_status_frames: _one(self.get_status_frames),
            Gnttabop.set_version: self.set_version,
            Gnttabop.get_version: self.get_version,
            Gnttabop.cache_flush: self.cache_flush,
        }

    def setup_table(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_setup_table: the table has at least `nr_frames`; `frame_list` tells where."""
        dom, nr_frames = number(arguments, "dom"), number(arguments, "nr_frames") & ALL_ONES_32

        def answer(domain: Domain) -> Out:
            self._host.grants.grow(domain.grants, nr_frames)
            return {"frame_list": domain.grants.frames[:nr_frames]}

        return self._about(caller, dom, answer)

    def query_size(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_query_size."""
        return self._about(
            caller,
            number(arguments, "dom"),
            lambda domain: {
                "nr_frames": len(domain.grants.frames),
                "max_nr_frames": domain.grants.max_frames,
            },
        )

    def get_status_frames(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_get_status_frames: a version 1 table has none, so that more than 0 are too many."""
        dom, nr_frames = number(arguments, "dom"), number(arguments, "nr_frames") & ALL_ONES_32

        def answer(_domain: Domain) -> Out:
            if nr_frames:
                raise GrantRefusal(GrantStatus.general_error, f"{nr_frames} status frames of 0")
            return {"frame_list": []}

        return self._about(caller, dom, answer)

    def _about(self, caller: Domain, dom: int, answer: Answer) -> Result:
        try:
            out = answer(self._target(caller, dom))
        except GrantRefusal as refusal:
            caller.hypercalls_refused += 1
            return 0, {"status": int(refusal.status)}
        return 0, out | {"status": int(GrantStatus.okay)}

    def _target(self, caller: Domain, dom: int) -> Domain:
        domain = caller if dom == DOMID_SELF else self._domains.get(dom)
        if domain is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {dom}")
        if not may_control(caller, domain):
            raise GrantRefusal(GrantStatus.permission_denied, f"the table of domain {dom}")
        return domain

    def set_version(self, _caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_set_version. EINVAL for a version that never was, ENOSYS for 2: it is left out."""
        version = number(arguments, "version")
        if not GRANT_VERSION <= version <= MAX_GRANT_VERSION:
            raise XenError(Errno.EINVAL, f"grant table version {version}")
        if version != GRANT_VERSION:
            raise XenError(Errno.ENOSYS, "this host has version 1 tables only")
        return 0, {"version": version}

    def get_version(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_get_version. ESRCH, EPERM."""
        check_target(caller, self._domains.find_for(caller, number(arguments, "dom")))
        return 0, {"version": GRANT_VERSION}

    def cache_flush(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_cache_flush of one element or of `ops`: checked; caches here have nothing to flush.

        EINVAL for a range, an operation or a frame that cannot be, EPERM for a frame that nobody owns or
        that its owner has not granted to the caller.
        """
        elements = rows(arguments, "ops") if "ops" in arguments else [arguments]
        granted = {each.mfn for each in caller.grants.maptrack.values()}
        for element in elements:
            if type(element) is not dict:
                raise XenError(Errno.EFAULT, "an element is not a structure")
            self._flush(caller, element, granted)
        return 0

    def _flush(self, caller: Domain, element: Arguments, granted: set[int]) -> None:
        address, offset, length, operation = (
            number(element, name) for name in ("dev_bus_addr", "offset", "length", "op")
        )
        if (
            not 0 <= offset < PAGE_SIZE
            or not 0 <= length <= PAGE_SIZE - offset
            or operation & ~(GNTTAB_CACHE_INVAL | GNTTAB_CACHE_CLEAN)
        ):
            raise XenError(Errno.EINVAL, f"operation {operation:#x} on {length} bytes at {offset}")
        if not length or not operation:
            return
        mfn = address // PAGE_SIZE
        if not 0 <= mfn < self._host.frames.nr_frames:
            raise XenError(Errno.EINVAL, f"no frame {mfn}")
        if mfn not in granted and not caller.physmap.owns(mfn):
            raise XenError(Errno.EPERM, f"frame {mfn} is neither ours nor granted to us")


def _one(method: Method) -> Method:
    def checked(caller: Domain, arguments: Arguments) -> Result:
        if "ops" not in arguments:
            return method(caller, arguments)
        elements = rows(arguments, "ops")
        if len(elements) != 1:
            raise XenError(Errno.EINVAL, f"{len(elements)} elements, one is wanted")
        if type(elements[0]) is not dict:
            raise XenError(Errno.EFAULT, "an element is not a structure")
        result = method(caller, elements[0])
        assert isinstance(result, tuple), "a call about a table tells something"
        return result[0], {"ops": [result[1]]}

    return checked
