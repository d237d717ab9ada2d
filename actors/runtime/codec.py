"""Typed messages to msgpack arrays and back.

A frame's payload is one or more arrays `[tag, field, ...]` back to back: one flush, one frame.

Rules: a class, which has no code of its own to make one, is compiled once, at registration, into an
expression that packs it and a function that checks and makes it; exact types only (True is no int). What is
wrong on the wire is a `ProtocolViolation` and nothing else; what is wrong in a message of ours is a bug and
raises as such.
Tag 0 is the hello frame's (`framing`).
"""

import reprlib
from collections.abc import Callable
from dataclasses import fields
from types import NoneType, UnionType
from typing import NewType, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack

MAX_FRAME_BYTES = 256 * 1024
MAX_ARRAY_ITEMS = 16 * 1024

_TAG_ATTRIBUTE = "wire_tag"
_SCALARS = (int, str, bytes, bool, float)

T = TypeVar("T")
Buffer = bytes | bytearray | memoryview
Predicate = Callable[[object], bool]
Maker = Callable[[list[object]], object]


class ProtocolViolation(Exception):  # noqa: N818 (it names what the peer did)
    """The peer sent what the protocol does not allow; the text says what and where. It loses its link."""


def wire(tag: int) -> Callable[[type[T]], type[T]]:
    """Give a dataclass its wire tag, 1 or more; to be applied outside of `@dataclass`."""
    assert tag > 0, "tag 0 is the hello frame's"

    def mark(cls: type[T]) -> type[T]:
        setattr(cls, _TAG_ATTRIBUTE, tag)
        return cls

    return mark


class Codec:
    """The messages of one protocol. It keeps a packer and an unpacker: one codec for each thread.

    `frame_limit`: how long a payload may be, in bytes.
    """

    def __init__(self, *classes: type, frame_limit: int = MAX_FRAME_BYTES) -> None:
        self._frame_limit = frame_limit
        self._pack = msgpack.Packer().pack
        self.rows: dict[type, Callable[[object], tuple[object, ...]]] = {}
        self._makers: dict[int, Maker] = {}
        self._shapes: dict[int, _Shape] = {}
        for cls in classes:
            shape = _Shape(cls)
            assert shape.tag not in self._makers, f"tag {shape.tag} of {cls.__name__} is already taken"
            self.rows[cls] = shape.compile_row()
            self._makers[shape.tag] = shape.compile_maker()
            self._shapes[shape.tag] = shape
        self._end = 0
        self._renew()

    def encode(self, message: object) -> bytes:
        """The array of one message. KeyError for a class that is not registered: a bug of ours.

        Who packs many keeps a packer of its own and takes the array's items from `rows`.
        """
        array: bytes = self._pack(self.rows[type(message)](message))
        return array

    def decode_frame(self, payload: Buffer) -> list[object]:
        """All the messages of one frame, or ProtocolViolation and none of them."""
        self._feed(payload)
        tell, unpack, makers = self._tell, self._unpack, self._makers
        end = self._end = self._end + len(payload)
        messages: list[object] = []
        row: object = None
        try:
            while tell() < end:
                row = unpack()
                if type(row) is not list:
                    _misfit()
                messages.append(makers[row[0]](row))
        except (_Misfit, KeyError, IndexError, TypeError) as error:
            self._renew()
            raise ProtocolViolation(self._complaint(row, len(messages))) from error
        except Exception as error:  # msgpack raises many kinds for bad bytes
            self._renew()
            reason = str(error) or type(error).__name__
            raise ProtocolViolation(f"message {len(messages)} of the frame: not msgpack: {reason}") from error
        if not messages:
            raise ProtocolViolation("frame without a message")
        return messages

    def _renew(self) -> None:
        """A fresh unpacker: the old one may hold the rest of a frame that was refused."""
        unpacker = msgpack.Unpacker(
            max_buffer_size=2 * self._frame_limit, max_array_len=MAX_ARRAY_ITEMS, max_ext_len=0
        )
        self._feed = unpacker.feed
        self._unpack = unpacker.unpack
        self._tell = unpacker.tell
        self._end = 0

    def _complaint(self, row: object, index: int) -> str:
        """What is wrong with a row that could not be made a message."""
        where = f"message {index} of the frame"
        if type(row) is not list or not row:
            return f"{where}: an array [tag, field...] is wanted, not {_brief(row)}"
        tag = row[0]
        if type(tag) is not int or tag not in self._shapes:
            return f"{where}: unknown tag {_brief(tag)}"
        return f"{where}: {self._shapes[tag].complaint(row[1:])}"


