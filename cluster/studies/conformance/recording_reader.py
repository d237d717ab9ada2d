"""Reads recordings: one JSON object a line, strictly, every name looked up before anything is replayed.

Rules: what is wrong is a `RecordingError` with file, line, case and step, and with what would be right;
nothing of such a file is replayed.
"""

import json
from pathlib import Path
from typing import Final

from actors.abi.releases import RELEASES
from cluster.lab.config.errors import did_you_mean
from cluster.studies.conformance.recording import CALLERS, Case, RecordedCall, RecordingError, Values
from cluster.studies.conformance.recording_check import check_step
from cluster.studies.conformance.recording_names import reference

CASE_KEYS: Final = ("case", "caller", "steps", "xen", "group", "note")
STEP_KEYS: Final = ("id", "hypercall", "cmd", "args", "ret", "out", "varies", "note")
SHOWN_REFUSALS: Final = 10
FORMAT: Final = "a recording has one JSON object a line, as docs/conformance.md describes"


def read_recording(path: Path) -> list[Case]:
    """All the cases of a file. RecordingError with a line for each line that is none, or for the file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: is not text in UTF-8 ({error.reason}); {FORMAT}") from error
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror or error}") from error
    lines = [(f"{path}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    cases, refusals = [], []
    for place, data in [(place, _json(line, place)) for place, line in lines]:
        try:
            cases.append(_case(data, place))
        except RecordingError as error:
            refusals.append(str(error))
    if refusals:
        more = len(refusals) - SHOWN_REFUSALS
        rest = [f"{path}: {more} more lines are no cases either"] if more > 0 else []
        raise RecordingError("\n".join(refusals[:SHOWN_REFUSALS] + rest))
    if not cases:
        raise RecordingError(f"{path}:1: no case in this file; {FORMAT}")
    return cases


def _json(line: str, place: str) -> object:
    try:
        return json.loads(line, object_pairs_hook=_pairs)
    except RecordingError as error:
        raise RecordingError(f"{place}: {error}") from error
    except json.JSONDecodeError as error:
        raise RecordingError(f"{place}: not JSON: {error.msg} (column {error.colno}); {FORMAT}") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{place}: not JSON that can be read: {error}; {FORMAT}") from error


def _case(data: object, place: str) -> Case:
    fields = _object(data, place, "a case")
    if isinstance(fields.get("case"), str):
        place = f"{place}: case {fields['case']!r}"
    _only(fields, CASE_KEYS, place, "a case")
    name, caller = _text(fields, "case", place), _text(fields, "caller", place)
    if caller not in CALLERS:
        raise RecordingError(f"{place}: caller must be {' or '.join(CALLERS)}, not {caller!r}")
    xen = _text(fields, "xen", place) if "xen" in fields else "4.17"
    if xen not in RELEASES:
        raise RecordingError(f"{place}: xen is a release, {' or '.join(RELEASES)}, not {xen!r}")
    for key in ("group", "note"):
        _text(fields, key, place, optional=True)
    steps = fields.get("steps")
    if not isinstance(steps, list) or not steps:
        raise RecordingError(
            f"{place}: steps must be an array with at least one step, not {_seen(fields, 'steps')}"
        )
    case = Case(
        name, caller, tuple(_step(each, index, place) for index, each in enumerate(steps, 1)), place, xen
    )
    _check_references(case)
    return case


def _step(data: object, index: int, place: str) -> RecordedCall:
    nameless = f"{place}: step {index} of the case"
    fields = _object(data, nameless, "a step")
    identifier = _text(fields, "id", nameless)
    place = f"{place}: step {identifier!r}"
    _only(fields, STEP_KEYS, place, "a step")
    _text(fields, "note", place, optional=True)
    ret = fields.get("ret")
    if type(ret) is not int and not (isinstance(ret, str) and ret.startswith("-E")):
        raise RecordingError(
            f'{place}: ret must be a whole number or an error as "-EINVAL", not {_seen(fields, "ret")}'
        )
    step = RecordedCall(
        identifier=identifier,
        hypercall=_text(fields, "hypercall", place),
        command=_text(fields, "cmd", place) if "cmd" in fields else "",
        arguments=_object(fields.get("args", {}), place, "args"),
        ret=ret,
        out=_object(fields.get("out", {}), place, "out"),
        varies=_varies(fields, place),
    )
    try:
        check_step(step)
    except ValueError as error:
        raise RecordingError(f"{place}: {error}") from error
    return step


def _varies(fields: Values, place: str) -> tuple[str, ...]:
    names, out = fields.get("varies", []), fields.get("out", {})
    known = list(out) if isinstance(out, dict) else []
    if not isinstance(names, list) or not all(name in known for name in names):
        fit = f"fields of out ({', '.join(known) or 'there are none'})"
        raise RecordingError(f"{place}: varies must be an array of {fit}, not {_seen(fields, 'varies')}")
    return tuple(names)


def _check_references(case: Case) -> None:
    """Refuse ids given twice, and `$step.field` of a step that has not answered by then."""
    answered: list[str] = []
    for step in case.steps:
        place = f"{case.place}: step {step.identifier!r}"
        if step.identifier in answered:
            raise RecordingError(f"{place}: two steps have the same id; give each its own")
        for value in step.arguments.values():
            _check_reference(value, answered, place, "earlier")
        answered.append(step.identifier)
        for value in step.out.values():
            _check_reference(value, answered, place, "earlier, or this one")


def _check_reference(value: object, answered: list[str], place: str, which: str) -> None:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_reference(each, answered, place, which)
    found = reference(value)
    if found is not None and found[0] not in answered:
        raise RecordingError(
            f"{place}: {value} is of no step of this case that is {which}; {did_you_mean(found[0], answered)}"
        )


def _pairs(pairs: list[tuple[str, object]]) -> Values:
    found: Values = {}
    for name, value in pairs:
        if name in found:
            raise RecordingError(f"{name!r} is given twice in one object; keep one")
        found[name] = value
    return found


def _object(data: object, place: str, what: str) -> Values:
    if not isinstance(data, dict):
        raise RecordingError(f"{place}: {what} must be an object {{...}}, not {json.dumps(data):.60}")
    return data


def _text(fields: Values, name: str, place: str, *, optional: bool = False) -> str:
    value = fields.get(name)
    if name not in fields and optional:
        return ""
    if not isinstance(value, str) or not value:
        raise RecordingError(f"{place}: {name} must be a text that is not empty, not {_seen(fields, name)}")
    return value


def _seen(fields: Values, name: str) -> str:
    """What stands there, as the file has it."""
    return f"{json.dumps(fields[name]):.60}" if name in fields else "left out"


def _only(fields: Values, known: tuple[str, ...], place: str, what: str) -> None:
    for name in fields:
        if name not in known:
            raise RecordingError(f"{place}: {what} has no key {name!r}; {did_you_mean(name, list(known))}")
