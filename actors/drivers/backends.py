"""A backend for each device that the toolstack writes into XenStore.

Rules: what is served is what stands under `backend/CLASS`; the toolstack and this driver meet there only.
What an earlier life has left in a recovery box is taken up at once (`adoption`), and found there served.
What a device gives access to, as a volume, has one user, unless its class shares it, as a bridge: the next
user waits until all is answered that the last one asked.
Source: Linux drivers/block/xen-blkback/xenbus.c (the watch on the backend directory; a device that has
requests in flight is not let go), tools/hotplug/Linux/block (a device in use is not given away),
`xl devd` (a driver domain finds its devices in the store and readies their volumes itself).
"""

from collections.abc import Callable
from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.interface import XenbusState
from actors.block.blkback import Blkback
from actors.block.vbd import VBD
from actors.device_classes import DEVICE_CLASSES
from actors.drivers.adoption import Adoption
from actors.drivers.hardware import Behind
from actors.kernel.device_class import DeviceClass
from actors.kernel.device_statistics import BackendStatistics
from actors.kernel.handover import Device, Handover
from actors.kernel.kernel import SUPERVISOR, Kernel
from actors.kernel.observed_store import ObservedStore
from actors.kernel.recovery_box import RecoveryBox
from actors.kernel.resumable_backend import ResumableBackend
from actors.kernel.store import Store, read_state
from actors.kernel.threads import Future
from actors.kernel.xenbus import Xenbus
from actors.kernel.xenbus_backend import Served, XenbusBackend
from actors.messages import Fault, StateWritten
from actors.policies import Reconnect
from actors.vif.netback import Netback
from actors.vif.vif import VIF

DOM0_HOME = "/local/domain/0/"
OWN_HOME = ""
"""The same of a domain that need not know its number: the store takes it from whose connection it is."""