class _Misfit(Exception):  # noqa: N818
    """A row does not have the types of its class; the complaint is composed later, off the fast path."""


def _misfit() -> NoReturn:
    raise _Misfit


class _Shape:
    """One message class: its fields, and what each must be on the wire."""

    def __init__(self, cls: type) -> None:
        hints = get_type_hints(cls)
        self.cls = cls
        self.tag: int = vars(cls)[_TAG_ATTRIBUTE]
        self.names = [field.name for field in fields(cls)]
        self.kinds: list[object] = [hints[name] for name in self.names]

    def compile_row(self) -> Callable[[object], tuple[object, ...]]:
        """A function of a message: its array, as a tuple."""
        items = "".join(f"m.{name}, " for name in self.names)
        row: Callable[[object], tuple[object, ...]] = eval(  # noqa: S307 (names of our classes, as dataclass does)
            f"lambda m: ({self.tag}, {items})"
        )
        return row

    def compile_maker(self) -> Maker:
        """A function of [tag, field, ...] that checks all types and makes the message.

        It sets the fields itself, which is all that a message's class does: to call the class takes longer.
        """
        namespace: dict[str, Callable[..., object]] = {
            "cls": self.cls,
            "misfit": _misfit,
            "new": object.__new__,
        }
        parameters = [f"f{index}" for index in range(len(self.names))]
        tests = ["type(tag) is int"]
        for parameter, kind in zip(parameters, self.kinds, strict=True):
            tests.append(_test_source(parameter, kind, namespace))
        lines = [
            "def make(row):",
            f"    try: {', '.join(['tag', *parameters])}, = row",
            "    except ValueError: misfit()",
            f"    if not ({' and '.join(tests)}): misfit()",
            "    message = new(cls)",
            *(f"    message.{name} = {each}" for name, each in zip(self.names, parameters, strict=True)),
            "    return message",
        ]
        exec("\n".join(lines), namespace)  # noqa: S102
        return namespace["make"]

    def complaint(self, values: list[object]) -> str:
        """What is wrong with the fields of a row."""
        name = self.cls.__name__
        if len(values) != len(self.names):
            return f"{name} has {len(self.names)} fields, not {len(values)}"
        for field_name, kind, value in zip(self.names, self.kinds, values, strict=True):
            if not _predicate(kind)(value):
                return f"{name}.{field_name} must be {_kind_name(kind)}, not {_brief(value)}"
        return f"{name}: refused"


def _test_source(parameter: str, kind: object, namespace: dict[str, Callable[..., object]]) -> str:
    """The cheapest expression that is true if the parameter is of this kind."""
    kind = _plain(kind)
    exact = f"type({parameter}) is "
    if isinstance(kind, type) and kind in _SCALARS:
        return exact + kind.__name__
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType and len(arguments) == 2 and arguments[1] is NoneType:
        return f"({parameter} is None or {_test_source(parameter, arguments[0], namespace)})"
    namespace[f"{parameter}_fits"] = _predicate(kind)
    if isinstance(origin, type) and origin in {list, dict}:  # most are empty: no call for these
        return f"{exact}{origin.__name__} and (not {parameter} or {parameter}_fits({parameter}))"
    return f"{parameter}_fits({parameter})"


def _predicate(kind: object) -> Predicate:
    """A test for a value of an annotated kind; TypeError at registration for a kind that has no test."""
    kind = _plain(kind)
    if isinstance(kind, type) and kind in {*_SCALARS, NoneType}:
        exact = kind
        return lambda value: type(value) is exact
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        choices = [_predicate(argument) for argument in arguments]
        return lambda value: any(fits(value) for fits in choices)
    if origin is list:
        return _list_predicate(arguments[0])
    if origin is dict and arguments == (str, object):
        return _is_map
    raise TypeError(f"no wire type for {kind}")


def _list_predicate(kind: object) -> Predicate:
    kind = _plain(kind)
    if kind in {int, str, bytes}:
        exact = {kind}
        return lambda value: type(value) is list and exact.issuperset(map(type, value))
    fits = _predicate(kind)
    return lambda value: type(value) is list and all(map(fits, value))


def _is_map(value: object) -> bool:
    if type(value) is not dict:
        return False
    for key in value:  # noqa: SIM110 (a generator costs more than the whole map)
        if type(key) is not str:
            return False
    return True


def _plain(kind: object) -> object:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    return kind


def _kind_name(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _brief(value: object) -> str:
    """A short repr; `reprlib` because what a peer sent may be nested deeper than repr can go."""
    return reprlib.repr(value)
