"""Which arguments each hypercall looks at: found by calling it with arguments that take notes.

So the grammar cannot fall behind the hypervisor: a new call, or a new argument, is known by itself.
Rules: a call is asked several times with other answers, since what it reads may depend on what it has read.
"""

import contextlib
from typing import Final

from actors.hypervisor.domains import Domain
from actors.hypervisor.hypercall_table import HypercallTable
from tests.fuzz.inputs import Input

Arguments = dict[str, object]

_ANSWERS: Final[tuple[object, ...]] = (0, 1, [0], [[0, 0, 1]], {"ref": 0, "domid": 0, "offset": 0}, b"x", "x")
_NESTED: Final = (
    "ref",
    "domid",
    "offset",
    "gmfn",
    "dom",
    "flags",
    "handle",
    "status",
    "len",
    "op",
    "cmd",
    "args",
)


class NotedArguments(dict[str, object]):
    """Answers whatever is asked with one value, and remembers the names."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.asked: dict[str, None] = {}
        self._answer = answer

    def get(self, name: str, default: object = None) -> object:
        """The one value."""
        self.asked[name] = None
        return self._answer

    def __getitem__(self, name: str) -> object:
        self.asked[name] = None
        return self._answer

    def __contains__(self, name: object) -> bool:
        self.asked[str(name)] = None
        return True


class Grammar:
    """Names of arguments by (hypercall, command)."""

    def __init__(self, table: HypercallTable, caller: Domain) -> None:
        self.names: dict[tuple[int, int], list[str]] = {}
        for key, call in table.calls.items():
            found: dict[str, None] = {}
            for answer in _ANSWERS:
                noted = NotedArguments(answer)
                with contextlib.suppress(Exception):  # it is only asked, with what no wire can carry
                    call.method(caller, noted)
                found.update(noted.asked)
            self.names[key] = sorted(found)
        self.keys = sorted(self.names)

    def call(self, source: Input) -> tuple[int, int, Arguments]:
        """One hypercall: mostly one that exists, with arguments that it looks at."""
        if source.byte() >= 250:
            return source.number(), source.number(), {"x": source.number()}
        number, command = source.choose(self.keys)
        return number, command, self._arguments(source, self.names[number, command], depth=0)

    def _arguments(self, source: Input, names: list[str], depth: int) -> Arguments:
        return {name: self._value(source, depth) for name in names if source.byte() < 245}

    def _value(self, source: Input, depth: int) -> object:
        how = source.byte()
        if how < 200 or depth > 2:
            return source.number()
        if how < 220:
            return [self._value(source, depth + 1) for _ in range(source.byte() & 7)]
        if how < 240:
            names = [name for name in _NESTED if source.byte() & 1]
            return self._arguments(source, names, depth + 1)
        return (source.take(source.byte()), source.take(9).decode("latin-1"), True, None, 0.5)[how % 5]
