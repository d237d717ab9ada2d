"""A block backend for each vbd that the toolstack writes into XenStore.

Rules: what is served is what stands under `backend/vbd`; the toolstack and this driver meet there only.
A volume has one user: the next one waits until the volume has answered everything the last one asked.
Source: Linux drivers/block/xen-blkback/xenbus.c (the watch on the backend directory; a device that has
requests in flight is not let go), tools/hotplug/Linux/block (a device in use is not given away),
`xl devd` (a driver domain finds its devices in the store and readies their volumes itself).
"""

from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.block.blkback import Blkback
from actors.block.blkback_statistics import BlkbackStatistics
from actors.drivers.disks import Disks
from actors.kernel.kernel import SUPERVISOR, Kernel
from actors.kernel.observed_store import ObservedStore
from actors.kernel.threads import Future
from actors.kernel.xenbus import Xenbus
from actors.kernel.xenbus_backend import Served
from actors.messages import Fault, StateWritten

DOM0_ROOT = "/local/domain/0/backend/vbd"
OWN_ROOT = "backend/vbd"
"""The same of a domain that need not know its number: the store takes it from whose connection it is."""


class Backends:
    """The block backends of one domain. `root` is where its devices stand in the store."""

    def __init__(self, kernel: Kernel, xenbus: Xenbus, disks: Disks, policy: str, *, root: str) -> None:
        self._kernel = kernel
        self._xenbus = xenbus
        self._disks = disks
        self._policy = policy
        self._root = root
        self.devices: dict[tuple[int, int], Blkback] = {}
        self._users: dict[str, tuple[Blkback, Future[None]]] = {}
        kernel.faults["backend-malformed-response"] = self._misanswer

    async def start(self) -> None:
        """Watch for devices from now on. The toolstack's nodes may come before or after."""
        await self._xenbus.watch(self._root, self._changed)

    def check(self) -> None:
        """Invariants of each."""
        for backend in self.devices.values():
            backend.check()

    def states(self) -> list[str]:
        """The state of each."""
        return [backend.state.name for backend in self.devices.values()]

    def statistics(self) -> list[BlkbackStatistics]:
        """The statistics of each."""
        return [backend.statistics() for backend in self.devices.values()]

    def remove(self, domid: int) -> None:
        """A domain is gone, and nodes that would say so may never have been: let its devices go."""
        for key, device in self.devices.items():
            if key[0] == domid:
                device.remove()

    def _misanswer(self, fault: Fault) -> bool:
        """A backend (`domid`, `virtual_device`) answers what was never asked; False if it cannot."""
        key = fault.options.get("domid"), fault.options.get("virtual_device")
        device = self.devices.get(cast("tuple[int, int]", key))
        return not fault.active or (device is not None and device.misanswer())

    def _changed(self, path: str) -> None:
        if path == OWN_ROOT:
            self._kernel.threads.spawn("vbds", self._look())
            return
        # Only `backend/vbd/<frontend id>/<device>/state` says that a device is there and complete.
        parts = path.removeprefix(self._root).strip("/").split("/")
        if len(parts) == 3 and parts[2] == "state" and parts[0].isdecimal() and parts[1].isdecimal():
            key = int(parts[0]), int(parts[1])
            if key not in self.devices:
                self._kernel.threads.spawn(f"vbd {key[0]}/{key[1]}", self._probe(key))

    async def _look(self) -> None:
        """What was written while this domain did not look: before it ran, or while there was no store."""
        for guest in await self._list(OWN_ROOT):
            for device in await self._list(f"{OWN_ROOT}/{guest}"):
                self._changed(f"{OWN_ROOT}/{guest}/{device}/state")

    async def _list(self, path: str) -> list[str]:
        try:
            return await self._xenbus.directory(path)
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise
            return []

    async def _probe(self, key: tuple[int, int]) -> None:
        path = f"{self._root}/{key[0]}/{key[1]}"
        while key not in self.devices:
            try:
                state = await self._xenbus.read_state(path)
                if state not in {XenbusState.Initialising, XenbusState.Closing}:
                    return
                frontend = await self._xenbus.read(f"{path}/frontend")
                params = await self._xenbus.read(f"{path}/params")
                volume = self._disks.volume(params)
            except XenError as error:
                self._kernel.log(f"blkback: {path}: {error}")
                return
            except KeyError as error:
                self._kernel.log(f"blkback: {path}: no volume {error}")
                return
            user = self._users.get(params)
            if state is XenbusState.Closing:
                break  # it is detached, and nobody has served it here: it serves nobody, but has to end
            # One that serves no ring is of a domain that was never finished, and nobody may ever remove it.
            if user is None or not user[0].attached:
                break
            # What a dead domain has asked of the volume must not be done after what its next life asks.
            await user[1]
        if key in self.devices:
            return
        store = ObservedStore(self._xenbus, lambda _path, state: self._tell_state(key, state))
        early = self._root == DOM0_ROOT
        served = Served(path, frontend, key[0], self._policy, state, early=early)
        backend = Blkback(self._kernel, store, served, volume)
        self.devices[key] = backend
        done: Future[None] = Future()
        if state is XenbusState.Initialising:
            self._users[params] = backend, done
        try:
            await backend.run()
        finally:
            self.devices.pop(key, None)
            if self._users.get(params) == (backend, done):
                del self._users[params]
            done.set(None)
        # The same device may have been attached again while this one still ended.
        self._changed(f"{path}/state")

    def _tell_state(self, key: tuple[int, int], state: int) -> None:
        self._kernel.send(SUPERVISOR, StateWritten("backend", key[0], key[1], state))
