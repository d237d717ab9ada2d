"""A block backend for each vbd that the toolstack writes into XenStore.

Rules: what is served is what stands under `backend/vbd`; the toolstack and this driver meet there only.
A volume has one user: the next one waits until the volume has answered everything the last one asked.
Source: Linux drivers/block/xen-blkback/xenbus.c (the watch on the backend directory; a device that has
requests in flight is not let go), tools/hotplug/Linux/block (a device in use is not given away).
"""

from actors.abi.errno import XenError
from actors.dom0.disks import Disks
from actors.kernel.blkback import Blkback
from actors.kernel.kernel import SUPERVISOR, Kernel
from actors.kernel.observed_store import ObservedStore
from actors.kernel.threads import Future
from actors.kernel.xenbus import Xenbus
from actors.messages import StateWritten

BACKEND_ROOT = "/local/domain/0/backend/vbd"


class Backends:
    """The block backends of one driver domain."""

    def __init__(self, kernel: Kernel, xenbus: Xenbus, disks: Disks, policy: str) -> None:
        self._kernel = kernel
        self._xenbus = xenbus
        self._disks = disks
        self._policy = policy
        self.devices: dict[tuple[int, int], Blkback] = {}
        self._users: dict[str, tuple[Blkback, Future[None]]] = {}

    async def start(self) -> None:
        """Watch for devices from now on."""
        await self._xenbus.watch(BACKEND_ROOT, self._changed)

    def remove(self, domid: int) -> None:
        """A domain is gone, and nodes that would say so may never have been: let its devices go."""
        for key, device in self.devices.items():
            if key[0] == domid:
                device.remove()

    def _changed(self, path: str) -> None:
        # Only `backend/vbd/<frontend id>/<device>/state` says that a device is there and complete.
        parts = path.removeprefix(BACKEND_ROOT).strip("/").split("/")
        if len(parts) == 3 and parts[2] == "state" and parts[0].isdecimal() and parts[1].isdecimal():
            key = int(parts[0]), int(parts[1])
            if key not in self.devices:
                self._kernel.threads.spawn(f"vbd {key[0]}/{key[1]}", self._probe(key))

    async def _probe(self, key: tuple[int, int]) -> None:
        path = f"{BACKEND_ROOT}/{key[0]}/{key[1]}"
        while key not in self.devices:
            try:
                if await self._xenbus.read(f"{path}/state") != "1":
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
            # One that serves no ring is of a domain that was never finished, and nobody may ever remove it.
            if user is None or not user[0].attached:
                break
            # What a dead domain has asked of the volume must not be done after what its next life asks.
            await user[1]
        if key in self.devices:
            return
        backend = Blkback(
            threads=self._kernel.threads,
            irq=self._kernel.irq,
            grants=self._kernel.grants,
            xen=self._kernel.xen,
            memory=self._kernel.memory,
            xenbus=ObservedStore(self._xenbus, lambda _path, state: self._tell_state(key, state)),
            log=self._kernel.log,
            at_turn_end=self._kernel.at_turn_end,
            path=path,
            frontend_path=frontend,
            frontend_domid=key[0],
            volume=volume,
            policy=self._policy,
        )
        self.devices[key] = backend
        done: Future[None] = Future()
        self._users[params] = backend, done
        try:
            await backend.run()
        finally:
            self.devices.pop(key, None)
            if self._users.get(params) == (backend, done):
                del self._users[params]
            done.set(None)

    def _tell_state(self, key: tuple[int, int], state: int) -> None:
        self._kernel.send(SUPERVISOR, StateWritten("backend", key[0], key[1], state))
