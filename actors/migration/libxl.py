"""libxl's stream, version 2: around libxc's, and with what a device model has to keep.

Source: docs/specs/libxl-migration-stream.pandoc.
Left out: checkpointed streams (CHECKPOINT_END, CHECKPOINT_STATE), big-endian ones, and those that were
converted from Xen 4.5 or earlier.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, Self

from actors.migration.framing import (
    OF_CHECKPOINTS,
    OPTIONAL,
    OptionalRecord,
    check_length,
    check_length_min,
    framed,
)
from actors.migration.refusal import MalformedError

IDENT: Final = int.from_bytes(b"LibxlFmt")
VERSION: Final = 2
_HEADER: Final = Struct(">QII")
HEADER_BYTES: Final = _HEADER.size
_EMULATOR: Final = Struct("<II")


class LibxlType(IntEnum):
    """What a record is."""

    END = 0
    LIBXC_CONTEXT = 1
    EMULATOR_XENSTORE_DATA = 2
    EMULATOR_CONTEXT = 3
    CHECKPOINT_END = 4
    CHECKPOINT_STATE = 5


class Emulator(IntEnum):
    """Which device model."""

    UNKNOWN = 0
    QEMU_TRADITIONAL = 1
    QEMU_UPSTREAM = 2


@dataclass(frozen=True, slots=True)
class LibxlHeader:
    """Says that what follows is libxl's."""

    name: ClassVar[str] = "libxl header"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From its 16 bytes."""
        ident, version, options = _HEADER.unpack(data)
        if ident != IDENT:
            raise MalformedError(f"its ident is {data[:8]!r}; b'LibxlFmt' is right")
        if version != VERSION:
            raise MalformedError(f"its version is {version}; {VERSION} is right")
        if options:
            raise MalformedError(f"its options are {options:#x}; 0 is right (little-endian, not converted)")
        return cls()

    def encode(self) -> bytes:
        """Its 16 bytes."""
        return _HEADER.pack(IDENT, VERSION, 0)


@dataclass(frozen=True, slots=True)
class LibxcContext:
    """What follows is libxc's, to its END."""

    name: ClassVar[str] = "LIBXC_CONTEXT"

    def encode(self) -> bytes:
        """All of it."""
        return framed(LibxlType.LIBXC_CONTEXT)


@dataclass(frozen=True, slots=True)
class EmulatorRecord:
    """`data` is of device model `index`: its state (EMULATOR_CONTEXT), or pairs of NUL-terminated strings."""

    kind: LibxlType
    emulator: Emulator
    index: int
    data: bytes

    @property
    def name(self) -> str:
        """As the specification calls it."""
        return self.kind.name

    @classmethod
    def parse(cls, kind: LibxlType, body: bytes) -> Self:
        """From the body."""
        check_length_min(body, _EMULATOR.size)
        emulator, index = _EMULATOR.unpack_from(body)
        if emulator not in set(Emulator):
            raise MalformedError(f"its emulator is {emulator}; 0, 1 or 2 is right")
        record = cls(kind, Emulator(emulator), index, body[_EMULATOR.size :])
        record.check()
        return record

    def check(self) -> None:
        """Refuses store data that are not pairs of strings."""
        if self.kind == LibxlType.EMULATOR_XENSTORE_DATA and self.data:
            if self.data[-1]:
                raise MalformedError("its data do not end with a NUL")
            if self.data.count(b"\0") % 2:
                raise MalformedError(f"it has {self.data.count(0)} strings; pairs of key and value are right")

    def encode(self) -> bytes:
        """All of it."""
        self.check()
        return framed(self.kind, _EMULATOR.pack(self.emulator, self.index) + self.data)


@dataclass(frozen=True, slots=True)
class LibxlOptional(OptionalRecord):
    """One of libxl's stream."""

    name: ClassVar[str] = "optional record of libxl"


@dataclass(frozen=True, slots=True)
class LibxlEnd:
    """The last record of all."""

    name: ClassVar[str] = "END of libxl"

    def encode(self) -> bytes:
        """All of it."""
        return framed(LibxlType.END)


LibxlRecord = LibxcContext | EmulatorRecord | LibxlOptional | LibxlEnd


def libxl_name(kind: int) -> str:
    """What to call a record of this type."""
    if kind & OPTIONAL:
        return f"{LibxlOptional.name} {kind:#010x}"
    if kind == LibxlType.END:
        return LibxlEnd.name
    return LibxlType(kind).name if kind in set(LibxlType) else f"libxl record of type {kind:#x}"


def parse_libxl(kind: int, body: bytes) -> LibxlRecord:
    """The record that has this type and body."""
    if kind & OPTIONAL:
        return LibxlOptional(kind, body)
    if kind in (LibxlType.EMULATOR_XENSTORE_DATA, LibxlType.EMULATOR_CONTEXT):
        return EmulatorRecord.parse(LibxlType(kind), body)
    if kind == LibxlType.LIBXC_CONTEXT:
        check_length(body, 0)
        return LibxcContext()
    if kind == LibxlType.END:
        check_length(body, 0)
        return LibxlEnd()
    if kind in (LibxlType.CHECKPOINT_END, LibxlType.CHECKPOINT_STATE):
        raise MalformedError(OF_CHECKPOINTS)
    raise MalformedError("this mandatory type is not known; 0 to 3 are right, or an optional one")
