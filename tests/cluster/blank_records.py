"""Records of statistics for tests: nothing has happened but what a test says."""

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, get_origin, get_type_hints


def blank(kind: type, **said: Any) -> Any:
    """A record whose fields are 0, empty or None, but for those that are said."""
    hints = get_type_hints(kind)
    unknown = said.keys() - hints.keys()
    assert not unknown, f"{kind.__name__} has no {', '.join(sorted(unknown))}"
    return kind(**{each.name: said.get(each.name, _nothing(hints[each.name])) for each in fields(kind)})


def _nothing(kind: Any) -> Any:
    if is_dataclass(kind):
        return blank(kind)
    if isinstance(kind, UnionType):
        return None
    return (get_origin(kind) or kind)()
