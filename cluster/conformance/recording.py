"""Recordings of what a real Xen answered: one JSON object a line, read strictly.

Rules: a line that is not a case is a `RecordingError` with file and line; nothing of such a file is
replayed. Source: the README of the conformance suite.
"""

import json
from dataclasses import dataclass
from pathlib import Path

CALLERS = ("dom0", "domU")
_CASE_KEYS = {"case", "caller", "steps"}
_STEP_KEYS = {"id", "hypercall", "cmd", "args", "ret", "out"}

Values = dict[str, object]


class RecordingError(Exception):
    """A file is no recording; the text begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One hypercall and what it returned: `ret` is a number or an error as `-EINVAL`."""

    identifier: str
    hypercall: str
    command: str
    arguments: Values
    ret: int | str
    out: Values


@dataclass(frozen=True, slots=True)
class Case:
    """A list of steps by one caller, and where it stands."""

    name: str
    caller: str
    steps: tuple[Step, ...]
    place: str


def read_recording(path: Path) -> list[Case]:
    """All the cases of a file. RecordingError, also for a file that cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    cases = [
        _parse_line(line, f"{path}:{number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    if not cases:
        raise RecordingError(f"{path}:1: no case in this file")
    return cases


def _parse_line(line: str, place: str) -> Case:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{place}: not JSON: {error}") from error
    fields = _object(data, place, "a case")
    _only(fields, _CASE_KEYS, place)
    caller = _text(fields, "caller", place)
    if caller not in CALLERS:
        raise RecordingError(f"{place}: caller must be one of {', '.join(CALLERS)}, not {caller!r}")
    steps = fields.get("steps")
    if not isinstance(steps, list) or not steps:
        raise RecordingError(f"{place}: steps must be an array with at least one step")
    parsed = tuple(_step(each, f"{place}: step {index}") for index, each in enumerate(steps))
    identifiers = [step.identifier for step in parsed]
    if len(set(identifiers)) != len(identifiers):
        raise RecordingError(f"{place}: two steps have the same id")
    return Case(_text(fields, "case", place), caller, parsed, place)


def _step(data: object, place: str) -> Step:
    fields = _object(data, place, "a step")
    _only(fields, _STEP_KEYS, place)
    ret = fields.get("ret")
    if type(ret) is not int and not (isinstance(ret, str) and ret.startswith("-E")):
        raise RecordingError(f"{place}: ret must be a number or an error as '-EINVAL', not {ret!r}")
    return Step(
        identifier=_text(fields, "id", place),
        hypercall=_text(fields, "hypercall", place),
        command=_text(fields, "cmd", place) if "cmd" in fields else "",
        arguments=_object(fields.get("args", {}), place, "args"),
        ret=ret,
        out=_object(fields.get("out", {}), place, "out"),
    )


def _object(data: object, place: str, what: str) -> Values:
    if not isinstance(data, dict):
        raise RecordingError(f"{place}: {what} must be an object, not {data!r:.60}")
    return data


def _text(fields: Values, name: str, place: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise RecordingError(f"{place}: {name} must be a text, not {value!r:.60}")
    return value


def _only(fields: Values, known: set[str], place: str) -> None:
    for name in fields:
        if name not in known:
            raise RecordingError(f"{place}: unknown key {name!r}; known are {', '.join(sorted(known))}")
