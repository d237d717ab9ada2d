"""The domains that a host should have, as dom0 finds them in its own file system (`/etc/xen/auto`).

Rules: msgpack data in, frozen records out; the configuration was validated before it came here.
"""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import cast

from actors.abi.types import PAGE_SIZE
from actors.dom0.shutdown_actions import ShutdownActions
from actors.drivers.hardware import Given, devices_in
from actors.drivers.interrupt_line import InterruptLine, lines_of
from actors.policies import Reconnect, StorePlace, StoreRestart


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """A paravirtual disk of a guest, the volume behind it, and the domain that serves it (`backend`)."""

    vdev: str
    virtual_device: int
    disk: str
    volume: int
    mode: str
    backend: int = 0

    @property
    def params(self) -> str:
        """The volume as the backend's `params` node names it."""
        return f"{self.disk}:{self.volume}"


@dataclass(frozen=True, slots=True)
class DomainPlan:
    """One domain. `handle` is its UUID; `cmd_line` is handed to its kernel; `domid` 0: the next free one.

    A driver domain `drives` devices, each on a line. Its number is always the same, so that what is granted
    to it, and the ports that wait for it, are its next life's.
    """

    name: str
    handle: bytes
    memory_pages: int
    max_pages: int
    vcpus: int
    actions: ShutdownActions
    disks: tuple[DiskPlan, ...]
    cmd_line: str
    xenstore: bool = False
    domid: int = 0
    drives: tuple[InterruptLine, ...] = ()

    @property
    def uuid(self) -> str:
        """The handle as text."""
        text = self.handle.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    @property
    def memory_kib(self) -> int:
        """Memory in KiB, as XenStore has it."""
        return self.memory_pages * PAGE_SIZE // 1024


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What dom0 is to do on this host; `built_for` are the releases of Xen that its toolstack speaks."""

    domains: tuple[DomainPlan, ...]
    store: StorePlace
    reconnect: Reconnect
    watchdog_s: int
    drives: Given
    built_for: tuple[str, ...]
    store_restart: StoreRestart = StoreRestart.lose

    @classmethod
    def parse(cls, data: dict[str, object]) -> "HostPlan":
        """The plan out of the argument of dom0's program."""
        domains = tuple(_domain(each) for each in cast("list[dict[str, object]]", data["domains"]))
        return cls(
            domains=domains,
            store=StorePlace(cast("str", data["xenstore"])),
            reconnect=Reconnect(cast("str", data["reconnect"])),
            watchdog_s=cast("int", data["watchdog_s"]),
            drives=devices_in(data),
            built_for=tuple(cast("list[str]", data["built_for"])),
            store_restart=StoreRestart(cast("str", data.get("store_restart", "lose"))),
        )


def _domain(data: dict[str, object]) -> DomainPlan:
    fields = dict(data)
    disks = tuple(DiskPlan(**each) for each in cast("list[dict[str, object]]", fields.pop("disks")))  # type: ignore[arg-type]
    drives = lines_of(fields.pop("drives", []))
    keys = [each.name for each in dataclass_fields(ShutdownActions) if each.name in fields]
    actions = ShutdownActions(**{key: cast("str", fields.pop(key)) for key in keys})
    return DomainPlan(actions=actions, disks=disks, drives=drives, **fields)  # type: ignore[arg-type]
