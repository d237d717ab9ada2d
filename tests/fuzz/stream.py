"""A migration stream that somebody else has written: a right one, with damage.

An input puts bytes in the place of others near the beginnings of records, and says in which pieces it all
arrives.
Rules: whatever arrives, it is refused with a place at fault that lies within it, or it means what it says:
what is read of it is written again octet by octet.
"""

from itertools import accumulate
from typing import Final

from actors.migration.refusal import StreamError
from tests.fuzz.growth import Growth
from tests.fuzz.inputs import Input
from tests.migration.streams import RICH, read, written

STREAM: Final = written(RICH)
STARTS: Final = list(accumulate((len(each.encode()) for each in RICH[:-1]), initial=0))
NEAR_BYTES: Final = 64
"""How far behind the beginning of a record the damage is done: there is what says how long it is."""
PIECE_BYTES_MIN: Final = 1000
INPUTS_PER_LOOK: Final = 5000


class Target:
    """Reads what the inputs have damaged."""

    def __init__(self) -> None:
        self._inputs = 0
        self._refused = 0
        self._growth = Growth()

    @property
    def done(self) -> str:
        """What was done so far."""
        return f"{self._inputs} streams, {self._refused} of them refused"

    def __call__(self, data: bytes) -> None:
        """One damaged stream."""
        source = Input(data)
        damaged = bytearray(STREAM)
        for _ in range(source.byte() & 3):
            at = source.choose(STARTS) + source.byte() % NEAR_BYTES
            new = self._new(source)
            kept = len(new) if source.byte() & 3 else source.byte()
            damaged[at : at + kept] = new
        self._inputs += 1
        self._read(bytes(damaged), PIECE_BYTES_MIN + source.byte() * 64)
        if self._inputs % INPUTS_PER_LOOK == 0:
            self._growth.look()

    @staticmethod
    def _new(source: Input) -> bytes:
        if source.byte() & 1:
            return (source.number() & 0xFFFFFFFF).to_bytes(4, "little")
        return source.take(source.byte() & 31)

    def _read(self, data: bytes, step: int) -> None:
        fault = 0
        try:
            records = read(data, step)
        except StreamError as error:
            self._refused += 1
            fault = error.place.offset
        else:
            assert written(records) == data, "what is read is not what is there"
        assert 0 <= fault <= len(data), f"byte {fault} of {len(data)} is at fault"
