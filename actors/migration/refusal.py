"""What is wrong with a migration stream, and in which record."""

from typing import NamedTuple


class MalformedError(ValueError):
    """A record breaks a rule of the format; the message says which, and what would be right."""


class Place(NamedTuple):
    """A piece of a stream: its name, which record of its layer it is (from 0), and where it begins."""

    name: str
    number: int
    offset: int

    def __str__(self) -> str:
        return f"{self.name} (record {self.number}, at byte {self.offset})"


class StreamError(Exception):
    """A stream that is refused: `place` is the record at fault, `problem` what is wrong with it."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem
