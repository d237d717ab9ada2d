"""grant_table_op on grants: arguments, rights and status of each command; the rules are in `grants.py`.

Each call is one element, or an array of them under `ops`; an element that is refused says so in its
`status` and the hypercall itself returns 0. Numbers are cut to the width of their field, as in a
structure that a guest has written. An address (`host_addr`) that is left out stands for the one that
the mapping has. Source: xen/common/grant_table.c, pub/grant_table.h.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Gnttabop
from actors.abi.interface import GNTCOPY_DEST_GREF, GNTCOPY_SOURCE_GREF, GrantMapFlags, GrantStatus
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.hypervisor.arguments import (
    ALL_ONES_16,
    Arguments,
    Out,
    Result,
    mapping,
    number,
    number_or,
    rows,
)
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain
from actors.hypervisor.grant_table import GrantRefusal
from actors.hypervisor.grant_transfer import GrantTransfer
from actors.hypervisor.grants import CopyEnd
from actors.hypervisor.host import Host

# Plain integers: an operation on an IntFlag costs more than all the rest of a call.
_HOST: Final = int(GrantMapFlags.host_map)
_DEVICE: Final = int(GrantMapFlags.device_map)
_BOTH: Final = _HOST | _DEVICE
_OKAY: Final = int(GrantStatus.okay)

Element = Callable[[Domain, Arguments], Out]


class GrantOps:
    """The commands of grant_table_op that use a grant."""

    def __init__(self, host: Host) -> None:
        self._grants = host.grants
        self._domains = host.domains
        self._transfer = GrantTransfer(host)

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Gnttabop.map_grant_ref: lambda caller, arguments: _each(self._map, caller, arguments),
            Gnttabop.unmap_grant_ref: lambda caller, arguments: _each(self._unmap, caller, arguments),
            Gnttabop.unmap_and_replace: lambda caller, arguments: _each(
                self._unmap_and_replace, caller, arguments
            ),
            Gnttabop.copy: lambda caller, arguments: _each(self._copy, caller, arguments),
            Gnttabop.transfer: lambda caller, arguments: _each(self._transfer_one, caller, arguments),
            Gnttabop.swap_grant_ref: lambda caller, arguments: _each(_swap, caller, arguments),
        }

    def _map(self, caller: Domain, arguments: Arguments) -> Out:
        dom, ref, flags = number(arguments, "dom"), number(arguments, "ref"), number(arguments, "flags")
        if not flags & _BOTH:
            raise GrantRefusal(GrantStatus.bad_gntref, f"flags {flags:#x}")
        granter = self._domains.get(dom)
        if granter is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {dom}")
        address = number(arguments, "host_addr") if "host_addr" in arguments else None
        handle, mfn = self._grants.map(caller.grants, granter.grants, ref, flags, address)
        return {"handle": handle, "dev_bus_addr": mfn * PAGE_SIZE}

    def _unmap(self, caller: Domain, arguments: Arguments) -> Out:
        handle, bus = number(arguments, "handle"), number_or(arguments, "dev_bus_addr", 0)
        if "host_addr" not in arguments:
            # Somebody who names no address means the mapping as a whole.
            self._grants.unmap(caller.grants, handle, _BOTH, None, bus)
            return {}
        address = number(arguments, "host_addr")
        sides = (_HOST if address else 0) | (_DEVICE if bus else 0)
        self._grants.unmap(caller.grants, handle, sides, address, bus)
        return {}

    def _unmap_and_replace(self, caller: Domain, arguments: Arguments) -> Out:
        handle = number(arguments, "handle")
        address, new_address = number(arguments, "host_addr"), number(arguments, "new_addr")
        held = caller.grants.maptrack.values()
        if new_address and any(each.host_addr == new_address for each in held):
            # What is put in place must be the mapper's own page: a grant cannot be taken from its handle.
            raise GrantRefusal(GrantStatus.general_error, f"{new_address:#x} shows a grant")
        self._grants.unmap(caller.grants, handle, _HOST if address else 0, address, 0)
        return {}

    def _copy(self, caller: Domain, arguments: Arguments) -> Out:
        length, flags = number(arguments, "len") & ALL_ONES_16, number(arguments, "flags")
        source = self._copy_end(caller, mapping(arguments, "source"), by_ref=flags & GNTCOPY_SOURCE_GREF)
        dest = self._copy_end(caller, mapping(arguments, "dest"), by_ref=flags & GNTCOPY_DEST_GREF)
        self._grants.copy(caller.grants, source, dest, length)
        return {}

    def _copy_end(self, caller: Domain, end: Arguments, *, by_ref: int) -> CopyEnd:
        domid, offset = number(end, "domid"), number(end, "offset") & ALL_ONES_16
        name = "ref" if by_ref else "gmfn" if "gmfn" in end else "gfn"
        which = number(end, name)
        domain = caller if domid == DOMID_SELF else self._domains.get(domid)
        # The recordings show the domain looked for first, also where the source of Xen has it second.
        if domain is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {domid}")
        if domid != DOMID_SELF and not by_ref:
            raise GrantRefusal(GrantStatus.permission_denied, f"a frame of domain {domid} without a grant")
        return CopyEnd(domain.grants, offset, which if by_ref else None, None if by_ref else which)

    def _transfer_one(self, caller: Domain, arguments: Arguments) -> Out:
        gfn, domid, ref = (number(arguments, name) for name in ("mfn", "domid", "ref"))
        self._transfer.transfer(caller, gfn, domid, ref)
        return {}


def _swap(caller: Domain, arguments: Arguments) -> Out:
    caller.grants.swap(number(arguments, "ref_a"), number(arguments, "ref_b"))
    return {}


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
        caller.hypercalls_refused += 1
        return {"status": int(refusal.status)}
    out["status"] = _OKAY
    return out
