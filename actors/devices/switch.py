"""The switch: joins the network controllers of all hosts of a cluster, a port for each.

Rules: it learns which station is behind which port, and looks for others everywhere else. Each port has a
queue of its own, so that one that is slow or full holds up nobody else. What breaks a single wire (loss,
jitter, duplicates, reordering) is rules of its link.
Source: IEEE 802.1D 7; store and forward.
Left out: spanning trees, VLANs, flow control.
"""

from collections.abc import Iterable, Iterator, Mapping

from actors.abi.network_controller import HEADER_BYTES, MAX_FRAME_BYTES
from actors.devices.device_faults import said_of
from actors.devices.switch_faults import SwitchFaults
from actors.devices.switch_port import SwitchPort
from actors.devices.switch_settings import SwitchSettings
from actors.devices.switch_statistics import DROPS, SwitchStatistics
from actors.messages import EthernetFrame, Fault, PowerButton, PowerFails
from actors.network.mac_address import is_group, is_link_local, is_station
from actors.network.mac_table import MacTable
from actors.runtime.machine import (
    CloseLink,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Machine,
    Received,
    Send,
)


class Switch(Machine):
    """A switch; links by the names of its ports, and "supervisor". ValueError if the argument is wrong."""

    def __init__(self, argument: Mapping[str, object]) -> None:
        settings = SwitchSettings.from_argument(argument)
        self._ports = {each.name: SwitchPort(each) for each in settings.ports}
        self._table = MacTable(ageing_ns=settings.ageing_ns, limit=settings.stations)
        self._faults = SwitchFaults(self._ports.keys())
        self._drops = dict.fromkeys(DROPS, 0)
        self._frames = self._flooded = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Frames from its ports, orders of "supervisor"; any other link that speaks is closed."""
        if isinstance(event, Received):
            return self._receive(event.link, event.message, now_ns)
        if isinstance(event, LinkOpened | LinkClosed) and event.link in self._ports:
            port = self._ports[event.link]
            if isinstance(event, LinkOpened):
                port.open = True
            else:
                self._drops["link_down"] += port.unplug()
                self._table.forget_port(port.name)
        return []

    def end_turn(self, now_ns: int) -> list[Effect]:
        """Give out the frames that have arrived."""
        return [
            Send(port.name, EthernetFrame(data)) for port in self._giving() for data in port.arrived(now_ns)
        ]

    def next_deadline_ns(self) -> int | None:
        """When the next frame arrives."""
        return min((due for port in self._giving() if (due := port.due_ns) is not None), default=None)

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        for port in self._ports.values():
            port.check()
            assert port.open or port.due_ns is None, "frames for nobody"

    def statistics(self) -> SwitchStatistics:
        """Counters and gauges as of now."""
        ports = self._ports.values()
        return SwitchStatistics(
            frames=self._frames,
            flooded=self._flooded,
            drops=dict(self._drops),
            port_frames={port.name: port.frames for port in ports},
            port_bytes={port.name: port.bytes for port in ports},
            waiting_bytes={port.name: port.waiting_bytes for port in ports},
            stations=len(self._table),
            not_learnt=self._table.not_learnt,
        )

    def _giving(self) -> Iterator[SwitchPort]:
        """The ports that frames can leave by."""
        return (port for port in self._ports.values() if port.name not in self._faults.stalled)

    def _receive(self, link: str, message: object, now_ns: int) -> list[Effect]:
        if link in self._ports and isinstance(message, EthernetFrame):
            self._forward(self._ports[link], message.data, now_ns)
            return []
        if link == "supervisor" and isinstance(message, PowerButton | PowerFails | Fault):
            return self._take_order(message, now_ns)
        return [CloseLink(link, f"a switch takes no {type(message).__name__} from {link}")]

    def _take_order(self, order: PowerButton | PowerFails | Fault, now_ns: int) -> list[Effect]:
        """The experimenter's hand: the power button, a loss of power, a fault that comes or goes."""
        if not isinstance(order, Fault):
            return [Exit("power button" if isinstance(order, PowerButton) else "no power")]
        if not self._faults.take(order, now_ns):
            return [CloseLink("supervisor", f"a switch has no fault {order.kind} {order.options}")]
        return [said_of(order)]

    def _forward(self, port: SwitchPort, data: bytes, now_ns: int) -> None:
        """Take a frame, and let it leave by the ports that it is for."""
        self._frames += 1
        reason = "not_running" if port.name in self._faults.stalled else _objection(data)
        if reason is not None:
            self._drops[reason] += 1
            return
        self._table.learn(data[6:12], port.name, now_ns)
        target = data[:6]
        if is_group(target):
            self._flood(port, data, now_ns)
            return
        known = self._table.find(target, now_ns)
        if known is None:
            self._flooded += 1
            self._flood(port, data, now_ns)
        elif known == port.name:
            self._drops["hairpin"] += 1
        else:
            self._leave(port, [self._ports[known]], data, now_ns)

    def _flood(self, port: SwitchPort, data: bytes, now_ns: int) -> None:
        """To all others that have something plugged in."""
        others = (each for each in self._ports.values() if each is not port and each.open)
        self._leave(port, others, data, now_ns)

    def _leave(self, port: SwitchPort, others: Iterable[SwitchPort], data: bytes, now_ns: int) -> None:
        for other in others:
            if self._faults.separates(port.name, other.name):
                self._drops["partitioned"] += 1
            elif not other.offer(data, now_ns, self._faults.slowness):
                self._drops["queue_full"] += 1


def _objection(data: bytes) -> str | None:
    """Why a frame goes nowhere, wherever it is for."""
    if len(data) < HEADER_BYTES:
        return "too_short"
    if len(data) > MAX_FRAME_BYTES:
        return "too_long"
    if not is_station(data[6:12]):
        return "bad_source"
    return "link_local" if is_link_local(data[:6]) else None
