"""What of a kind of fault a campaign makes: which targets it may be done to, and what it is told besides.

Rules: only what everything can recover from, since liveness is required of every trial.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Final

Options = Callable[[Random], dict[str, object]]
"""Draws keys of a fault as a file has them."""
LAST_MAX_US: Final = 200_000


class Recoverable(Enum):
    """What of a host may be hit: as much of it as leaves nobody behind for good."""

    dom0 = auto()
    drivers = auto()
    guests = auto()
    domains = auto()
    disks = auto()
    level_disks = auto()
    vbds = auto()
    stores = auto()
    host = auto()
    actors = auto()
    links = auto()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Whom it hits, and the options of one time of it, drawn."""

    hits: Recoverable
    options: Options = lambda _random: {}


def lasting(most_us: int = LAST_MAX_US) -> Options:
    """A duration."""
    return lambda random: {"duration": us(random.randint(1, most_us))}


def failing(random: Random) -> dict[str, object]:
    """A duration, and how often it strikes in it."""
    return {**lasting()(random), "probability": random.choice([0.05, 0.3, 1.0])}


def slowing(random: Random) -> dict[str, object]:
    """A duration, and a factor."""
    return {**lasting()(random), "factor": random.choice([2, 5, 20])}


def delaying(random: Random) -> dict[str, object]:
    """A duration, and what messages are late by in it."""
    delays = {"delay": us(random.randint(10, 5_000)), "jitter": us(random.randrange(2_000))}
    return {**lasting()(random), **delays}


def us(time_us: int) -> str:
    """A time as a file has it."""
    return f"{time_us}us"
