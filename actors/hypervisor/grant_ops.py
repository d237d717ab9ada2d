"""grant_table_op: arguments, rights and status of each command; the rules are in `grants.py`.

Each call is one element, or an array of them under `ops`; an element that is refused says so in its
`status` and the hypercall itself returns 0. Source: xen/common/grant_table.c, pub/grant_table.h.
"""

from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Gnttabop
from actors.abi.interface import GrantMapFlags, GrantStatus
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.hypervisor.arguments import Arguments, Out, Result, mapping, number, number_or, rows
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_target, may_control
from actors.hypervisor.grant_table import GrantRefusal
from actors.hypervisor.grants import CopyEnd
from actors.hypervisor.host import Host

GNTCOPY_SOURCE_GREF = 1
GNTCOPY_DEST_GREF = 2
GRANT_VERSION = 1
MAX_GRANT_VERSION = 2
# Plain integers: an operation on an IntFlag costs more than all the rest of a call.
_ANY_MAP = int(GrantMapFlags.host_map | GrantMapFlags.device_map)
_READONLY = int(GrantMapFlags.readonly)
_OKAY = int(GrantStatus.okay)

Element = Callable[[Domain, Arguments], Out]


class GrantOps:
    """The commands of grant_table_op."""

    def __init__(self, host: Host) -> None:
        self._grants = host.grants
        self._domains = host.domains

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Gnttabop.map_grant_ref: lambda caller, arguments: _each(self._map, caller, arguments),
            Gnttabop.unmap_grant_ref: lambda caller, arguments: _each(self._unmap, caller, arguments),
            Gnttabop.copy: lambda caller, arguments: _each(self._copy, caller, arguments),
            Gnttabop.setup_table: lambda caller, arguments: _each(self._setup_table, caller, arguments),
            Gnttabop.query_size: lambda caller, arguments: _each(self._query_size, caller, arguments),
            Gnttabop.set_version: self.set_version,
            Gnttabop.get_version: self.get_version,
        }

    def set_version(self, _caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_set_version: only version 1 is here."""
        version = number(arguments, "version")
        if not GRANT_VERSION <= version <= MAX_GRANT_VERSION:
            raise XenError(Errno.EINVAL, f"grant table version {version}")
        if version != GRANT_VERSION:
            raise XenError(Errno.ENOSYS, "grant table version 2 is left out")
        return 0, {"version": version}

    def get_version(self, caller: Domain, arguments: Arguments) -> Result:
        """GNTTABOP_get_version."""
        check_target(caller, self._domains.find_for(caller, number(arguments, "dom")))
        return 0, {"version": GRANT_VERSION}

    def _map(self, caller: Domain, arguments: Arguments) -> Out:
        dom, ref, flags = number(arguments, "dom"), number(arguments, "ref"), number(arguments, "flags")
        if not flags & _ANY_MAP:
            raise GrantRefusal(GrantStatus.bad_gntref, f"flags {flags:#x}")
        granter = self._domains.get(dom)
        if granter is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {dom}")
        readonly = bool(flags & _READONLY)
        handle, mfn = self._grants.map(caller.grants, granter.grants, ref, readonly=readonly)
        return {"handle": handle, "dev_bus_addr": mfn * PAGE_SIZE}

    def _unmap(self, caller: Domain, arguments: Arguments) -> Out:
        handle, address = number(arguments, "handle"), number_or(arguments, "dev_bus_addr", 0)
        self._grants.unmap(caller.grants, handle, address)
        return {}

    def _copy(self, caller: Domain, arguments: Arguments) -> Out:
        length, flags = number(arguments, "len"), number(arguments, "flags")
        ends = [mapping(arguments, name) for name in ("source", "dest")]
        masks = (GNTCOPY_SOURCE_GREF, GNTCOPY_DEST_GREF)
        if length == 0:
            return {}
        domains = [self._copy_domain(caller, number(end, "domid")) for end in ends]
        claimed = [
            _copy_end(caller, domain, end, by_ref=bool(flags & mask))
            for end, domain, mask in zip(ends, domains, masks, strict=True)
        ]
        self._grants.copy(caller.grants, claimed[0], claimed[1], length)
        return {}

    def _copy_domain(self, caller: Domain, domid: int) -> Domain:
        domain = caller if domid == DOMID_SELF else self._domains.get(domid)
        if domain is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {domid}")
        return domain

    def _target(self, caller: Domain, domid: int) -> Domain:
        domain = self._copy_domain(caller, domid)
        if not may_control(caller, domain):
            raise GrantRefusal(GrantStatus.permission_denied, f"domain {domid}")
        return domain

    def _setup_table(self, caller: Domain, arguments: Arguments) -> Out:
        dom, nr_frames = number(arguments, "dom"), number(arguments, "nr_frames")
        table = self._target(caller, dom).grants
        if nr_frames < 0 or table.dying:
            raise GrantRefusal(GrantStatus.general_error, f"{nr_frames} grant frames")
        self._grants.grow(table, nr_frames)
        return {"frame_list": table.frames[:nr_frames]}

    def _query_size(self, caller: Domain, arguments: Arguments) -> Out:
        table = self._target(caller, number(arguments, "dom")).grants
        return {"nr_frames": len(table.frames), "max_nr_frames": table.max_frames}


def _copy_end(caller: Domain, domain: Domain, end: Arguments, *, by_ref: bool) -> CopyEnd:
    offset = number(end, "offset")
    if by_ref:
        return CopyEnd(domain.grants, offset, number(end, "ref"), None)
    if domain is not caller:
        raise GrantRefusal(GrantStatus.permission_denied, f"a frame of domain {domain.domid} without a grant")
    name = "gmfn" if "gmfn" in end else "gfn"
    return CopyEnd(domain.grants, offset, None, number(end, name))


def _each(element: Element, caller: Domain, arguments: Arguments) -> Result:
    if "ops" not in arguments:
        return 0, _element(element, caller, arguments)
    outs: list[object] = []
    for each in rows(arguments, "ops"):
        if type(each) is not dict:
            raise XenError(Errno.EFAULT, "an element is not a structure")
        outs.append(_element(element, caller, each))
    return 0, {"ops": outs}


def _element(element: Element, caller: Domain, arguments: Arguments) -> Out:
    try:
        out = element(caller, arguments)
    except GrantRefusal as refusal:
        return {"status": int(refusal.status)}
    out["status"] = _OKAY
    return out
