"""The domains that a host should have, as dom0 finds them in its own file system (`/etc/xen/auto`).

Rules: msgpack data in, frozen records out; the configuration was validated before it came here.
"""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import cast

from actors.abi.types import PAGE_SIZE
from actors.device_classes import DEVICE_CLASSES
from actors.dom0.shutdown_actions import ShutdownActions
from actors.kernel.device_class import DeviceClass, DeviceKeys


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """A paravirtual device of a guest, and the domain that serves it (`backend`)."""

    device_class: str
    name: str
    number: int
    keys: DeviceKeys
    backend: int = 0


@dataclass(frozen=True, slots=True)
class DomainPlan:
    """One domain. `handle` is its UUID; `cmd_line` is handed to its kernel; `domid` 0: the next free one.

    A driver domain `drives` disks (name, GSI, trigger). Its number is always the same, so that what is
    granted to it, and the ports that wait for it, are its next life's.
    """

    name: str
    handle: bytes
    memory_pages: int
    max_pages: int
    vcpus: int
    actions: ShutdownActions
    devices: tuple[DevicePlan, ...]
    cmd_line: str
    xenstore: bool = False
    domid: int = 0
    drives: tuple[tuple[str, int, str], ...] = ()

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
    """What dom0 is to do on this host; `built_for` are the releases of Xen that its toolstack speaks.

    `store_restart`: what xenstored keeps when it is started again (`lose`, `live-update`, `persist`).
    """

    domains: tuple[DomainPlan, ...]
    xenstore: str
    reconnect: str
    watchdog_s: int
    disks: tuple[tuple[str, int, str], ...]
    built_for: tuple[str, ...]
    store_restart: str = "lose"

    @classmethod
    def parse(cls, data: dict[str, object]) -> "HostPlan":
        """The plan out of the argument of dom0's program."""
        domains = tuple(_domain(each) for each in cast("list[dict[str, object]]", data["domains"]))
        return cls(
            domains=domains,
            xenstore=cast("str", data["xenstore"]),
            reconnect=cast("str", data["reconnect"]),
            watchdog_s=cast("int", data["watchdog_s"]),
            disks=_lines(data["disks"]),
            built_for=tuple(cast("list[str]", data["built_for"])),
            store_restart=cast("str", data.get("store_restart", "lose")),
        )


def _lines(data: object) -> tuple[tuple[str, int, str], ...]:
    """The disks that a domain drives: name, GSI, trigger."""
    disks = tuple(
        (each["name"], each["gsi"], each["trigger"]) for each in cast("list[dict[str, object]]", data)
    )
    return cast("tuple[tuple[str, int, str], ...]", disks)


def _domain(data: dict[str, object]) -> DomainPlan:
    fields = dict(data)
    devices = tuple(
        _device(each, row)
        for each in DEVICE_CLASSES.values()
        for row in cast("list[dict[str, object]]", fields.pop(each.plural, []))
    )
    drives = _lines(fields.pop("drives", []))
    keys = [each.name for each in dataclass_fields(ShutdownActions) if each.name in fields]
    actions = ShutdownActions(**{key: cast("str", fields.pop(key)) for key in keys})
    return DomainPlan(actions=actions, devices=devices, drives=drives, **fields)  # type: ignore[arg-type]


def _device(device_class: DeviceClass, row: dict[str, object]) -> DevicePlan:
    name, number = device_class.identity(row)
    backend = cast("int", row.get("backend", 0))
    return DevicePlan(device_class.name, name, number, device_class.keys(row), backend)
