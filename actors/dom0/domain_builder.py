"""Performs the steps of a toolstack operation: hypercalls, foreign frames, XenStore.

Rules: one step at a time, in order; a refusal raises XenError and the caller destroys what is half built.
Source: tools/libs/light/libxl_create.c, tools/libs/guest/xg_dom_boot.c (grant entries seeded by the builder).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Evtchnop, Gnttabop, Memop
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import (
    CREATEDOMAIN_XS_DOMAIN,
    GNTTAB_RESERVED_CONSOLE,
    GNTTAB_RESERVED_XENSTORE,
    XENMAPSPACE_GMFN_FOREIGN,
    GrantFlags,
)
from actors.abi.types import DOMID_SELF, PAGE_SIZE
from actors.dom0.steps import (
    BuildDomain,
    CreateDomain,
    IntroduceDomain,
    RemoveNodes,
    Step,
    UnpauseDomain,
    WriteNodes,
)
from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import Transaction, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.start_info import CONSOLE_GFN, STORE_GFN, StartInfo, write_start_info

FOREIGN_GFN_BASE = 1 << 28


class DomainBuilder:
    """Carries out steps for the toolstack of one dom0."""

    def __init__(self, kernel: Kernel, xenbus: Xenbus | None, *, store_domid: int) -> None:
        self._kernel = kernel
        self._xen = kernel.xen
        self.xenbus = xenbus
        self.store_domid = store_domid
        self.committed: dict[Step, None] = {}
        self._next_foreign = FOREIGN_GFN_BASE
        self._store_ports: dict[int, int] = {}

    @property
    def store(self) -> Xenbus:
        """The XenStore client."""
        assert self.xenbus is not None, "XenStore is needed before the first domain that uses it"
        return self.xenbus

    async def create(self, step: CreateDomain, *, domid: int = 0) -> int:
        """A new, empty, paused domain with its memory; its domid, which is `domid` unless that is 0.

        EEXIST while there is such a domain.
        """
        plan = step.plan
        out = await self._xen.domctl(
            Domctl.createdomain,
            domain=domid,
            handle=plan.handle,
            flags=CREATEDOMAIN_XS_DOMAIN if plan.xenstore else 0,
            max_vcpus=plan.vcpus,
            max_evtchn_port=1023,
            max_grant_frames=64,
            max_maptrack_frames=1024,
            grant_version=1,
        )
        made = out["domain"]
        assert isinstance(made, int), "createdomain fills in a domain id"
        await self._xen.domctl(Domctl.max_mem, domain=made, max_memkb=plan.max_pages * 4)
        reply = await self._xen.memory_op(
            Memop.populate_physmap, domid=made, nr_extents=plan.memory_pages, extent_order=0, mem_flags=0
        )
        if reply.ret != plan.memory_pages:
            raise XenError(Errno.ENOMEM, f"{plan.name}: {reply.ret} of {plan.memory_pages} pages")
        return made

    async def build(self, step: BuildDomain, domid: int) -> None:
        """Ports, ring pages, reserved grants, start info."""
        plan = step.plan
        store_port = await self._alloc_unbound(domid, 0 if plan.xenstore else self.store_domid)
        console_port = await self._alloc_unbound(domid, 0)
        self._store_ports[domid] = store_port
        async with self.foreign(domid, STORE_GFN) as mfn:
            XsRing(self._kernel.memory.frame(mfn), self._kernel.memory.words(mfn)).evtchn_port = store_port
        await self._seed_grants(domid)
        info = StartInfo(
            nr_pages=plan.memory_pages,
            store_gfn=STORE_GFN,
            store_port=store_port,
            store_domid=domid if plan.xenstore else self.store_domid,
            console_gfn=CONSOLE_GFN,
            console_port=console_port,
            cmd_line=plan.cmd_line,
        )
        await self._write_start_info(domid, info)

    async def perform(self, step: Step) -> None:
        """Any step after the domain has been built."""
        match step:
            case WriteNodes():
                await self._write_nodes(step)
            case IntroduceDomain(domid=domid):
                await self.store.introduce(domid, STORE_GFN, await self._store_port(domid))
            case UnpauseDomain(domid=domid):
                await self._xen.domctl(Domctl.unpausedomain, domain=domid)
            case RemoveNodes(paths=paths):
                for path in paths:
                    await self._remove(path)
            case CreateDomain() | BuildDomain():
                raise AssertionError("these two have methods of their own: they make and need the domid")

    async def perform_all(self, steps: list[Step]) -> None:
        """Steps in their order."""
        for step in steps:
            await self.perform(step)

    async def destroy(self, domid: int) -> None:
        """Destroy a domain that may be gone already."""
        try:
            await self._xen.domctl(Domctl.destroydomain, domain=domid)
        except XenError as error:
            if error.errno is not Errno.ESRCH:
                raise

    @asynccontextmanager
    async def foreign(self, domid: int, gfn: int) -> AsyncIterator[int]:
        """The machine frame behind another domain's gfn, held while in use."""
        self._next_foreign += 1
        gpfn = self._next_foreign
        try:
            reply = await self._xen.memory_op(
                Memop.add_to_physmap_batch,
                domid=DOMID_SELF,
                space=XENMAPSPACE_GMFN_FOREIGN,
                foreign_domid=domid,
                idxs=[gfn],
                gpfns=[gpfn],
            )
            out = cast("dict[str, list[int]]", reply.out or {})
            (error,), (mfn,) = out["errs"], out["mfns"]
            if error:
                raise XenError(Errno(-error), f"gfn {gfn} of domain {domid}")
            yield mfn
        finally:
            # Not waited for: whoever is killed here, even before the answer, gives the frame back as well.
            arguments: dict[str, object] = {"domid": DOMID_SELF, "gpfn": gpfn}
            self._xen.post(Number.memory_op, Memop.remove_from_physmap, arguments)

    async def _alloc_unbound(self, domid: int, remote: int) -> int:
        out = await self._xen.event_channel_op(Evtchnop.alloc_unbound, dom=domid, remote_dom=remote)
        port = out["port"]
        assert isinstance(port, int), "alloc_unbound fills in a port"
        return port

    async def _seed_grants(self, domid: int) -> None:
        out = await self._xen.grant_table_op(Gnttabop.setup_table, dom=domid, nr_frames=1)
        frames = out.get("frame_list")
        if not isinstance(frames, list) or not frames:
            raise XenError(Errno.ENOMEM, f"no grant table for domain {domid}: {out}")
        table = self._kernel.memory.words(frames[0])
        for ref, gfn, to in (
            (GNTTAB_RESERVED_CONSOLE, CONSOLE_GFN, 0),
            (GNTTAB_RESERVED_XENSTORE, STORE_GFN, self.store_domid),
        ):
            table[ref * 2 + 1] = gfn
            table[ref * 2] = to << 16 | GrantFlags.permit_access

    async def _write_start_info(self, domid: int, info: StartInfo) -> None:
        mfns = []
        nr_frames = -(-len(info.pack()) // PAGE_SIZE)
        for gfn in range(nr_frames):
            async with self.foreign(domid, gfn) as mfn:
                mfns.append(mfn)
        write_start_info(self._kernel.memory, mfns, info)

    async def _store_port(self, domid: int) -> int:
        port = self._store_ports.get(domid)
        if port is None:
            # A survivor of an earlier dom0: its ring page says which port is the store's.
            async with self.foreign(domid, STORE_GFN) as mfn:
                port = XsRing(self._kernel.memory.frame(mfn), self._kernel.memory.words(mfn)).evtchn_port
            self._store_ports[domid] = port
        return port

    async def _write_nodes(self, step: WriteNodes) -> None:
        async def body(transaction: Transaction) -> None:
            self.committed.pop(step, None)
            for path in step.instead:
                if await transaction.exists(path):
                    await transaction.rm(path)
            for path, value, permissions in step.nodes:
                await transaction.write(path, value)
                await transaction.set_perms(path, list(permissions))
            # The commit is sent right after this: who is killed while it waits for the answer has done it.
            self.committed[step] = None

        await self.store.transact(body)

    async def _remove(self, path: str) -> None:
        try:
            await self.store.rm(path)
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise
