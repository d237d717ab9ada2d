"""What packets are looked at: who is asked to show them, and whom they are for.

Rules: a point is named by what does not change (guest, position, controller); who has it now is looked up
whenever a domain has started, so that a capture goes on across deaths.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from actors.capture_messages import Captured, CaptureTaken, StartCapture, StopCapture
from actors.network.tap import size_of
from actors.runtime.machine import Effect, Send
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.resolved_domains import ResolvedGuest
from cluster.lab.config.switch import WIRE
from cluster.lab.experiment.host_board import HostBoard

FRONTEND, BACKEND, BRIDGE, NIC = "frontend", "backend", "bridge", "nic"
PLACES: Final = (FRONTEND, BACKEND, BRIDGE)
"""Where an interface of a guest can be looked at."""
_VIF: Final = "vif"

Take = Callable[[str, Captured], None]
"""Given the name of a point and what it has shown; to be answered by `Captures.taken`."""


@dataclass(frozen=True, slots=True)
class CapturePoint:
    """`name`: in the file. Of a guest: its interface's number, and the backend's domain and bridge."""

    name: str
    host: str
    place: str
    domain: str
    number: int = 0
    backend: str = ""
    bridge: str = ""


@dataclass(slots=True)
class _Capture:
    points: tuple[CapturePoint, ...]
    snap_bytes: int
    take: Take


class Captures:
    """All that go on; `emit` is for effects, which come with the next turn of the supervisor."""

    def __init__(self, boards: Mapping[str, HostBoard], emit: Callable[[Effect], None]) -> None:
        self._boards = boards
        self._emit = emit
        self._captures: list[_Capture] = []
        self._asked: dict[tuple[str, str], str] = {}

    def points(self, target: str, places: tuple[str, ...]) -> tuple[CapturePoint, ...]:
        """Where `HOST/GUEST/vifN` (at these places) or `HOST/NIC` is seen. ValueError: it is nowhere."""
        host, _, rest = target.partition("/")
        board = self._boards.get(host)
        if board is None:
            raise ValueError(f"{target}: no host {host!r}; there are: {', '.join(self._boards)}")
        name, slash, vif = rest.partition("/")
        nics = [each.name for each in board.host.wired]
        if not slash and name in nics:
            return (CapturePoint(target, host, NIC, name),)
        guest = next((each for each in board.host.guests if each.name == name), None)
        if guest is None:
            known = ", ".join([*nics, *(each.name for each in board.host.guests)][:10]) or "nothing"
            raise ValueError(
                f"{target}: no network controller or guest {name!r} on {host}, which has {known}"
            )
        return tuple(_point_of(target, board, guest, vif, place) for place in places)

    def everything(self) -> tuple[CapturePoint, ...]:
        """All interfaces of all guests at all places, and all controllers."""
        found: list[CapturePoint] = []
        for host, board in self._boards.items():
            for guest in board.host.guests:
                for vif in interfaces_of(guest):
                    target = f"{guest.address}/{vif}"
                    found += [_point_of(target, board, guest, vif, place) for place in PLACES]
            found += [CapturePoint(f"{host}/{each.name}", host, NIC, each.name) for each in board.host.wired]
        return tuple(found)

    def check_free(self, points: tuple[CapturePoint, ...]) -> None:
        """ValueError if somebody looks at one of them already."""
        taken = {each.name for capture in self._captures for each in capture.points}
        for each in points:
            if each.name in taken:
                raise ValueError(f"{each.name} is captured already")

    def start(self, points: tuple[CapturePoint, ...], snap_bytes: int, take: Take) -> object:
        """Look at these; what it returns is for `stop`. ValueError as `check_free` says."""
        self.check_free(points)
        capture = _Capture(points, snap_bytes, take)
        self._captures.append(capture)
        self.look_again()
        return capture

    def stop(self, capture: object) -> None:
        """Look at them no more."""
        found = next((each for each in self._captures if each is capture), None)
        if found is None:
            return
        self._captures.remove(found)
        names = {each.name for each in found.points}
        for (address, interface), name in list(self._asked.items()):
            if name in names:
                del self._asked[address, interface]
                self._emit(Send(address, StopCapture(interface)))

    def look_again(self) -> None:
        """Ask whoever has a point now; who shows it already goes on."""
        for capture in self._captures:
            for point in capture.points:
                where = self._where(point)
                if where is not None:
                    self._asked[where] = point.name
                    self._emit(Send(where[0], StartCapture(where[1], capture.snap_bytes)))

    def take(self, link: str, captured: Captured) -> None:
        """An actor has shown packets; nobody wants those of a capture that has ended."""
        name = self._asked.get((link, captured.interface))
        for capture in self._captures:
            if name is not None and any(each.name == name for each in capture.points):
                capture.take(name, captured)
                return

    def taken(self, name: str, captured: Captured) -> None:
        """What was shown of a point has been written."""
        size = sum(map(size_of, captured.packets))
        for (address, interface), each in self._asked.items():
            if each == name and interface == captured.interface:
                self._emit(Send(address, CaptureTaken(interface, size)))

    def _where(self, point: CapturePoint) -> tuple[str, str] | None:
        """The actor that has a point now, and what the point is called there."""
        board = self._boards[point.host]
        if point.place == NIC:
            return f"{point.host}/{point.domain}", WIRE
        guest = board.domains.find(point.domain)
        if guest is None:
            return None
        if point.place == FRONTEND:
            return guest.address, f"vif{point.number}"
        backend = board.domains.find(point.backend)
        if backend is None:
            return None
        interface = f"vif{guest.domid}.{point.number}"
        bridge = f"{point.bridge}/" if point.place == BRIDGE else ""
        return backend.address, f"{bridge}{interface}"


def interfaces_of(guest: ResolvedGuest) -> dict[str, ResolvedDevice]:
    """The network interfaces of a guest, by name."""
    return {each.identity[0]: each for each in guest.devices if each.device_class == _VIF}


def _point_of(target: str, board: HostBoard, guest: ResolvedGuest, vif: str, place: str) -> CapturePoint:
    devices = interfaces_of(guest)
    device = devices.get(vif)
    if device is None:
        known = ", ".join(f"{guest.address}/{each}" for each in devices) or "no network interface at all"
        raise ValueError(f"{target}: {guest.address} has no {vif!r}; it has {known}")
    name = target if place == FRONTEND else f"{target}:{place}"
    return CapturePoint(
        name=name,
        host=board.host.name,
        place=place,
        domain=guest.name,
        number=device.identity[1],
        backend=device.backend,
        bridge=str(device.plan(0).row.get("bridge", "")),
    )
