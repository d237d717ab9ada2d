"""Attaches and detaches devices of running guests, as `xl block-attach`, `xl network-detach` and the like do.

A detached device is asked to close (`online` 0, `state` 5) and its nodes are removed once its backend is in
Closed. After 10 s without that the frontend's nodes go first, and after 10 s more all of them.
Rules: what was ordered is done in its order for each device, also by the toolstack that comes after one that
was killed; it ends with dom0. Only what a toolstack has finished is away for good.
Source: tools/libs/light/libxl_device.c (libxl__initiate_device_generic_remove, device_backend_callback,
libxl__device_destroy), libxl_internal.h (LIBXL_DESTROY_TIMEOUT).
Left out: that an attachment whose backend does not come within 10 s is undone.
"""

from collections import deque
from functools import partial
from typing import Final, cast

from actors.abi.interface import XenbusState
from actors.block.vbd import VBD
from actors.device_plan import DevicePlan
from actors.dom0.knowledge import Running
from actors.dom0.steps import WriteNodes, backend_path, device_nodes, frontend_path
from actors.dom0.toolstack import Toolstack
from actors.kernel.device_class import DeviceClass
from actors.kernel.kernel import Kernel
from actors.kernel.store import read_or
from actors.kernel.threads import Timeout
from actors.kernel.xenbus import Transaction, Xenbus
from actors.messages import Fault
from actors.vif.vif import VIF

DESTROY_NS: Final = 10_000_000_000
_GONE: Final = (XenbusState.Closed, XenbusState.Unknown)
Device = tuple[int, str, int]
"""(domain, class, number)."""


class DeviceOrders:
    """The orders of one dom0."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._orders: dict[Device, deque[bool]] = {}
        self._toolstack: Toolstack | None = None
        for command, device_class in (("block", VBD), ("network", VIF)):
            kernel.faults[f"{command}-detach"] = partial(self._detach_as_told, device_class)
            kernel.faults[f"{command}-attach"] = partial(self._attach_as_told, device_class)

    def order(self, device: Device, *, attach: bool) -> None:
        """Attach or detach a device, as soon as there is a toolstack that knows its domain."""
        waiting = self._orders.setdefault(device, deque())
        waiting.append(attach)
        if len(waiting) == 1:
            self._begin(device)

    def serve(self, toolstack: Toolstack) -> None:
        """A toolstack knows the domains: it does what is ordered, and ends what it has found half done."""
        self._toolstack = toolstack
        for domid, half in toolstack.knows.half_detached:
            device = domid, half.device_class, half.number
            orders = self._orders.setdefault(device, deque())
            if not orders or orders[0]:
                orders.appendleft(False)
        toolstack.knows.half_detached.clear()
        for device in list(self._orders):
            self._begin(device)

    def lose_toolstack(self) -> None:
        """It was killed; what is ordered waits for the next one."""
        self._toolstack = None

    def _detach_as_told(self, device_class: DeviceClass, fault: Fault) -> bool:
        """A device (`domid`, `virtual_device`) is detached; taken away, it is attached again."""
        self.order(_meant(device_class, fault), attach=not fault.active)
        return True

    def _attach_as_told(self, device_class: DeviceClass, fault: Fault) -> bool:
        """A device is attached; nothing takes that away."""
        if fault.active:
            self.order(_meant(device_class, fault), attach=True)
        return True

    def _begin(self, device: Device) -> None:
        if self._toolstack is not None:
            toolstack = self._toolstack
            toolstack.spawn(f"xl {device[1]} {device[0]}/{device[2]}", self._work(toolstack, device))

    async def _work(self, toolstack: Toolstack, device: Device) -> None:
        orders = self._orders[device]
        while orders:
            running = toolstack.knows.domains.get(device[0])
            plan = running.device(*device[1:]) if running is not None else None
            if running is None or plan is None or running.ending:
                self._kernel.log(f"xl: no {device[1]} {device[2]} of domain {device[0]}")
            elif orders[0]:
                await self._attach(toolstack, running, plan)
            else:
                await self._detach(toolstack, running, plan)
            orders.popleft()
        del self._orders[device]

    async def _attach(self, toolstack: Toolstack, running: Running, plan: DevicePlan) -> None:
        domid, store = running.domid, toolstack.store
        front, back = frontend_path(plan, domid), backend_path(plan, domid)
        if await read_or(store, f"{back}/online", "") == "0":
            await self._detach(toolstack, running, plan)  # somebody else has begun to, and not ended it
        elif await store.exists(f"{front}/backend"):
            self._kernel.log(f"xl: {plan.name} of {running.plan.name} is attached")
            return
        # A guest may have written into its half after that was removed.
        await toolstack.perform(WriteNodes(plan.name, device_nodes(plan, domid), instead=(front, back)))
        toolstack.knows.detached.discard((domid, plan))
        self._kernel.log(f"xl: {plan.name} attached to {running.plan.name} (domain {domid})")

    async def _detach(self, toolstack: Toolstack, running: Running, plan: DevicePlan) -> None:
        store = toolstack.store
        front, back = frontend_path(plan, running.domid), backend_path(plan, running.domid)
        for force in (False, True):
            if not await _take_offline(store, front, back, force=force):
                break
            if await self._has_closed(toolstack, back):
                break
            self._kernel.log(f"xl: {plan.name} of {running.plan.name} does not close within 10 s")

        async def remove(transaction: Transaction) -> None:
            for path in (front, back):
                if await transaction.exists(path):
                    await transaction.rm(path)

        await store.transact(remove)
        toolstack.knows.detached.add((running.domid, plan))
        self._kernel.log(f"xl: {plan.name} detached from {running.plan.name} (domain {running.domid})")

    async def _has_closed(self, toolstack: Toolstack, back: str) -> bool:
        async def wait() -> None:
            await toolstack.store.wait_for_state(back, _GONE)

        waiting = toolstack.spawn("xl device wait", wait())
        try:
            await self._kernel.threads.within(DESTROY_NS, waiting.finished)
        except Timeout:
            waiting.cancel()
            return False
        return True


def _meant(device_class: DeviceClass, fault: Fault) -> Device:
    options = cast("dict[str, int]", fault.options)
    return options["domid"], device_class.name, options["virtual_device"]


async def _take_offline(store: Xenbus, front: str, back: str, *, force: bool) -> bool:
    """libxl__initiate_device_generic_remove: ask the backend to close; False if it is gone already."""

    async def body(transaction: Transaction) -> bool:
        if force and await transaction.exists(front):
            await transaction.rm(front)
        state = await read_or(transaction, f"{back}/state", "")
        if not state:
            return False
        await transaction.write(f"{back}/online", "0")
        if state != str(int(XenbusState.Closed)):
            await transaction.write(f"{back}/state", str(int(XenbusState.Closing)))
        return True

    return await store.transact(body)
