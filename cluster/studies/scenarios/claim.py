"""One thing that is to be seen of a run: a place in `run.json`, and what is to be there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cluster.lab.config.places import NoPlaceError, Plain, found_at
from cluster.lab.config.quantities import duration_ns

ABOVE: Final = "above"
BELOW: Final = "below"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run had at one place, and whether that is what was wanted."""

    place: str
    wanted: str
    seen: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What is wanted at a place: a value, or more or less than a number, `above 3` or `below 50ms`."""

    place: str
    wanted: Plain

    def __post_init__(self) -> None:
        """ValueError if it compares with what is no number."""
        self._limit()

    def look(self, run: Plain) -> Iterator[Seen]:
        """At everything that the place names. A place that is not there is not as wanted."""
        wanted = _shown(self.wanted)
        try:
            for place, value in found_at(run, self.place):
                yield Seen(place, wanted, _shown(value), self._holds(value))
        except NoPlaceError as error:
            yield Seen(self.place, wanted, str(error), holds=False)

    def _holds(self, value: Plain) -> bool:
        limit = self._limit()
        if limit is None:
            return type(value) is type(self.wanted) and bool(value == self.wanted)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False  # what is not known is neither more nor less
        word, bound = limit
        return value > bound if word == ABOVE else value < bound

    def _limit(self) -> tuple[str, int] | None:
        """The word and the number that is compared with; None for a value."""
        word, _, number = self.wanted.partition(" ") if isinstance(self.wanted, str) else ("", "", "")
        if word not in {ABOVE, BELOW}:
            return None
        return word, int(number) if number.isdecimal() else duration_ns(number)


def _shown(value: Plain) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return f"a {type(value).__name__} of {len(value)}"
        case _:
            return str(value)
