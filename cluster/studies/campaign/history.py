"""What clients asked and what they were told, in the order in which it happened.

As a file: one JSON object a line, in the form that Jepsen, Knossos and readers for Porcupine take. `type`
is invoke, ok, fail (it did not happen) or info (nobody knows); a `process` has one operation under way at
a time, and none after an info.
Rules: the index of a line is its place in real time; two things of the same virtual time have an order, too.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

PROBLEMS_MAX: Final = 20
Value = int | str | list[int] | None


@dataclass(slots=True, eq=False)
class Operation:
    """One request; `began` and `ended` are indices of the history, `outcome` is empty while it is open."""

    client: str
    process: int
    f: str
    key: str
    value: Value
    began: int
    began_ns: int
    ended: int | None = None
    ended_ns: int = 0
    outcome: str = ""
    result: Value = None
    error: str = ""


class History:
    """The history of one run."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.problems: list[str] = []
        self._events: list[tuple[str, Operation]] = []
        self._free: list[int] = []
        self._nr_processes = 0

    @property
    def index(self) -> int:
        """The index that the next event will have."""
        return len(self._events)

    def invoke(self, client: str, f: str, key: str, value: Value, now_ns: int) -> Operation:
        """A client asks for something."""
        operation = Operation(client, self._process(), f, key, value, len(self._events), now_ns)
        self.operations.append(operation)
        self._events.append(("invoke", operation))
        return operation

    def ok(self, operation: Operation, result: Value, now_ns: int) -> None:
        """It was done, and gave this."""
        self._end(operation, "ok", result, "", now_ns)

    def fail(self, operation: Operation, error: str, now_ns: int) -> None:
        """It was refused and did not happen."""
        self._end(operation, "fail", None, error, now_ns)

    def info(self, operation: Operation, error: str, now_ns: int) -> None:
        """Nobody will ever say whether it was done."""
        self._end(operation, "info", None, error, now_ns)

    def problem(self, text: str) -> None:
        """Something that no request explains."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    def close(self, now_ns: int) -> None:
        """The run is over: what is open stays unknown."""
        for operation in self.operations:
            if not operation.outcome:
                self.info(operation, "the run is over", now_ns)

    def lines(self) -> Iterator[str]:
        """The history as JSON, a line for each event."""
        for index, (kind, operation) in enumerate(self._events):
            began = kind == "invoke"
            line: dict[str, object] = {
                "index": index,
                "time": operation.began_ns if began else operation.ended_ns,
                "process": operation.process,
                "type": kind,
                "f": operation.f,
                "key": operation.key,
                "value": _shown(operation.value if began or operation.f != "read" else operation.result),
                "client": operation.client,
            }
            if not began and operation.error:
                line["error"] = operation.error
            yield json.dumps(line)

    def _process(self) -> int:
        if self._free:
            return heappop(self._free)
        self._nr_processes += 1
        return self._nr_processes - 1

    def _end(self, operation: Operation, outcome: str, result: Value, error: str, now_ns: int) -> None:
        if operation.outcome:
            self.problem(f"{operation.client}: {operation.f} {operation.key} was answered twice")
            return
        operation.outcome, operation.result, operation.error = outcome, result, error
        operation.ended, operation.ended_ns = len(self._events), now_ns
        self._events.append((outcome, operation))
        if outcome != "info":
            heappush(self._free, operation.process)


def _shown(value: Value) -> Value | list[str]:
    """Numbers of 64 bits as text, since many readers of JSON have 53; one value for equal sectors."""
    if isinstance(value, int):
        return f"{value:016x}" if value else None
    if isinstance(value, list):
        shown = [f"{each:016x}" for each in dict.fromkeys(value)]
        return _shown(value[0]) if len(shown) == 1 else shown
    return value
