"""Bytes in, records out: a whole stream as `xl save` writes it, whatever pieces it arrives in.

Rules: a stream that is cut short, damaged, of another version or architecture or out of order is refused
with `StreamError`, which names the record at fault; from then on nothing else comes. What is read can be
written again as it was, octet by octet: no bit is ignored.
"""

from collections.abc import Callable, Generator
from typing import TypeVar

from actors.migration import framing, libxc_headers, libxl, save_header
from actors.migration.libxc import LibxcRecord, libxc_name, parse_libxc
from actors.migration.libxc_headers import DomainHeader, ImageHeader
from actors.migration.libxl import LibxcContext, LibxlHeader, LibxlRecord, libxl_name, parse_libxl
from actors.migration.order import Order
from actors.migration.records import Record
from actors.migration.refusal import MalformedError, Place, StreamError
from actors.migration.save_header import SaveHeader
from actors.migration.signals import END

_Parsed = TypeVar("_Parsed", LibxlRecord, LibxcRecord)
Reading = Generator[int, bytes, None]
"""Yields how many bytes it needs next, and is sent them."""


class StreamDecoder:
    """Reads one stream."""

    def __init__(self) -> None:
        self._order = Order()
        self._buffer = bytearray()
        self._offset = 0
        self._place = Place(SaveHeader.name, 0, 0)
        self._found: list[Record] = []
        self._refused: StreamError | None = None
        self._reading = self._stream()
        self._wanted = next(self._reading)

    def feed(self, data: bytes) -> list[Record]:
        """The records that are whole with these bytes; StreamError for what cannot be of a stream."""
        if self._refused is not None:
            raise self._refused
        self._buffer += data
        self._found = []
        try:
            self._read_on()
        except MalformedError as error:
            self._refused = StreamError(self._place, str(error))
            raise self._refused from None
        return self._found

    def finish(self) -> None:
        """There are no more bytes; StreamError if there should be."""
        if self._refused is None and not self._order.is_complete:
            has = len(self._buffer)
            self._refused = StreamError(
                self._place, f"cut short: {has} of the next {self._wanted} bytes are there"
            )
        if self._refused is not None:
            raise self._refused

    def _read_on(self) -> None:
        while not self._order.is_complete and len(self._buffer) >= self._wanted:
            piece = bytes(self._buffer[: self._wanted])
            del self._buffer[: self._wanted]
            self._offset += len(piece)
            self._wanted = self._reading.send(piece)
        if self._order.is_complete and self._buffer:
            self._place = self._place._replace(name="what follows the END of libxl")
            raise MalformedError(f"{len(self._buffer)} more bytes; none are right")

    def _begin(self, name: str, number: int) -> None:
        self._place = Place(name, number, self._offset)

    def _take(self, record: Record) -> None:
        self._order.admit(record)
        self._found.append(record)

    def _stream(self) -> Reading:
        length = save_header.optional_bytes((yield save_header.FIXED_BYTES))
        self._take(SaveHeader.parse((yield length)))
        self._begin(LibxlHeader.name, 0)
        self._take(LibxlHeader.parse((yield libxl.HEADER_BYTES)))
        number = 0
        while True:
            record = yield from self._record(number, "libxl record", libxl_name, parse_libxl)
            number += 1
            if isinstance(record, LibxcContext):
                yield from self._libxc()

    def _libxc(self) -> Reading:
        self._begin(ImageHeader.name, 0)
        self._take(ImageHeader.parse((yield libxc_headers.IMAGE_BYTES)))
        self._begin(DomainHeader.name, 0)
        self._take(DomainHeader.parse((yield libxc_headers.DOMAIN_BYTES)))
        number = 0
        while (yield from self._record(number, "libxc record", libxc_name, parse_libxc)) != END:
            number += 1

    def _record(
        self, number: int, layer: str, name_of: Callable[[int], str], parse: Callable[[int, bytes], _Parsed]
    ) -> Generator[int, bytes, _Parsed]:
        self._begin(layer, number)
        kind, length = framing.HEADER.unpack((yield framing.HEADER.size))
        self._place = self._place._replace(name=name_of(kind))
        if length > framing.BODY_BYTES_MAX:
            raise MalformedError(f"its body has {length} bytes; at most {framing.BODY_BYTES_MAX} are right")
        padded = (yield length + framing.padding_bytes(length)) if length else b""
        record = parse(kind, framing.unframed(padded, length))
        self._take(record)
        return record
