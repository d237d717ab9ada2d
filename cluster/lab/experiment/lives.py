"""The lives of one guest: how often it was started, how often it left in order, and what it died of.

Rules: every life ends once, by what is known first: the hypervisor's word or the end of the process. Nobody
has to look at the right moment: what died and came back between two looks has been counted.
Source: `SHUTDOWN_*` of xen/include/public/sched.h.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from actors.abi.interface import ShutdownReason
from cluster.lab.experiment.domain_processes import DomainProcess


class Death(StrEnum):
    """What a guest died of, as far as that is known from outside."""

    crash = "crash"  # it crashed, or its process was killed
    watchdog = "watchdog"
    destroyed = "destroyed"  # by its toolstack, though it had not shut down
    host = "host"  # the machine restarted, halted or lost its power


_DEADLY: Final = {ShutdownReason.crash: Death.crash, ShutdownReason.watchdog: Death.watchdog}


def death_of(domain: DomainProcess, status: int, *, powered: bool) -> Death | None:
    """What a domain died of whose process has ended with `status`; None if it has left in order."""
    if domain.shutdown_reason is not None:
        return death_by(domain.shutdown_reason)
    if not powered:
        return Death.host
    if domain.stop_wanted:
        return Death.destroyed
    return Death.crash if status else None


def death_by(reason: int) -> Death | None:
    """What a domain has died of that has shut down for this reason; None if that was in order."""
    return _DEADLY.get(ShutdownReason(reason)) if reason in set(ShutdownReason) else None


@dataclass(slots=True)
class Lives:
    """The lives of one guest. `domids`: the number of its domain in each of them, the present one last.

    `deaths` has every kind of death from the start; `has_died`: the last life.
    """

    domids: list[int] = field(default_factory=list)
    ended_in_order: int = 0
    deaths: dict[Death, int] = field(default_factory=lambda: dict.fromkeys(Death, 0))
    is_alive: bool = False
    has_died: bool = False

    @property
    def begun(self) -> int:
        """How many there have been."""
        return len(self.domids)

    def begin(self, domid: int) -> None:
        """The guest is started, as this domain."""
        self.domids.append(domid)
        self.is_alive, self.has_died = True, False

    def die(self, death: Death) -> None:
        """It has died, if that is not known already."""
        if self.is_alive:
            self.is_alive, self.has_died = False, True
            self.deaths[death] += 1

    def end(self) -> None:
        """It has left in order, unless it is known to have died."""
        if self.is_alive:
            self.is_alive = False
            self.ended_in_order += 1

    def check(self) -> None:
        """Every life but the present one has ended in one way."""
        over = self.ended_in_order + sum(self.deaths.values())
        assert self.begun == over + self.is_alive, f"{self.begun} lives, {over} of them over"
