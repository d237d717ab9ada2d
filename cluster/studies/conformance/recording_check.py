"""Finds every name and value in a step that stands for nothing, before anything is replayed.

Rules: a ValueError says what would be right. Whether a result that a step refers to will be there is
seen when the case is replayed.
"""

from typing import Final

from actors.messages import CODEC, Hypercall
from actors.runtime.codec import MAX_FRAME_BYTES, ProtocolViolation
from cluster.lab.config.errors import did_you_mean
from cluster.studies.conformance.recording import RecordedCall
from cluster.studies.conformance.recording_names import (
    DOMAINS,
    STATUSES,
    call_numbers,
    flags_number,
    multicall_entries,
    operations,
    reference,
    ret_number,
)

TEXTS: Final = ("buf", "keys")
"""Fields that are texts to Xen, too."""
NUMBERS: Final = range(-(1 << 63), 1 << 64)
LENGTHS: Final = range((1 << 16) + 1)


def check_step(step: RecordedCall) -> None:
    """ValueError for whatever could not be translated or sent."""
    for number in call_numbers(step):
        _check_number("hypercall or cmd", number)
    if isinstance(step.ret, str):
        ret_number(step.ret)
    else:
        _check_number("ret", step.ret)
    for name, value in step.arguments.items():
        _check_argument(step, name, value)
    for entry in multicall_entries(step):
        _check_plain("an entry of calls", max(int(str(entry["op"])), int(str(entry["cmd"]))))
    for name, value in step.out.items():
        _check_out(step, name, value)
    _check_message(step)


def _check_message(step: RecordedCall) -> None:
    """What is larger, or deeper, than a message between processes may be cannot be called."""
    length = step.arguments.get("len", 0)
    if step.hypercall == "console_io" and not (type(length) is int and length in LENGTHS):
        raise ValueError(f"len is {length!r:.40}; a number from 0 to {LENGTHS[-1]}")
    try:
        payload = CODEC.encode(Hypercall(1, *call_numbers(step), step.arguments))
        CODEC.decode_frame(payload)
    except (ValueError, RecursionError, ProtocolViolation) as error:
        raise ValueError(f"args cannot be sent: {error}") from error
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"args are {len(payload)} bytes as a message; at most {MAX_FRAME_BYTES} can be sent")


def _check_number(name: str, value: int) -> None:
    if value not in NUMBERS:
        raise ValueError(f"{name} is {value}; a number of a hypercall has at most 64 bits")


def _check_argument(step: RecordedCall, name: str, value: object) -> None:
    if name == "flags" and isinstance(value, str | list):
        flags_number(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_argument(step, key, each)
    elif isinstance(value, list) and name != "calls":
        for each in value:
            _check_argument(step, name, each)
    elif isinstance(value, str) and name not in TEXTS:
        known = operations(step, name)
        if value not in known:
            _check_text(name, value, [*known, *DOMAINS])
    else:
        _check_plain(name, value)


def _check_out(step: RecordedCall, name: str, value: object) -> None:
    statuses = STATUSES.get(step.hypercall) if name == "status" else None
    if isinstance(value, str) and name not in TEXTS:
        known = list(statuses.__members__) if statuses is not None else []
        if value not in known:
            _check_text(name, value, [*known, *DOMAINS])
    elif not isinstance(value, dict | list):
        _check_plain(name, value)


def _check_text(name: str, value: str, known: list[str]) -> None:
    found = reference(value)
    if found is not None:
        if not all(found):
            raise ValueError(f"{name} is {value!r}; a result is written $STEP.FIELD, as $a.port")
    elif value.startswith("-E"):
        ret_number(value)
    elif value not in DOMAINS:
        near = did_you_mean(value, known)
        raise ValueError(f"{name} is {value!r}, which stands for nothing; a number, $STEP.FIELD, or {near}")


def _check_plain(name: str, value: object) -> None:
    if isinstance(value, float):
        raise ValueError(f"{name} is {value}; the numbers of a hypercall are whole")  # noqa: TRY004 (one error for all)
    if isinstance(value, int):
        _check_number(name, value)
