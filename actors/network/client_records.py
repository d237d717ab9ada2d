"""What a client from outside and the gateway say to each other, on a link of bytes for each connection.

Rules: each record is a head and, for data, its bytes. Either side sends no more data than WINDOW_BYTES beyond
what the other has taken, so that who does not read holds up nobody else. `end` follows the last data of a
direction; both directions end by themselves. `reset` ends both at once. The gateway ends with `reset` or
`over`, whereupon the other closes the link: nothing that was said is left on it.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

WINDOW_BYTES: Final = 128 * 1024
DATA_BYTES_MAX: Final = 64 * 1024
_HEAD: Final = struct.Struct(">BI")


class Kind(IntEnum):
    """What a record says."""

    data = 1
    end = 2
    taken = 3
    """So many bytes more of the other's data are no longer waiting."""
    reset = 4
    over = 5
    """Both directions have ended."""


class Record(NamedTuple):
    """One of them; `number` is the length of data, or how much was taken, or an errno."""

    kind: Kind
    number: int = 0
    data: bytes = b""


END: Final = Record(Kind.end)
OVER: Final = Record(Kind.over)


def data_records(data: bytes) -> list[Record]:
    """Data of any length, as one record or several."""
    pieces = (data[at : at + DATA_BYTES_MAX] for at in range(0, len(data), DATA_BYTES_MAX))
    return [Record(Kind.data, len(each), each) for each in pieces]


def written(record: Record) -> bytes:
    """As it goes onto the link."""
    return _HEAD.pack(record.kind, record.number) + record.data


class RecordReader:
    """Makes records of what comes, in whatever portions."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Record]:
        """The records that are whole now. ValueError for what is none."""
        self._buffer += data
        records: list[Record] = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            kind, number = _HEAD.unpack_from(self._buffer, at)
            if kind not in Kind._value2member_map_:
                raise ValueError(f"no record begins with {kind}")
            size = number if kind == Kind.data else 0
            if size > DATA_BYTES_MAX:
                raise ValueError(f"{size} bytes of data, and {DATA_BYTES_MAX} may come at once")
            end = at + _HEAD.size + size
            if end > len(self._buffer):
                break
            records.append(Record(Kind(kind), number, bytes(self._buffer[at + _HEAD.size : end])))
            at = end
        del self._buffer[:at]
        return records
