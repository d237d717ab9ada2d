"""What the actors say of themselves, and said last when they no longer can.

Rules: all are asked once an interval, but of the guests at most `GUESTS_AT_ONCE`, in turn, so that a
large host is not kept busy with answering. What was said stays under its name, whoever is dead by now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from actors.messages import ReadStatistics, Statistics
from actors.runtime.machine import Effect, Send
from cluster.experiment.board import Board

GUESTS_AT_ONCE: Final = 50
CONTROL: Final = ("dom0", "xenstore")

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """The statistics of one actor, and when they came."""

    values: Values
    at_ns: int


class Readings:
    """The statistics of all hosts. `latest` is by address, the others by host and name.

    `domains`: the hypervisor's record of each; `backends`: those of dom0 and the driver domains, by guest and
    virtual device;
    `frontends`: the guests', by vdev. A domain that boots again and has none yet keeps its last ones.
    `asked`: who has not answered yet, by sequence.
    """

    def __init__(
        self, boards: Mapping[str, Board], emit: Callable[[Effect], None], latest: dict[str, Values]
    ) -> None:
        self.latest = latest
        self.actors: dict[tuple[str, str], Reading] = {}
        self.domains: dict[tuple[str, str], Values] = {}
        self.backends: dict[tuple[str, str, int], Values] = {}
        self.frontends: dict[tuple[str, str], dict[str, Values]] = {}
        self.stores: dict[str, Reading] = {}
        self._boards = boards
        self._emit = emit
        self.asked: dict[int, str] = {}
        self._sequence = 0
        self._turn: dict[str, int] = {}

    @property
    def is_complete(self) -> bool:
        """Whether everybody who was asked last has answered."""
        return not self.asked

    @property
    def of_hypervisors(self) -> dict[str, Values]:
        """What the hypervisors said last, by address."""
        return {address: each for address, each in self.latest.items() if address.endswith("/hypervisor")}

    @property
    def is_settled(self) -> bool:
        """Every dom0 says that no guest is left, every hypervisor that nobody holds frames of the dead."""
        if any(each.get("frames_lingering") for each in self.of_hypervisors.values()):
            return False
        dom0s = [f"{name}/dom0" for name, board in self._boards.items() if board.find("dom0") is not None]
        values = [self.latest.get(each, {}) for each in dom0s]
        return self.is_complete and all(
            each.get("all_shut_down") and not each.get("backends") for each in values
        )

    def ask_all(self) -> None:
        """Ask every hypervisor and every domain that runs."""
        self.asked.clear()
        for board in self._powered():
            self._ask(board.hypervisor)
            for address in _running(board):
                self._ask(address)

    def ask_some(self) -> None:
        """Ask the hardware, the hypervisors, the control domains, and the guests whose turn it is."""
        self.asked.clear()
        for board in self._powered():
            for address in board.hardware:
                self._ask(address)
            addresses = _running(board)
            found = [board.find(each) for each in (*CONTROL, *board.host.drivers)]
            control = {f"{board.host.name}/dom{each.domid}" for each in found if each}
            guests = [each for each in addresses if each not in control]
            for address in addresses:
                if address in control:
                    self._ask(address)
            for address in self._whose_turn(board.host.name, guests):
                self._ask(address)

    def take(self, link: str, message: Statistics, now_ns: int) -> None:
        """An answer; one that was not asked for on this link, or is too late, does not count."""
        if self.asked.pop(message.sequence, None) != link:
            return
        self.latest[link] = message.values
        host = link.split("/", 1)[0]
        board = self._boards[host]
        name = board.name_of(link)
        if name is None:
            return
        self.actors[host, name] = Reading(message.values, now_ns)
        if link == board.hypervisor:
            for row in _rows(message.values, "domains"):
                domain = board.name_of(f"{host}/dom{row['domid']}")
                if domain is not None:
                    self.domains[host, domain] = row
        elif name == "dom0" or name in board.host.drivers:
            for row in _rows(message.values, "vbds"):
                guest = board.name_of(f"{host}/dom{row['domid']}")
                if guest is not None:
                    self.backends[host, guest, cast("int", row["device"])] = row
            if message.values.get("store"):
                self.stores[host] = Reading(cast("Values", message.values["store"]), now_ns)
        elif name == "xenstore":
            self.stores[host] = Reading(message.values, now_ns)
        elif message.values.get("vbds"):
            self.frontends[host, name] = cast("dict[str, Values]", message.values["vbds"])

    def _powered(self) -> list[Board]:
        return [each for each in self._boards.values() if each.state.power == "on"]

    def _whose_turn(self, host: str, guests: list[str]) -> list[str]:
        if len(guests) <= GUESTS_AT_ONCE:
            return guests
        start = self._turn.get(host, 0) % len(guests)
        self._turn[host] = start + GUESTS_AT_ONCE
        return (guests + guests)[start : start + GUESTS_AT_ONCE]

    def _ask(self, address: str) -> None:
        self._sequence += 1
        self.asked[self._sequence] = address
        self._emit(Send(address, ReadStatistics(self._sequence)))


def _running(board: Board) -> list[str]:
    return [each.address for each in board.domains.values() if each.state == "running"]


def _rows(values: Values, key: str) -> list[Values]:
    return cast("list[Values]", values.get(key, []))
