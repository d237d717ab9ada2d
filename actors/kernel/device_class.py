"""A class of paravirtual devices: what is known of it by whoever builds, serves or has one.

Rules: a class is one record; who works with devices takes it from there, and asks for no class by name.
Source: xen/include/public/io/xenbus.h; docs/misc/xenstore-paths.pandoc (device/ and backend/).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from actors.kernel.device_statistics import BackendStatistics, FrontendStatistics
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store
from actors.kernel.xenbus_backend import Served, XenbusBackend
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.policies import Frontend

Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """What a toolstack writes of a device beside what it writes of every one: (key, value) rows."""

    frontend: Keys = ()
    backend: Keys = ()


class MakeFrontend(Protocol):
    """Makes the frontend of a device at a path."""

    def __call__(self, kernel: Kernel, store: Store, path: str, policy: Frontend) -> XenbusFrontend:
        """It does nothing before `connect`."""
        ...


class MakeBackend(Protocol):
    """Makes the backend of a device."""

    def __call__(self, kernel: Kernel, store: Store, served: Served, backing: object) -> XenbusBackend:
        """It does nothing before `run`. `backing`: what the class's key `backing` names, if it has one."""
        ...


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """One class. Its devices stand under `name` at both ends.

    `driver` is what the console calls the driver of its backends. What is planned of a guest has a row for
    each device: `identity` gives the name and the number of one, `keys` its own keys in the store; a file has
    them as `plural`. `frontend_statistics`, `backend_statistics`: what its ends tell of themselves.
    `backing`: the key of a backend that names what it gives access to, which has one user at a time unless it
    is `shared`, and what that is called is its `noun`. Without it nobody serves the device, unless a backend
    does not need it (`needs_backing`): then it has what the key says instead, and tells what is wrong.
    """

    name: str
    driver: str
    plural: str
    identity: Callable[[Mapping[str, object]], tuple[str, int]]
    keys: Callable[[Mapping[str, object]], DeviceKeys]
    frontend: MakeFrontend
    backend: MakeBackend
    frontend_statistics: type[FrontendStatistics]
    backend_statistics: type[BackendStatistics]
    backing: str = ""
    noun: str = ""
    shared: bool = False
    needs_backing: bool = True

    def frontend_path(self, number: int) -> str:
        """Where the frontend is, as its own domain says it."""
        return f"device/{self.name}/{number}"

    def backend_path(self, domid: int, number: int) -> str:
        """Where the backend of this domain's device is, as its own domain says it."""
        return f"backend/{self.name}/{domid}/{number}"
