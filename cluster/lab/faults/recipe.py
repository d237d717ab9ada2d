"""What of a kind of fault a campaign makes: which targets it may be done to, and what it is told besides.

Rules: only what everything can recover from, since liveness is required of every trial.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cluster.lab.faults.aim import Aim

Options = Callable[[Random], dict[str, object]]
"""Draws keys of a fault as a file has them."""
LAST_MAX_US: Final = 200_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """Whom it hits, as far as nobody is left behind for good by it, and its options for one time, drawn."""

    hits: Aim
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


def flapping(random: Random) -> dict[str, object]:
    """A duration, and how long a link stays as it is."""
    return {**lasting()(random), "interval": us(random.randint(100, 50_000))}


def us(time_us: int) -> str:
    """A time as a file has it."""
    return f"{time_us}us"
