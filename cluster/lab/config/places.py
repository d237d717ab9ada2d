"""A place in plain data, as `guests/web-0/boots`: keys of maps, and items of lists.

Rules: an item of a list is named by its `name`, by its `id`, or by its number from 1; `*` is all of them.
"""

from collections.abc import Iterator
from typing import Any, Final

ALL: Final = "*"
Plain = Any  # maps, lists and scalars, as JSON and YAML have them


class NoPlaceError(Exception):
    """There is no such place; says what is there."""


def found_at(tree: Plain, place: str) -> Iterator[tuple[str, Plain]]:
    """Everything that a place names, each with its own place. NoPlaceError if that is nothing."""
    yield from _below(tree, place.split("/"), ())


def put_at(tree: Plain, place: str, value: Plain) -> None:
    """Give keys of maps that are there a value, in data of one's own. NoPlaceError."""
    above, _, key = place.rpartition("/")
    for where, parent in list(found_at(tree, above)) if above else [("", tree)]:
        if not isinstance(parent, dict):
            raise NoPlaceError(f"{where} has no keys")
        parent[key] = value


def _below(tree: Plain, steps: list[str], where: tuple[str, ...]) -> Iterator[tuple[str, Plain]]:
    if not steps:
        yield "/".join(where), tree
        return
    items = _items(tree)
    step, *rest = steps
    wanted = dict(items) if step == ALL else {step: items[step]} if step in items else {}
    if not wanted:
        here = "/".join(where) or "the top"
        raise NoPlaceError(f"no {step!r} at {here}, where there is {', '.join(items) or 'nothing'}")
    for name, inner in wanted.items():
        yield from _below(inner, rest, (*where, name))


def _items(tree: Plain) -> dict[str, Plain]:
    """What is right below, by name."""
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, list):
        return {_name(each, number): each for number, each in enumerate(tree, 1)}
    return {}


def _name(item: Plain, number: int) -> str:
    known = item if isinstance(item, dict) else {}
    return str(known.get("name", known.get("id", number)))
