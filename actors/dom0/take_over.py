"""Takes over a domain that lived on while it had no toolstack.

Rules: what a toolstack that was killed has written is not written again: both ends go on from it.
Source: ours; stock Xen has no dom0 that follows another one.
"""

from dataclasses import replace

from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.knowledge import Knowledge, Running
from actors.dom0.plan import DomainPlan
from actors.dom0.steps import backend_path, frontend_path, rebuild_steps
from actors.kernel.store import read_or


class TakeOver:
    """The take-overs of one toolstack. `resume`: backends take up the old rings."""

    def __init__(self, builder: DomainBuilder, knows: Knowledge, *, resume: bool) -> None:
        self._builder = builder
        self._knows = knows
        self._resume = resume

    async def perform(self, domid: int, plan: DomainPlan) -> None:
        """Have the store know of a domain what it has to, and the domain looked after."""
        knows, builder = self._knows, self._builder
        knows.domains[domid] = Running(domid, plan)
        if not knows.store_lost:
            await self._find_detached(domid, plan)
        attached = [each for each in plan.devices if (domid, each) not in knows.detached]
        if not knows.store_lost:
            attached = [each for each in attached if each.of(domid) not in builder.adopted]
        steps = rebuild_steps(
            replace(plan, devices=tuple(attached)),
            domid,
            store_lost=knows.store_lost,
            resume=self._resume,
            backends_live=knows.rebuilding,
        )
        await builder.perform_all([each for each in steps if each not in builder.committed])
        del knows.to_take_over[domid]

    async def _find_detached(self, domid: int, plan: DomainPlan) -> None:
        """What the store says of devices that an earlier dom0 has detached, or was about to."""
        store, knows = self._builder.store, self._knows
        for device in plan.devices:
            online = await read_or(store, f"{backend_path(device, domid)}/online", "")
            if online == "0":
                knows.half_detached.append((domid, device))
            # The nodes of a driver domain's backends go with it, and say nothing.
            if online == "0" or (
                not online and not await store.exists(f"{frontend_path(device, domid)}/backend")
            ):
                knows.detached.add((domid, device))
