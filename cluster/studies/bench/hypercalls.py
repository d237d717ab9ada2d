"""Hypercalls and events between two processes: a hypervisor, and a domain that does nothing else.

The hypervisor is the real machine under the live driver, in a process of its own; the domain end
is a small machine under the same driver. Time is taken inside the domain's process.
"""

import socket
import time

import trio

from actors.abi.hypercalls import Evtchnop, Xenver
from actors.abi.hypercalls import Hypercall as Number
from actors.hypervisor.hypervisor import Hypervisor
from actors.messages import CODEC, Hypercall, HypercallReply, Upcall
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import Effect, Event, Exit, LinkOpened, Machine, Received, Send
from actors.runtime.memory import SparseMemory
from actors.runtime.transport import SocketStream, unix_pair
from actors.runtime.waiting import Waiting
from cluster.studies.bench.floors import child

ROUND_TRIPS = 4000
CALLS = 100_000
IN_FLIGHT = 64
EVENTS = 40_000
CHANNELS = 32
XEN = "xen"
SMALL_HOST: dict[str, object] = {"hwdom": "halt", "dom0_memory_pages": 1024, "dom0_vcpus": 1, "ioapic": False}
NEXT_CALL: list[Effect] = [Send(XEN, Hypercall(1, Number.xen_version, Xenver.version, {}))]
"""The same each time, as in the floor: what is measured is the way there and back."""


class _Caller(Machine):
    """Issues null hypercalls, `in_flight` at a time, until `count` are answered."""

    def __init__(self, count: int, in_flight: int) -> None:
        self._left = count - in_flight
        self._open = in_flight
        self._in_flight = in_flight
        self.began_ns = 0
        self.ended_ns = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Answer each reply with the next call."""
        if type(event) is Received:
            if self._left:
                self._left -= 1
                return NEXT_CALL
            self._open -= 1
            if self._open:
                return []
            self.ended_ns = time.monotonic_ns()
            return [Exit("done")]
        if type(event) is LinkOpened:
            self.began_ns = now_ns
            return NEXT_CALL * self._in_flight
        return []


class _Ringer(_Caller):
    """Sends on loopback event channels: each event that arrives is answered by the next on its channel."""

    def __init__(self, count: int) -> None:
        super().__init__(0, 0)
        self._events = count

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Set up the channels, then ring them."""
        if type(event) is LinkOpened:
            return [
                _evtchn(number, Evtchnop.alloc_unbound, dom=0x7FF0, remote_dom=0x7FF0)
                for number in range(CHANNELS)
            ]
        if type(event) is not Received:
            return []
        message = event.message
        if isinstance(message, HypercallReply):
            return self._set_up(message, now_ns)
        if isinstance(message, Upcall):
            return self._ring(message.ports)
        return []

    def _set_up(self, reply: HypercallReply, now_ns: int) -> list[Effect]:
        out = reply.out or {}
        if "port" in out:
            port = out["port"]
            assert isinstance(port, int), "a port is a number"
            return [_evtchn(1, Evtchnop.bind_interdomain, remote_dom=0x7FF0, remote_port=port)]
        self.began_ns = self.began_ns or now_ns
        return []

    def _ring(self, ports: list[int]) -> list[Effect]:
        self._events -= len(ports)
        if self._events <= 0:
            self.ended_ns = time.monotonic_ns()
            return [Exit("done")]
        first, *others = ports
        return [
            _evtchn(0, Evtchnop.send, upcalls_taken=1, port=first),
            *(_evtchn(0, Evtchnop.send, port=port) for port in others),
        ]


def hypercall_round_trip() -> float:
    """Microseconds of one null hypercall."""
    caller = _Caller(ROUND_TRIPS, 1)
    _run_beside_hypervisor(caller)
    return (caller.ended_ns - caller.began_ns) / ROUND_TRIPS / 1e3


def hypercall_rate() -> float:
    """Null hypercalls a second, 64 in flight."""
    caller = _Caller(CALLS, IN_FLIGHT)
    _run_beside_hypervisor(caller)
    return CALLS / ((caller.ended_ns - caller.began_ns) / 1e9)


def event_rate() -> float:
    """Events sent, delivered by upcall and taken, a second, on 32 channels."""
    ringer = _Ringer(EVENTS)
    _run_beside_hypervisor(ringer)
    return EVENTS / ((ringer.ended_ns - ringer.began_ns) / 1e9)


def _run_beside_hypervisor(machine: _Caller) -> None:
    ours, theirs = unix_pair()
    with child(lambda: trio.run(_run_hypervisor, theirs), ours):
        theirs.close()
        driver = ActorDriver("host0/dom0", machine, CODEC, log=_silent, waiting=Waiting(alone=True))
        driver.plug(XEN, SocketStream(ours))
        trio.run(driver.run)


async def _run_hypervisor(link: socket.socket) -> None:
    memory = SparseMemory(1 << 16)
    driver = ActorDriver(
        "host0/hypervisor", Hypervisor(SMALL_HOST, memory), CODEC, log=_silent, waiting=Waiting(alone=True)
    )
    board, _sink = unix_pair()
    driver.plug("supervisor", SocketStream(board))
    driver.plug("dom0", SocketStream(link))
    await driver.run()


def _evtchn(sequence: int, command: Evtchnop, *, upcalls_taken: int = 0, **arguments: int) -> Send:
    return Send(XEN, Hypercall(sequence, Number.event_channel_op, command, dict(arguments), upcalls_taken))


def _silent(_: str) -> None:
    return
