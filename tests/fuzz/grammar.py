"""Which arguments each hypercall looks at: found by calling it with arguments that take notes.

So the grammar cannot fall behind the hypervisor: a new call, or a new argument, is known by itself.
Rules: a call is asked several times with other answers, since what it reads may depend on what it has read.
What stands for others (a list of elements), or turns a call away at once (an interface version), is mostly
left out, so that the calls behind it are reached.
"""

import contextlib
from itertools import product
from typing import Final

from actors.hypervisor.domains import Domain
from actors.hypervisor.hypercall_table import HypercallTable
from tests.fuzz.inputs import Input

Arguments = dict[str, object]

_ANSWERS: Final[tuple[object, ...]] = (0, 1, [0], [[0, 0, 1]], {"ref": 0, "domid": 0, "offset": 0}, b"x", "x")
_MAY_BE_ABSENT: Final = frozenset({"ops", "interface_version"})
_STRUCTURES: Final = frozenset({"source", "dest", "in", "out"})
_NESTED: Final = (
    "ref",
    "gfn",
    "extent_start",
    "extent_order",
    "nr_extents",
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
    """Answers whatever is asked with one value, and remembers the names; those `absent` are not there."""

    def __init__(self, answer: object, absent: frozenset[str]) -> None:
        super().__init__()
        self.asked: dict[str, None] = {}
        self._answer = answer
        self._absent = absent

    def get(self, name: str, default: object = None) -> object:
        """The one value."""
        self.asked[name] = None
        return self._answer

    def __getitem__(self, name: str) -> object:
        self.asked[name] = None
        return self._answer

    def __contains__(self, name: object) -> bool:
        self.asked[str(name)] = None
        return name not in self._absent


class Grammar:
    """Names of arguments by (hypercall, command)."""

    def __init__(self, table: HypercallTable, caller: Domain) -> None:
        self.names: dict[tuple[int, int], list[str]] = {}
        for key, call in table.calls.items():
            found: dict[str, None] = {}
            for answer, absent in product(_ANSWERS, (frozenset[str](), _MAY_BE_ABSENT)):
                noted = NotedArguments(answer, absent)
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
        found: Arguments = {}
        for name in names:
            how = source.byte()
            if name == "ops" and depth == 0 and how < 64:
                elements = [each for each in names if each not in _MAY_BE_ABSENT]
                return {name: [self._arguments(source, elements, 1) for _ in range(how & 7)]}
            if name in _STRUCTURES and how < 224:
                found[name] = self._arguments(source, list(_NESTED), depth + 1)
            elif how < 245 if name not in _MAY_BE_ABSENT else how >= 245:
                found[name] = self._value(source, depth)
        return found

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
