"""A toolstack operation compiled into steps: data that can be printed before it is performed.

The order is libxl's: the domain, its memory, its ports and pages, its nodes in XenStore, its
devices (both ends in one transaction), and only then it runs.
Source: tools/libs/light/libxl_{create,dom,device,disk}.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.abi.interface import XenbusState
from actors.device_classes import DEVICE_CLASSES
from actors.device_plan import DevicePlan
from actors.dom0.plan import DomainPlan
from actors.drivers.interrupt_line import InterruptLine

Nodes = tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class CreateDomain:
    """DOMCTL_createdomain, max_mem and populate_physmap."""

    plan: DomainPlan


@dataclass(frozen=True, slots=True)
class BuildDomain:
    """Ports for the store and the console, their ring pages and grants, and the start info."""

    plan: DomainPlan


@dataclass(frozen=True, slots=True)
class WriteNodes:
    """Write nodes (path, value, permissions) in one transaction, instead of all below the paths `instead`.

    Not if there is no node `beside` any more.
    """

    what: str
    nodes: Nodes
    instead: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, slots=True)
class LiftQuotas:
    """Let a domain have as much of the store as it needs, which is more than a guest may."""

    domid: int


@dataclass(frozen=True, slots=True)
class AssignDevice:
    """Give a domain a device: its interrupt line and its registers."""

    domid: int
    line: InterruptLine


@dataclass(frozen=True, slots=True)
class IntroduceDomain:
    """Tell xenstored that the domain is there."""

    domid: int


@dataclass(frozen=True, slots=True)
class UnpauseDomain:
    """Let it run."""

    domid: int


@dataclass(frozen=True, slots=True)
class RemoveNodes:
    """Remove what XenStore has of a domain that is gone."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShareDevice:
    """Give all that a device's end has in XenStore these permissions: what a domain may do ends with it."""

    path: str
    permissions: tuple[str, ...]


Step = (
    CreateDomain
    | BuildDomain
    | WriteNodes
    | LiftQuotas
    | AssignDevice
    | IntroduceDomain
    | UnpauseDomain
    | RemoveNodes
    | ShareDevice
)

Served = tuple[int, DevicePlan]
"""A device of a guest that runs (its domid), as the driver domain that is to serve it needs it."""


def attach_steps(plan: DomainPlan, domid: int, served: Sequence[Served] = ()) -> list[Step]:
    """What follows once the domain exists and is built: nodes, devices, introduction, run.

    A driver domain finds the devices that it is to serve in the store when it begins to run, and nothing
    there of an earlier life; it may read the frontends, as that one might.
    """
    steps: list[Step] = [RemoveNodes((f"/local/domain/{domid}",))] if plan.drives else []
    steps.append(WriteNodes(f"domain {domid}", domain_nodes(plan, domid)))
    steps.extend(WriteNodes(device.name, device_nodes(device, domid)) for device in plan.devices)
    for guest, device in served:
        steps.append(ShareDevice(frontend_path(device, guest), _frontend_permissions(device, guest)))
        what = f"{device.name} of domain {guest}"
        # It may be detached before it comes to this.
        steps.append(WriteNodes(what, backend_nodes(device, guest), beside=frontend_path(device, guest)))
    steps.extend(AssignDevice(domid, each) for each in plan.drives)
    return [*steps, *_introduction(plan, domid), UnpauseDomain(domid)]


def rebuild_steps(
    plan: DomainPlan, domid: int, *, store_lost: bool, resume: bool, backends_live: bool = False
) -> list[Step]:
    """What a new dom0, or a new toolstack, does for a domain that has survived the old one.

    With the store intact only the backends begin anew. With the store lost the nodes are written
    again; under `resume` the frontend's state is left to the frontend, which publishes it itself, and
    with a dom0 that lives on both ends do: nothing of what they do with one another is disturbed.
    What a driver domain serves has not begun anew: both ends live, and publish what they are themselves.
    """
    resume = resume or backends_live
    steps: list[Step] = []
    if store_lost:
        steps.append(WriteNodes(f"domain {domid}", domain_nodes(plan, domid)))
    for device in plan.devices:
        if device.backend and not store_lost:
            continue
        nodes = backend_nodes(device, domid)
        # A backend that lives may have told the new store something before its nodes were there.
        instead = (backend_path(device, domid),) if backends_live else ()
        if store_lost:
            state = None if resume or device.backend else XenbusState.Initialising
            nodes = frontend_nodes(device, domid, state) + nodes
        steps.append(WriteNodes(device.name, nodes, instead))
    if store_lost:
        steps.extend(_introduction(plan, domid))
    return steps


def _introduction(plan: DomainPlan, domid: int) -> list[Step]:
    return [*([LiftQuotas(domid)] if plan.drives else []), IntroduceDomain(domid)]


def removal_steps(plan: DomainPlan, domid: int) -> list[Step]:
    """Forget a domain that is gone."""
    backends = tuple(backend_path(device, domid) for device in plan.devices)
    return [RemoveNodes((*backends, f"/local/domain/{domid}", f"/vm/{plan.uuid}", f"/libxl/{domid}"))]


def domain_nodes(plan: DomainPlan, domid: int) -> Nodes:
    """`/local/domain/N`, `/vm/UUID` and `/libxl/N`."""
    home = f"/local/domain/{domid}"
    readable, owned, shared = ("n0", f"r{domid}"), (f"n{domid}",), ("n0", f"b{domid}")
    return (
        (home, "", readable),
        (f"{home}/name", plan.name, readable),
        (f"{home}/domid", str(domid), readable),
        (f"{home}/vm", f"/vm/{plan.uuid}", readable),
        (f"{home}/memory/target", str(plan.memory_kib), readable),
        (f"{home}/memory/static-max", str(plan.max_pages * 4), readable),
        *((f"{home}/cpu/{vcpu}/availability", "online", readable) for vcpu in range(plan.vcpus)),
        (f"{home}/control", "", readable),
        (f"{home}/control/shutdown", "", shared),
        (f"{home}/device", "", owned),
        (f"{home}/data", "", owned),
        (f"/vm/{plan.uuid}", "", readable),
        (f"/vm/{plan.uuid}/name", plan.name, readable),
        (f"/vm/{plan.uuid}/uuid", plan.uuid, readable),
        (f"/libxl/{domid}", "", ("n0",)),
        (f"/libxl/{domid}/type", "pv", ("n0",)),
    )


def device_nodes(device: DevicePlan, domid: int) -> Nodes:
    """Both halves of a device that is new."""
    return frontend_nodes(device, domid, XenbusState.Initialising) + backend_nodes(device, domid)


def frontend_nodes(device: DevicePlan, domid: int, state: XenbusState | None) -> Nodes:
    """The frontend's half of a device; without a state where the guest itself knows it."""
    path, permissions = frontend_path(device, domid), _frontend_permissions(device, domid)
    nodes = (
        (path, "", permissions),
        (f"{path}/backend", backend_path(device, domid), permissions),
        (f"{path}/backend-id", str(device.backend), permissions),
        *((f"{path}/{key}", value, permissions) for key, value in device.keys.frontend),
    )
    if state is None:
        return nodes
    return (*nodes, (f"{path}/state", str(int(state)), permissions))


def backend_nodes(device: DevicePlan, domid: int) -> Nodes:
    """The backend's half of a device; a driver domain may list its devices, whoever was written first."""
    path = backend_path(device, domid)
    permissions = (f"n{device.backend}", f"r{domid}")
    own = (f"/local/domain/{device.backend}/backend", "", (f"n{device.backend}",))
    return (
        *((own,) if device.backend else ()),
        (path, "", permissions),
        (f"{path}/frontend", frontend_path(device, domid), permissions),
        (f"{path}/frontend-id", str(domid), permissions),
        (f"{path}/online", "1", permissions),
        *((f"{path}/{key}", value, permissions) for key, value in device.keys.backend),
        (f"{path}/state", str(int(XenbusState.Initialising)), permissions),
    )


def frontend_path(device: DevicePlan, domid: int) -> str:
    """Where the frontend's half of a device is."""
    return f"/local/domain/{domid}/{DEVICE_CLASSES[device.device_class].frontend_path(device.number)}"


def _frontend_permissions(device: DevicePlan, domid: int) -> tuple[str, ...]:
    return f"n{domid}", f"r{device.backend}"


def backend_path(device: DevicePlan, domid: int) -> str:
    """Where the backend's half of a device is."""
    device_class = DEVICE_CLASSES[device.device_class]
    return f"/local/domain/{device.backend}/{device_class.backend_path(domid, device.number)}"