class Backends:
    """The backends of one domain. `home` is where its nodes stand in the store.

    What is served is written down in the `box`, if there is one; `adopted` are those that were found there.
    The experimenter hears of each of their states if it waits for some (`tells_states`).
    `lived_on`: those of which is known that an earlier life of this domain has served them.
    """

    def __init__(
        self,
        kernel: Kernel,
        xenbus: Xenbus,
        behind: Behind,
        policy: Reconnect,
        *,
        home: str,
        box: RecoveryBox | None = None,
        tells_states: bool = False,
    ) -> None:
        self._kernel = kernel
        self._xenbus = xenbus
        self._behind = behind
        self._policy = policy
        self._home = home
        self._box = box
        self._tells_states = tells_states
        self.lived_on: set[Device] = set()
        self.devices: dict[Device, XenbusBackend] = {}
        self.adopted: set[Device] = set()
        self._adopting = box is not None
        self._users: dict[str, tuple[XenbusBackend, Future[None]]] = {}
        kernel.faults["backend-malformed-response"] = self._misanswer
        kernel.faults["netback-restart"] = self._restart
        kernel.faults["netback-stop"] = self._freeze

    async def start(self) -> None:
        """Watch for devices from now on. The toolstack's nodes may come before or after."""
        for device_class in DEVICE_CLASSES.values():
            folder = self._folder(device_class)
            await self._xenbus.watch(folder, self._watcher(device_class, folder))

    def check(self) -> None:
        """Invariants of each."""
        for backend in self.devices.values():
            backend.check()

    def states(self) -> list[tuple[str, str]]:
        """The class and the state of each."""
        return [(key[0], backend.state.name) for key, backend in self.devices.items()]

    def statistics(self) -> dict[str, list[BackendStatistics]]:
        """What each says of itself, by class."""
        found: dict[str, list[BackendStatistics]] = {}
        for (device_class, _, _), backend in self.devices.items():
            found.setdefault(device_class, []).append(backend.statistics())
        return found

    def remove(self, domid: int) -> None:
        """A domain is gone, and nodes that would say so may never have been: let its devices go."""
        for key, device in self.devices.items():
            if key[1] == domid:
                device.remove()

    def _misanswer(self, fault: Fault) -> bool:
        """A disk's backend (`domid`, `virtual_device`) answers what was never asked; False if it cannot."""
        device = self._meant(VBD, fault)
        return not fault.active or (isinstance(device, Blkback) and device.misanswer())

    def _restart(self, fault: Fault) -> bool:
        """The backend of a network interface dies alone, and is probed again; False if it cannot."""
        netback = self._netback(fault)
        return not fault.active or (netback is not None and netback.restart())

    def _freeze(self, fault: Fault) -> bool:
        """The backend of a network interface stands still, or goes on; False if it cannot."""
        netback = self._netback(fault)
        return not fault.active if netback is None else netback.freeze(frozen=fault.active)

    def _netback(self, fault: Fault) -> Netback | None:
        device = self._meant(VIF, fault)
        return device if isinstance(device, Netback) else None

    def _meant(self, device_class: DeviceClass, fault: Fault) -> XenbusBackend | None:
        key = device_class.name, fault.options.get("domid"), fault.options.get("virtual_device")
        return self.devices.get(cast("Device", key))

    def _folder(self, device_class: DeviceClass) -> str:
        return f"{self._home}backend/{device_class.name}"

    def _watcher(self, device_class: DeviceClass, folder: str) -> Callable[[str], None]:
        def changed(path: str) -> None:
            if path == folder and self._home == OWN_HOME:
                self._kernel.threads.spawn(f"{device_class.name}s", self._look(device_class))
                return
            # Only `backend/CLASS/<frontend id>/<device>/state` says that a device is there and complete.
            parts = path.removeprefix(folder).strip("/").split("/")
            if len(parts) == 3 and parts[2] == "state" and parts[0].isdecimal() and parts[1].isdecimal():
                self._begin(device_class, int(parts[0]), int(parts[1]))

        return changed

    def _begin(self, device_class: DeviceClass, domid: int, number: int) -> None:
        if (device_class.name, domid, number) not in self.devices:
            work = self._serve(device_class, domid, number)
            self._kernel.threads.spawn(f"{device_class.name} {domid}/{number}", work)

    async def _look(self, device_class: DeviceClass) -> None:
        """What was written while this domain did not look: before it ran, or while there was no store."""
        folder = self._folder(device_class)
        for guest in await self._list(folder):
            for device in await self._list(f"{folder}/{guest}"):
                if guest.isdecimal() and device.isdecimal():
                    self._begin(device_class, int(guest), int(device))

    async def _list(self, path: str) -> list[str]:
        try:
            return await self._xenbus.directory(path)
        except XenError as error:
            if error.errno is not Errno.ENOENT:
                raise
            return []

    async def _serve(self, device_class: DeviceClass, domid: int, number: int) -> None:
        key = device_class.name, domid, number
        path = f"{self._home}{device_class.backend_path(domid, number)}"
        names = ""
        while key not in self.devices:
            try:
                state = await read_state(self._xenbus, path)
                if state not in {XenbusState.Initialising, XenbusState.Closing}:
                    return
                frontend = await self._xenbus.read(f"{path}/frontend")
                backing: object = None
                if device_class.backing:
                    names = await self._xenbus.read(f"{path}/{device_class.backing}")
                    backing = self._find(device_class, names)
            except XenError as error:
                self._kernel.log(f"{device_class.driver}: {path}: {error}")
                return
            except KeyError as error:
                self._kernel.log(f"{device_class.driver}: {path}: no {device_class.noun} {error}")
                if device_class.needs_backing:
                    return
                backing = names
            user = self._users.get(names) if not device_class.shared else None
            if state is XenbusState.Closing:
                break  # it is detached, and nobody has served it here: it serves nobody, but has to end
            # One that serves no ring is of a domain that was never finished, and nobody may ever remove it.
            if user is None or not user[0].attached:
                break
            # What a dead domain has asked of the volume must not be done after what its next life asks.
            await user[1]
        if key in self.devices:
            return
        await self._run(key, self._make(key, frontend, backing, names, state), names)
        # The same device may have been attached again while this one still ended.
        self._begin(device_class, domid, number)

    def _find(self, device_class: DeviceClass, names: str) -> object:
        """What a backend names that it gives access to. KeyError if this domain has no such thing."""
        find = self._behind.get(device_class.backing)
        if find is None:
            raise KeyError(names)
        return find(names)

    def _make(
        self, key: Device, frontend: str, backing: object, names: str, state: XenbusState
    ) -> XenbusBackend:
        device_class = DEVICE_CLASSES[key[0]]
        served = Served(
            f"{self._home}{device_class.backend_path(*key[1:])}",
            frontend,
            key[1],
            self._policy,
            state,
            early=self._home == DOM0_HOME,
            lived_on=key in self.lived_on,
            device=key,
            backing=names,
            box=self._box,
        )
        self.lived_on.discard(key)
        store: Store = self._xenbus
        if self._tells_states:
            store = ObservedStore(store, lambda _path, state: self._tell_state(key, state))
        return device_class.backend(self._kernel, store, served, backing)

    def check_box(self) -> None:
        """The box tells of nothing but what is served, and of that as it is."""
        if self._box is None or self._adopting:
            return
        kept = {each.device: each for each in self._box.kept()}
        for device, record in kept.items():
            backend = self.devices.get(device)
            assert isinstance(backend, ResumableBackend), f"{record} tells of what nobody serves"
            assert backend.attached, f"{record} tells of a ring that was given back"
            assert backend.is_told_by(record), f"{record} tells of another connection than that of today"
        assert len(kept) == len(self._box), "a record is there that is forgotten, or is not that was written"

    async def adopt(self, *, whole: bool) -> None:
        """Go on with what the last life has left in the box, before anything is looked for in the store.

        Only with a store that is `whole`: else what both ends have told it is to be told again.
        """
        if self._box is None:
            return
        if not whole:
            self._box.clear()
        for backend in await Adoption(self._kernel, self._box, self._make_adopted).perform():
            key, names = backend.served.device, backend.served.backing
            self.devices[key] = backend
            self.adopted.add(key)
            self._kernel.threads.spawn(f"{key[0]} {key[1]}/{key[2]}", self._run(key, backend, names))
        self._adopting = False

    def _make_adopted(self, handover: Handover) -> ResumableBackend:
        """A backend for a record; KeyError if there is no such class, or nothing of this name behind it."""
        device_class, key = DEVICE_CLASSES[handover.device_class], handover.device
        frontend = f"/local/domain/{handover.domid}/{device_class.frontend_path(handover.number)}"
        backing = self._find(device_class, handover.backing)
        backend = self._make(key, frontend, backing, handover.backing, XenbusState.Initialising)
        assert isinstance(backend, ResumableBackend), "only these leave records"
        return backend

    async def _run(self, key: Device, backend: XenbusBackend, names: str) -> None:
        """Serve a device to its end, as the user of what it gives access to."""
        self.devices[key] = backend
        done: Future[None] = Future()
        shared = DEVICE_CLASSES[key[0]].shared
        if names and not shared and backend.state in {XenbusState.Initialising, XenbusState.Connected}:
            self._users[names] = backend, done
        try:
            await backend.run()
        finally:
            self.devices.pop(key, None)
            if self._users.get(names) == (backend, done):
                del self._users[names]
            done.set(None)

    def _tell_state(self, key: Device, state: int) -> None:
        self._kernel.send(SUPERVISOR, StateWritten("backend", key[1], key[2], state, key[0]))
