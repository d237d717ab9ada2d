"""A column of `domzero top`."""

from collections.abc import Callable
from typing import NamedTuple

from cluster.running.top.sample import Row


class Column(NamedTuple):
    """Its title, and what it has of a domain.

    `size`: for programs how wide it is; for people when it gives way on a narrow terminal: those with the
    highest number go first.
    """

    title: str
    size: int
    text: Callable[[Row], str]


def if_it_runs(text: Callable[[Row], str]) -> Callable[[Row], str]:
    """Nothing of a guest that does not run."""
    return lambda row: "" if row.domid is None else text(row)


def total(device_class: str, counter: str) -> Callable[[Row], str]:
    """A counter of the devices of a class."""
    return lambda row: str(row.of_class(device_class).total(counter))


def rate(device_class: str, counter: str, unit: float = 1) -> Callable[[Row], str]:
    """How much a counter grows by second, in this unit of it."""
    return lambda row: f"{row.of_class(device_class).rate(counter) / unit:.0f}"


def if_any(device_class: str, text: Callable[[Row], str]) -> Callable[[Row], str]:
    """Nothing of a domain that has no device of a class."""
    return lambda row: text(row) if row.of_class(device_class).total("devices") else ""
