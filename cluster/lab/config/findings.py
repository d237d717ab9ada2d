"""What pydantic says of a configuration, put as a person would: line, what was wrong, the right form."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cluster.lab.config.errors import Finding, did_you_mean
from cluster.lab.config.yaml_source import Where, YamlSource

_WANTED = {
    "string_type": "text is wanted",
    "int_type": "a whole number is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "list_type": "a list is wanted: [..] or lines that begin with -",
    "dict_type": "a map is wanted: {key: value}",
    "model_type": "a map is wanted: {key: value}",
    "model_attributes_type": "a map is wanted: {key: value}",
}
_LIMITS = {
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "at most {le}",
    "greater_than": "more than {gt}",
    "less_than": "less than {lt}",
    "too_short": "{min_length} or more are wanted",
    "too_long": "at most {max_length}",
}
EMPTY_RIGHT: Final = "a value, or leave the key out"


def empty_keys(source: YamlSource) -> list[Finding]:
    """One finding for each key that is written without a value, for which a default is not meant."""
    return [
        source.finding(where, f"{where[-1]}: nothing is written here", EMPTY_RIGHT)
        for where in _empty(source.tree, ())
    ]


def _empty(value: object, where: Where) -> Iterator[Where]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _empty(inner, (*where, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _empty(inner, (*where, index))
    elif value is None:
        yield where


def findings_of(error: ValidationError, source: YamlSource, model: type[BaseModel]) -> list[Finding]:
    """One finding for each thing that the schema refused."""
    found: dict[Finding, None] = {}
    for detail in error.errors(include_url=False):
        where = _real_place(detail["loc"], source)
        wrong, right = _say(detail, where, model)
        found[source.finding(where, wrong, right)] = None
    return list(found)


def _real_place(loc: Where, source: YamlSource) -> Where:
    """The part of a location that exists in the file, and a last key that may be missing in it."""
    where: Where = ()
    for step in loc:
        if (*where, step) not in source.lines:
            return (*where, loc[-1]) if step == loc[-1] else where
        where = (*where, step)
    return where


def _say(detail: ErrorDetails, where: Where, model: type[BaseModel]) -> tuple[str, str]:
    kind, given, key = detail["type"], detail["input"], where[-1] if where else "file"
    context = detail.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return f"unknown key {key!r}", did_you_mean(str(key), _keys_at(where[:-1], model))
        case "missing":
            return f"{key!r} is missing", f"write {key}: .."
        case "value_error":
            wrong, _, right = str(context.get("error", detail["msg"])).partition("; ")
            return f"{key}: {wrong}", right
        case "literal_error" | "enum":
            known = [each.strip("' ") for each in str(context["expected"]).replace(" or ", ", ").split(",")]
            return f"{key}: {given!r} is not known", _one_of(str(given), known)
        case _ if given is None:
            return f"{key}: nothing is written here", EMPTY_RIGHT
        case _ if kind in _LIMITS:
            return f"{key}: {_shown(given)} does not fit here", _LIMITS[kind].format(**context)
        case _ if kind in _WANTED:
            return f"{key}: {_shown(given)} does not fit here", _WANTED[kind]
        case _:
            return f"{key}: {_shown(given)} does not fit here", detail["msg"][0].lower() + detail["msg"][1:]


def _one_of(given: str, known: list[str]) -> str:
    right = did_you_mean(given, known)
    return right if right.startswith("one of") else f"{right} ({' | '.join(known)})"


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 40 else f"a {type(given).__name__}"


def _keys_at(where: Where, model: type[BaseModel]) -> list[str]:
    for step in where:
        if isinstance(step, str) and step in model.model_fields:
            inner = _model_in(model.model_fields[step].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {list, Union, UnionType, Annotated}:
        for inner in get_args(annotation):
            found = _model_in(inner)
            if found is not None:
                return found
    return None
