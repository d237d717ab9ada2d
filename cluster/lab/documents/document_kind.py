"""What a JSON object is that somebody has given: told by keys that no other kind of file has.

Rules: whatever is not wanted is refused by its name, with what is read instead.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_KEYS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A kind of file. `marks`: keys that it has in every schema; `schemas`: the numbers that are read."""

    title: str
    marks: frozenset[str]
    schemas: tuple[int, ...] = (1,)

    def is_of(self, data: object) -> bool:
        """Whether data is of this kind, in whatever schema."""
        return isinstance(data, dict) and "schema" in data and data.keys() >= self.marks

    def reads(self, data: object) -> bool:
        """Whether it is, in a schema that is read."""
        return (
            isinstance(data, dict)
            and self.is_of(data)
            and type(data["schema"]) is int
            and (data["schema"] in self.schemas)
        )

    @property
    def readable(self) -> str:
        """The schemas that are read, as `schema 1 or 2`."""
        return f"schema {' or '.join(map(str, self.schemas))}"

    def refusal(self, data: object) -> str:
        """Why data is not read as this kind: what it is, and what would be read."""
        return f"{what_is(data)}; this version reads {self.title} of {self.readable}"


RUN: Final = DocumentKind("the report of a run (run.json)", frozenset({"checks", "guests"}))
TIMELINE: Final = DocumentKind("the timeline of a run (timeline.json)", frozenset({"phases", "written"}))
MATRIX: Final = DocumentKind("a matrix (matrix.json)", frozenset({"cells", "architectures"}))
CURVE: Final = DocumentKind("a curve (curve.json)", frozenset({"figures", "verdicts"}))
SWEEP: Final = DocumentKind("the results of a sweep", frozenset({"kinds", "as_written"}), (1, 2))
ABOUT: Final = DocumentKind("what a run was (about.json)", frozenset({"began", "configuration"}))
_RUNS: Final = (
    DocumentKind("the trials of a matrix", frozenset({"sha256", "matrix"}), (2,)),
    DocumentKind("the runs of a curve", frozenset({"sha256", "curve"}), (2,)),
)
_KINDS: Final = (RUN, TIMELINE, MATRIX, CURVE, SWEEP, ABOUT, *_RUNS)


def what_is(data: object) -> str:
    """Data that was read from JSON, in words."""
    if not isinstance(data, dict):
        return "not a JSON object"
    for each in _KINDS:
        if each.is_of(data):
            age = _age(each.schemas, data["schema"])
            return f"{each.title} of schema {data['schema']!r}{age}"
    keys: Collection[str] = [repr(each) for each in data][:_KEYS_SHOWN]
    more = ", ..." if len(data) > _KEYS_SHOWN else ""
    return f"a JSON object with {', '.join(keys)}{more}" if keys else "an empty JSON object"


def _age(schemas: tuple[int, ...], number: object) -> str:
    if type(number) is not int or number in schemas:
        return ""
    return ", which a newer version wrote" if number > max(schemas) else ", which is too old"
