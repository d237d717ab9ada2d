"""Performs the steps of a toolstack operation: hypercalls, foreign frames, XenStore.

Rules: one step at a time, in order; a refusal raises XenError and the caller destroys what is half built.
Source: tools/libs/light/libxl_create.c, tools/libs/guest/xg_dom_boot.c (grant entries seeded by the builder),
tools/libs/light/libxl_pci.c (rights of a PV domain to a device).
"""

from collections.abc import AsyncIterator, Collection, Container
from contextlib import asynccontextmanager
from typing import cast

from actors.abi.disk_controller import register_frame
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
from actors.dom0.plan import DomainPlan
from actors.dom0.steps import (
    AssignDevice,
    BuildDomain,
    CreateDomain,
    IntroduceDomain,
    LiftQuotas,
    Nodes,
    RemoveNodes,
    ShareDevice,
    Step,
    UnpauseDomain,
    WriteNodes,
)
from actors.drivers.interrupt_line import InterruptLine, choose_vector, map_gsi, set_up_gsi, write_entry
from actors.kernel.handover import Device
from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import Transaction, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.start_info import CONSOLE_GFN, STORE_GFN, StartInfo, write_start_info

FOREIGN_GFN_BASE = 1 << 28
GUEST_PORTS = 1023
DRIVER_PORTS = (1 << 17) - 1
"""A driver domain needs a port for each disk that it serves."""
LIFTED_QUOTAS = {"nodes": 65_536, "watches": 65_536, "outstanding": 1_024, "transactions": 1_024}
"""What a domain has for each disk that it serves; the defaults of xenstored are for guests.

A daemon before 4.22 knows no quotas of single domains: there, all get so much.
"""
NUMBER_TAKEN_NS = 1_000_000
"""How often it is looked whether a domain id is free: who holds a page of the dead lets go of it soon."""


class DomainBuilder:
    """Carries out steps for the toolstack of one dom0. `committed`: what was written, while it may matter.

    `adopted`: devices that its dom0 serves on from where the last one died, with nodes that are as they were.
    """

    def __init__(self, kernel: Kernel, xenbus: Xenbus | None, *, store_domid: int) -> None:
        self._kernel = kernel
        self._xen = kernel.xen
        self.xenbus = xenbus
        self.store_domid = store_domid
        self.committed: dict[Step, None] = {}
        self.adopted: Collection[Device] = ()
        self._next_foreign = FOREIGN_GFN_BASE
        self._store_ports: dict[int, int] = {}

    @property
    def store(self) -> Xenbus:
        """The XenStore client."""
        assert self.xenbus is not None, "XenStore is needed before the first domain that uses it"
        return self.xenbus

    async def create(self, step: CreateDomain) -> int:
        """A new, empty, paused domain with its memory; its domid."""
        plan = step.plan
        domid = await self._new_domain(plan)
        await self._xen.domctl(Domctl.max_mem, domain=domid, max_memkb=plan.max_pages * 4)
        reply = await self._xen.memory_op(
            Memop.populate_physmap, domid=domid, nr_extents=plan.memory_pages, extent_order=0, mem_flags=0
        )
        if reply.ret != plan.memory_pages:
            raise XenError(Errno.ENOMEM, f"{plan.name}: {reply.ret} of {plan.memory_pages} pages")
        return domid

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
            case LiftQuotas(domid=domid):
                await self._lift_quotas(domid)
            case AssignDevice(domid=domid, line=line):
                await self._assign_device(domid, line)
            case IntroduceDomain(domid=domid):
                await self.store.introduce(domid, STORE_GFN, await self._store_port(domid))
            case UnpauseDomain(domid=domid):
                await self._xen.domctl(Domctl.unpausedomain, domain=domid)
            case RemoveNodes(paths=paths):
                for path in paths:
                    await self._remove(path)
            case ShareDevice():
                await self._share(step)
            case CreateDomain() | BuildDomain():
                raise AssertionError("these two have methods of their own: they make and need the domid")

    async def _lift_quotas(self, domid: int) -> None:
        for name, enough in LIFTED_QUOTAS.items():
            try:
                await self.store.lift_quota(domid, name)
            except XenError as error:
                if error.errno is not Errno.ENOSYS:
                    raise
                await self.store.set_quota(name, enough)

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

    async def _new_domain(self, plan: DomainPlan) -> int:
        """DOMCTL_createdomain; one that must have its old number waits until that has been given back."""
        arguments: dict[str, int] = {"domain": plan.domid} if plan.domid else {}
        waits = False
        while True:
            try:
                out = await self._xen.domctl(
                    Domctl.createdomain,
                    handle=plan.handle,
                    flags=CREATEDOMAIN_XS_DOMAIN if plan.xenstore else 0,
                    max_vcpus=plan.vcpus,
                    max_evtchn_port=DRIVER_PORTS if plan.drives else GUEST_PORTS,
                    max_grant_frames=64,
                    max_maptrack_frames=1024,
                    grant_version=1,
                    **arguments,
                )
            except XenError as error:
                if error.errno is not Errno.EEXIST or not plan.domid:
                    raise
                if not waits:
                    self._kernel.log(f"xl: {plan.name} waits until domain {plan.domid} is gone")
                waits = True
                await self._kernel.threads.sleep(NUMBER_TAKEN_NS)
            else:
                domid = out["domain"]
                assert isinstance(domid, int), "createdomain fills in a domain id"
                return domid

    async def _assign_device(self, domid: int, line: InterruptLine) -> None:
        xen, level = self._xen, line.is_level
        for gsi in line.gsis:
            await set_up_gsi(xen, gsi, self._kernel.log, level=level)
            await write_entry(xen, gsi, await choose_vector(xen, gsi), level=level)
            await map_gsi(xen, domid, gsi)
            await xen.domctl(Domctl.irq_permission, domain=domid, pirq=gsi, allow_access=1)
        await xen.domctl(
            Domctl.iomem_permission,
            domain=domid,
            first_mfn=register_frame(line.gsi),
            nr_mfns=1,
            allow_access=1,
        )
        self._kernel.log(f"xl: {line.name} (irq {line.gsi}) is domain {domid}'s")

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
            if step.beside and not await transaction.exists(step.beside):
                return
            for path in step.instead:
                if await transaction.exists(path):
                    await transaction.rm(path)
            await _put(transaction, step.nodes)
            # The commit is sent right after this: who is killed while it waits for the answer has done it.
            self.committed[step] = None

        await self.store.transact(body)

    async def _share(self, step: ShareDevice) -> None:
        async def body(transaction: Transaction) -> None:
            if not await transaction.exists(step.path):
                return  # its guest has removed it: that is no reason to refuse the others
            names = await transaction.directory(step.path)
            for path in (step.path, *(f"{step.path}/{name}" for name in names)):
                try:
                    await transaction.set_perms(path, step.permissions)
                except XenError as error:  # removed since: the store has that from without (EAGAIN follows)
                    if error.errno is not Errno.ENOENT:
                        raise

        await self.store.transact(body)

    async def _remove(self, path: str) -> None:
        try:
            await self.store.rm(path)
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise


async def _put(transaction: Transaction, nodes: Nodes) -> None:
    """Write nodes with their permissions, parents first.

    What is below a node that is new is new as well, and has the permissions of that one: only others are set.
    libxl sets those of every node.
    """
    paths = dict.fromkeys(path for path, _, _ in nodes)
    above = {path: _nearest(path, paths) for path in paths}
    there = await transaction.read_all(path for path, parent in above.items() if not parent)
    new: dict[str, tuple[str, ...]] = {}
    permissions = {}
    for path, _, wanted in nodes:
        parent = above[path]
        if parent in new or not (parent or path in there):
            new[path] = wanted
        if new.get(parent) != wanted:
            permissions[path] = wanted
    await transaction.write_all({path: value for path, value, _ in nodes}, permissions)


def _nearest(path: str, others: Container[str]) -> str:
    """The nearest of these above a path; empty if none is."""
    while path := path.rpartition("/")[0]:
        if path in others:
            return path
    return ""
