"""Who has which MAC address on the link, and how sure that is.

Source: Linux's `net/core/neighbour.c` and the parameters of `arp_tbl` in `net/ipv4/arp.c`: an address is
sure for 30 s (0.5 to 1.5 times, at random), then stale: used, but asked for after 5 s by up to three
unicast requests 1 s apart; an unknown one by three broadcasts. Left out: that progress of TCP counts as a
confirmation.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import NamedTuple

from actors.inet.durations import SECOND

REACHABLE_NS = 30 * SECOND
DELAY_NS = 5 * SECOND
RETRANSMIT_NS = SECOND
REQUESTS = 3
QUEUE_BYTES = 212_992
"""Of packets that wait for one address."""
ENTRIES_MAX = 1024


class Waiting(NamedTuple):
    """A packet that waits, and what came with it."""

    packet: bytes
    segment_bytes: int
    blank: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.packet)


class Certainty(Enum):
    """The states of RFC 4861 that ARP uses in Linux; one that has failed is forgotten."""

    INCOMPLETE = auto()
    REACHABLE = auto()
    STALE = auto()
    DELAY = auto()
    PROBE = auto()


@dataclass(slots=True)
class Neighbour:
    """One address."""

    certainty: Certainty = Certainty.INCOMPLETE
    mac: bytes = b""
    until_ns: int = 0
    """When the state ends; that of a stale one does not."""
    requests: int = 0
    queue: deque[Waiting] = field(default_factory=deque)
    queued_bytes: int = 0


_TIMED = (Certainty.INCOMPLETE, Certainty.DELAY, Certainty.PROBE)


class NeighbourTable:
    """Of one interface, in the order in which addresses were first met."""

    def __init__(self, random: Random, ask: Callable[[int, bytes | None], None]) -> None:
        """`ask` sends a request for an address, to a MAC address or to all."""
        self._random = random
        self._ask = ask
        self._entries: dict[int, Neighbour] = {}
        self._timed: dict[int, Neighbour] = {}
        self.failed = 0
        """Addresses that nobody has answered for."""

    def __iter__(self) -> Iterator[tuple[int, Neighbour]]:
        return iter(self._entries.items())

    def mac(self, address: int, now_ns: int) -> bytes | None:
        """The MAC address to use now; None if it is not known, and a packet has to wait."""
        entry = self._entries.get(address)
        if entry is None or entry.certainty is Certainty.INCOMPLETE:
            return None
        if entry.certainty is Certainty.REACHABLE and now_ns >= entry.until_ns:
            entry.certainty = Certainty.STALE
        if entry.certainty is Certainty.STALE:
            self._enter(address, entry, Certainty.DELAY, now_ns + DELAY_NS)
        return entry.mac

    def wait(self, address: int, packet: Waiting, now_ns: int) -> int:
        """Keep a packet until the address is known, and ask; how many older ones that has pushed out."""
        entry = self._entries.get(address)
        if entry is None:
            self._make_room()
            entry = self._entries[address] = Neighbour(requests=1)
            self._enter(address, entry, Certainty.INCOMPLETE, now_ns + RETRANSMIT_NS)
            self._ask(address, None)
        entry.queue.append(packet)
        entry.queued_bytes += packet.size
        pushed = 0
        while entry.queued_bytes > QUEUE_BYTES and len(entry.queue) > 1:
            entry.queued_bytes -= entry.queue.popleft().size
            pushed += 1
        return pushed

    def _make_room(self) -> None:
        if len(self._entries) >= ENTRIES_MAX:
            oldest = next(
                (each for each in self._entries if each not in self._timed), next(iter(self._entries))
            )
            del self._entries[oldest]
            self._timed.pop(oldest, None)

    def heard(self, address: int, mac: bytes, now_ns: int, *, answer: bool, create: bool) -> list[Waiting]:
        """An ARP packet names an address; which packets may go now.

        `answer` makes it sure; otherwise a new MAC address is stale. `create` if we shall answer it.
        """
        entry = self._entries.get(address)
        if entry is None:
            if not create:
                return []
            self._make_room()
            entry = self._entries[address] = Neighbour()
        changed = entry.mac != mac
        entry.mac = mac
        if answer:
            span = round(REACHABLE_NS * self._random.uniform(0.5, 1.5))
            self._enter(address, entry, Certainty.REACHABLE, now_ns + span)
        elif changed or entry.certainty is Certainty.INCOMPLETE:
            self._enter(address, entry, Certainty.STALE, now_ns)
        released = list(entry.queue)
        entry.queue.clear()
        entry.queued_bytes = 0
        return released

    def _enter(self, address: int, entry: Neighbour, certainty: Certainty, until_ns: int) -> None:
        entry.certainty = certainty
        entry.until_ns = until_ns
        if certainty in _TIMED:
            self._timed[address] = entry
        else:
            entry.requests = 0
            self._timed.pop(address, None)

    def next_deadline_ns(self) -> int | None:
        """When `deadline` is to be called."""
        return min((entry.until_ns for entry in self._timed.values()), default=None) if self._timed else None

    def deadline(self, now_ns: int) -> list[tuple[int, list[Waiting]]]:
        """Ask again; the addresses that are given up, with the packets that waited for them."""
        failed = []
        for address, entry in list(self._timed.items()):
            if entry.until_ns > now_ns:
                continue
            if entry.requests >= REQUESTS:
                failed.append((address, list(entry.queue)))
                self.failed += 1
                del self._entries[address], self._timed[address]
                continue
            entry.requests += 1
            certainty = Certainty.INCOMPLETE if entry.certainty is Certainty.INCOMPLETE else Certainty.PROBE
            self._enter(address, entry, certainty, now_ns + RETRANSMIT_NS)
            self._ask(address, entry.mac or None)
        return failed
