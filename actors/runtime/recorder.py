"""What an actor did, as fixed records in memory that outlives its process: cheap, bounded, merged later.

Each record is 32 bytes, `RECORD`: time, kind, a, b, c, d. A NAME record gives the next number (from 1 on) to
a text, which follows it; links and messages are told by these numbers. The first record whose kind is 0 is
the end. Kinds from `FIRST_POINT` on are tracepoints, whose fields are theirs.
Rules: a full recorder counts what it drops and never stops its actor. What a machine does begins where the
last thing ended, or when the turn began; in virtual time both are the same moment.
"""

import contextlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import IntEnum
from mmap import ACCESS_WRITE, mmap
from pathlib import Path
from struct import Struct
from typing import Final

from actors.runtime.machine import Connect, Effect, Event, LinkClosed, LinkOpened, Received, Send, Spawn

RECORD: Final = Struct("<QHHIQQ")
LIMIT_BYTES: Final = 8 << 20
GROWTH_BYTES: Final = 256 << 10
MADV_POPULATE_WRITE: Final = 23
NAMES_MAX: Final = 4096
FIRST_POINT: Final = 16
_SIZE: Final = RECORD.size
_pack_into = RECORD.pack_into

Details = Mapping[type, Callable[[object], tuple[Hashable, str]]]
"""For messages of some types: a key that is cheap to make, and the name that goes with it."""


class RecordKind(IntEnum):
    """What a record says; DROPPED is the first one of a file, and its `c` how many found no room."""

    NAME = 1  # b bytes of text follow
    TURN = 2  # a link or 0, b what was taken, c when it was done
    SEND = 3  # a link, b message
    SPAWN = 4  # b address
    CONNECT = 5  # a link, b peer's link, c address, d peer's address
    DROPPED = 6  # c how many


class Recorder:
    """The records of one actor. `store` is grown by `GROWTH_BYTES` up to `LIMIT_BYTES`."""

    def __init__(
        self, store: mmap | bytearray, clock: Callable[[], int], details: Details | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._details = dict(details or {})
        self._names: dict[object, int] = {"": 0}
        self._nr_texts = 0
        self._at = 0
        self._end = len(store)
        self._touch(0)
        self._last_ns = 0
        self.dropped = 0
        self._write(clock(), RecordKind.DROPPED, 0, 0, 0, 0)

    @classmethod
    def create(cls, path: Path, clock: Callable[[], int], details: Details | None = None) -> "Recorder":
        """Make the file (FileExistsError if there is one) and record into it."""
        with path.open("xb+") as file:
            file.truncate(GROWTH_BYTES)
            return cls(mmap(file.fileno(), 0, access=ACCESS_WRITE), clock, details)

    @property
    def records(self) -> bytes:
        """What was recorded so far."""
        return bytes(self._store[: self._at])

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:  # noqa: ARG002 (as every trace is called)
        """The actor took an event (or ended its turn, a string) with these effects."""
        end_ns = self._clock()
        begin_ns = self._last_ns if self._last_ns > time_ns else time_ns
        self._last_ns = end_ns
        link = 0
        if type(event) is Received:
            link, what = self._name(event.link), self._message(event.message)
        elif isinstance(event, str):
            what = self._name(event)
        else:
            if isinstance(event, LinkOpened | LinkClosed):
                link = self._name(event.link)
            what = self._name(type(event).__name__)
        self._write(begin_ns, RecordKind.TURN, link, what, end_ns, 0)
        for effect in effects:
            if type(effect) is Send:
                self._write(
                    end_ns, RecordKind.SEND, self._name(effect.link), self._message(effect.message), 0, 0
                )
            elif isinstance(effect, Spawn):
                self._write(end_ns, RecordKind.SPAWN, 0, self._name(effect.address), 0, 0)
            elif isinstance(effect, Connect):
                self._connect(end_ns, effect)

    def point(self, number: int, a: int, b: int, c: int, d: int) -> None:
        """A tracepoint of the actor's machine; `number` is `FIRST_POINT` or more."""
        at = self._at
        if at < self._end:
            _pack_into(self._store, at, self._clock(), number, a, b, c, d)
            self._at = at + _SIZE
        else:
            self._write(self._clock(), number, a, b, c, d)

    def _connect(self, now_ns: int, effect: Connect) -> None:
        links = self._name(effect.link), self._name(effect.peer_link)
        addresses = self._name(effect.address), self._name(effect.peer_address)
        self._write(now_ns, RecordKind.CONNECT, *links, *addresses)

    def _message(self, message: object) -> int:
        """The number of a message's name: of its type, or of what its type has details of."""
        kind = type(message)
        number = self._names.get(kind)
        if number is not None:
            return number
        detail = self._details.get(kind)
        if detail is None:
            self._names[kind] = self._name(kind.__name__)
            return self._names[kind]
        key, name = detail(message)
        number = self._names.get(key)
        if number is None:
            number = self._names[key] = self._name(name)
        return number

    def _name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            number = self._new_name(text)
        return number

    def _new_name(self, text: str) -> int:
        """A number for a text; 0 for all that come when there are too many."""
        if len(self._names) >= NAMES_MAX:
            return 0
        data = text.encode()[: _SIZE * 8]
        rows = -(-len(data) // _SIZE)
        if self._at + (rows + 1) * _SIZE > self._end and not self._grow():
            return 0
        self._write(self._last_ns, RecordKind.NAME, 0, len(data), 0, 0)
        self._store[self._at : self._at + len(data)] = data
        self._at += rows * _SIZE
        self._nr_texts += 1
        self._names[text] = self._nr_texts
        return self._nr_texts

    def _write(self, time_ns: int, kind: int, a: int, b: int, c: int, d: int) -> None:  # noqa: PLR0917 (keywords cost time here)
        at = self._at
        if at >= self._end and not self._grow():
            self.dropped += 1
            _pack_into(self._store, 0, 0, RecordKind.DROPPED, 0, 0, self.dropped, 0)
            return
        _pack_into(self._store, at, time_ns, kind, a, b, c, d)
        self._at = at + _SIZE

    def _grow(self) -> bool:
        if self._end + GROWTH_BYTES > LIMIT_BYTES:
            return False
        if isinstance(self._store, mmap):
            self._store.resize(self._end + GROWTH_BYTES)
        else:
            self._store.extend(bytes(GROWTH_BYTES))
        self._touch(self._end)
        self._end += GROWTH_BYTES
        return True

    def _touch(self, start: int) -> None:
        """Have the pages of a file made at once, which costs less than a fault for each."""
        if isinstance(self._store, mmap):
            with contextlib.suppress(OSError):  # Linux before 5.14 cannot
                self._store.madvise(MADV_POPULATE_WRITE, start, GROWTH_BYTES)
