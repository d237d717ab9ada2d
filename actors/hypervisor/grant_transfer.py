"""GNTTABOP_transfer: a frame changes its owner for good.

Rules, in Xen's order: the frame leaves the giver first. When the receiver is unknown, dying, without
room, or accepts nothing, it does not come back: the frame is freed and the giver has lost it.
Source: xen/common/grant_table.c (gnttab_transfer), xen/arch/x86/mm.c (steal_page).
Left out: address widths: every frame is low enough, so that GNTST_address_too_big cannot occur.
"""

from actors.abi.interface import GrantStatus
from actors.hypervisor.domains import Domain
from actors.hypervisor.grant_table import GrantRefusal
from actors.hypervisor.host import Host


class GrantTransfer:
    """The transfers of a host."""

    def __init__(self, host: Host) -> None:
        self._domains = host.domains
        self._frames = host.frames

    def transfer(self, giver: Domain, gfn: int, domid: int, ref: int) -> None:
        """Give the frame behind `gfn` to the entry `ref` of domain `domid`, which names the new gfn.

        GrantRefusal: bad_page (and nothing has happened), bad_domain or general_error (and the frame is
        freed).
        """
        mfn = giver.physmap.mfn(gfn)
        if mfn is None or mfn in self._frames.references:
            raise GrantRefusal(GrantStatus.bad_page, f"gfn {gfn} is not there, or somebody has it mapped")
        giver.physmap.remove(gfn)
        try:
            self._receive(giver, domid, ref, mfn)
        except GrantRefusal:
            self._frames.release([(mfn, 1)], giver.physmap)
            raise

    def _receive(self, giver: Domain, domid: int, ref: int, mfn: int) -> None:
        receiver = self._domains.get(domid)
        if receiver is None:
            raise GrantRefusal(GrantStatus.bad_domain, f"no domain {domid}")
        physmap = receiver.physmap
        if receiver.is_dying or physmap.pages + physmap.pooled >= physmap.max_pages:
            raise GrantRefusal(GrantStatus.general_error, f"domain {domid} has no room")
        gfn = receiver.grants.commit_transfer(ref, giver.domid)
        if physmap.is_free(gfn, 1):
            physmap.add(gfn, mfn, 1)
        else:
            # The receiver named a gfn that is in use: the frame is its own and shows nowhere.
            physmap.set_aside(mfn)
        receiver.grants.complete_transfer(ref)
