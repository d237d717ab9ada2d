"""The domains that a host should have, as dom0 finds them in its own file system (`/etc/xen/auto`).

Rules: frozen records, which cross as msgpack data; that is made and read here only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from actors.abi.types import PAGE_SIZE
from actors.device_plan import DevicePlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.drivers.hardware import Given, devices_in, packed_devices
from actors.drivers.interrupt_line import InterruptLine, lines_of, packed_line
from actors.policies import Reconnect, StorePlace, StoreRestart

Data = dict[str, object]
_PLAIN: Final = ("name", "handle", "memory_pages", "max_pages", "vcpus")
"""The fields of a domain that cross as they are, before all others."""


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
    devices: tuple[DevicePlan, ...]
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
    """What dom0 is to do on this host; `built_for` are the releases of Xen that its toolstack speaks.

    `tells_states`: the experimenter waits for states of devices (`StateWritten`).
    """

    domains: tuple[DomainPlan, ...]
    store: StorePlace
    reconnect: Reconnect
    watchdog_s: int
    drives: Given
    built_for: tuple[str, ...]
    store_restart: StoreRestart = StoreRestart.lose
    tells_states: bool = False

    def pack(self) -> Data:
        """As the argument of dom0's program has it."""
        return {
            "domains": [_packed(each) for each in self.domains],
            "xenstore": self.store.value,
            "store_restart": self.store_restart.value,
            "reconnect": self.reconnect.value,
            "watchdog_s": self.watchdog_s,
            "built_for": list(self.built_for),
            "tells_states": self.tells_states,
            **packed_devices(self.drives),
        }

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "HostPlan":
        """What `pack` was given."""
        return cls(
            domains=tuple(_domain(each) for each in data["domains"]),
            store=StorePlace(data["xenstore"]),
            store_restart=StoreRestart(data["store_restart"]),
            reconnect=Reconnect(data["reconnect"]),
            watchdog_s=data["watchdog_s"],
            drives=devices_in(data),
            built_for=tuple(data["built_for"]),
            tells_states=data["tells_states"],
        )


def _packed(plan: DomainPlan) -> Data:
    own = {each: getattr(plan, each) for each in _PLAIN} | asdict(plan.actions)
    devices = [each.pack() for each in plan.devices]
    if not plan.drives:
        return {**own, "devices": devices, "cmd_line": plan.cmd_line}
    drives = list(map(packed_line, plan.drives))
    return {**own, "domid": plan.domid, "devices": devices, "drives": drives, "cmd_line": plan.cmd_line}


def _domain(data: Mapping[str, Any]) -> DomainPlan:
    return DomainPlan(
        **{each: data[each] for each in _PLAIN},
        actions=ShutdownActions(**{each.name: data[each.name] for each in fields(ShutdownActions)}),
        devices=tuple(DevicePlan.parse(each) for each in data["devices"]),
        cmd_line=data["cmd_line"],
        domid=data.get("domid", 0),
        drives=lines_of(data.get("drives", [])),
    )
