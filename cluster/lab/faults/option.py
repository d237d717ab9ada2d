"""What a kind of fault can be told besides its target and its time, and how that is written and sent.

Rules: a form says what a value is; who reads values (a file, a command line) has a way to read each form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Time:
    """A duration, in nanoseconds once it was read; more than nothing if it is `above_zero`."""

    above_zero: bool = False
    suffix = "_ns"

    def plain(self, value: object) -> object:
        """The value as msgpack data."""
        return value


@dataclass(frozen=True, slots=True)
class Factor:
    """A number from `least` to `most`."""

    least: float
    most: float
    suffix = ""

    def plain(self, value: object) -> object:
        """The value as msgpack data."""
        return float(cast("float", value))


@dataclass(frozen=True, slots=True)
class Names:
    """A list of the names that are `known`; without these, of names of message classes."""

    known: tuple[str, ...] = ()
    suffix = ""

    def plain(self, value: object) -> object:
        """The value as msgpack data."""
        return list(cast("Sequence[str]", value))


Form = Time | Factor | Names


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its key in a file, what it takes, what it is if it is not given, and what it means.

    `flag`: how it is called where one value is written at a time, if that is not its name.
    """

    name: str
    takes: Form
    default: object
    help: str
    flag: str = ""

    @property
    def wire_name(self) -> str:
        """Its key in what the actor is told that suffers the fault: the unit stands last."""
        return f"{self.name}{self.takes.suffix}"

    def resolved(self, given: object) -> object:
        """What was given as msgpack data, or the default: of a list that names nothing, too."""
        return self.takes.plain(self.default if given in (None, []) else given)
