"""The streams of a run: what came at each end held against what was sent to it.

Rules: reads journals only. A block that has come is judged by the label and the CRC-32 that were noted of it
as it came, against those that it must have. What a bad one holds, is looked for in what was kept of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.notebook.talk_header import TalkKind, TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader
from actors.notebook.talk_rows import (
    BlockField,
    ConnectionField,
    Ending,
    ExhibitField,
    RowKind,
    Thing,
    halves,
)
from cluster.lab.verdict.talk_content import LABEL_MAGIC, ExpectedStream
from cluster.lab.verdict.talk_result import TalkResult

PIECE: Final = 24
NEARBY_BLOCKS: Final = 64
PADS_MAX: Final = 256
_LIVING: Final = (Ending.CLOSED, Ending.OPEN)
_COUNTED: Final = {
    Ending.RESET: "reset",
    Ending.TIMED_OUT: "timed_out",
    Ending.REFUSED: "refused",
    Ending.ABORTED: "given_up",
    Ending.ABANDONED: "abandoned",
}


@dataclass(slots=True)
class _End:
    """One end of a connection, and what came there."""

    journal: TalkJournalReader
    words: tuple[int, ...]
    blocks: list[Thing] = field(default_factory=list)
    exhibits: dict[int, bytes] = field(default_factory=dict)

    def get(self, field_: ConnectionField) -> int:
        return self.words[field_]

    def __str__(self) -> str:
        remote, port = halves(self.get(ConnectionField.REMOTE))
        address = ".".join(str(each) for each in remote.to_bytes(4, "big"))
        return f"{self.journal.guest}: connection with {address}:{port}"


def judge_connections(journals: Sequence[TalkJournalReader], end_ns: int, result: TalkResult) -> None:
    """All connections of streams and documents; silences that nothing has ended last until `end_ns`."""
    ends = [end for journal in journals for end in _ends(journal)]
    opened: dict[int, _End] = {}
    for end in ends:
        if not end.get(ConnectionField.ACCEPTED):
            _count(end, end_ns, result)
            opened[end.get(ConnectionField.NAME)] = end
    taken = [
        end
        for end in ends
        if end.get(ConnectionField.ACCEPTED) and end.journal.kind is TalkKind.stream
        if end.get(ConnectionField.NAME)
    ]
    judge = _Streams(opened, [each.word(TalkWord.GUEST_ID) for each in journals], result)
    for end in taken:
        judge.judge(end)


def _ends(journal: TalkJournalReader) -> list[_End]:
    found: dict[int, _End] = {}
    for thing in journal.things():
        if thing.kind is RowKind.CONNECTION:
            found[thing.row] = _End(journal, thing.words)
        elif thing.kind is RowKind.BLOCK:
            found[thing.words[BlockField.ROW]].blocks.append(thing)
        elif thing.kind is RowKind.EXHIBIT and (end := found.get(thing.words[ExhibitField.ROW])) is not None:
            size = thing.words[ExhibitField.SIZE]
            end.exhibits[thing.words[ExhibitField.OFFSET]] = thing.content[64 : 64 + size]
    return list(found.values())


def _count(end: _End, end_ns: int, result: TalkResult) -> None:
    guest = end.journal.guest
    ending = Ending(end.get(ConnectionField.ENDING))
    for counts in (result.connections, result.of(guest).connections):
        counts.opened += 1
        counts.established += bool(end.get(ConnectionField.ESTABLISHED_NS))
        if ending not in _LIVING:
            setattr(counts, _COUNTED[ending], getattr(counts, _COUNTED[ending]) + 1)
        elif end.get(ConnectionField.ESTABLISHED_NS):
            counts.lived += 1
    longest_ns = end.get(ConnectionField.LONGEST_SILENCE_NS)
    result.silence(guest, longest_ns, end.get(ConnectionField.LONGEST_SILENCE_END_NS), str(end))
    since_ns = end.get(ConnectionField.WAITING_SINCE_NS)
    if since_ns and ending is Ending.OPEN and end.journal.word(TalkWord.WANTED):
        result.silence(guest, end_ns - since_ns, end_ns, str(end))
    if end.journal.kind is TalkKind.stream:
        result.bytes.sent += end.get(ConnectionField.SENT)


class _Streams:
    """Judges what came, by who had opened the connection."""

    def __init__(self, opened: dict[int, _End], guests: list[int], result: TalkResult) -> None:
        self._opened = opened
        self._guests = set(guests)
        self._result = result
        self._seen: set[int] = set()
        self._expected: dict[int, ExpectedStream] = {}

    def judge(self, end: _End) -> None:
        """One connection, at the end that took it."""
        name = end.get(ConnectionField.NAME)
        sender, receiver = halves(end.get(ConnectionField.ENDS))
        received = end.get(ConnectionField.RECEIVED)
        if receiver != end.journal.word(TalkWord.GUEST_ID):
            self._result.misdelivered += max(1, received)
            self._result.offend(f"{end}: it was for guest {receiver}")
            return
        if name in self._seen:
            self._result.bytes.doubled += max(1, received)
            self._result.offend(f"{end}: there are two that say to be number {name:#x}")
        self._seen.add(name)
        other = self._opened.get(name)
        if other is None and sender in self._guests:
            self._result.misdelivered += max(1, received)
            self._result.offend(f"{end}: nobody has opened number {name:#x}")
            return
        self._judge_blocks(end)
        if other is not None:
            self._compare(end, other)

    def _stream(self, name: int, ends: int, block: int) -> ExpectedStream:
        if name not in self._expected:
            if len(self._expected) >= PADS_MAX:
                self._expected.clear()
            self._expected[name] = ExpectedStream(name, *halves(ends), block)
        return self._expected[name]

    def _judge_blocks(self, end: _End) -> None:
        name, ends, block = (
            end.get(each) for each in (ConnectionField.NAME, ConnectionField.ENDS, ConnectionField.BLOCK)
        )
        stream = self._stream(name, ends, block)
        label = (name, (ends & 0xFFFFFFFF) << 32 | ends >> 32)
        counts = self._result.bytes
        for number, thing in enumerate(end.blocks):
            said = thing.words[BlockField.NAME], _swapped(thing.words[BlockField.ENDS])
            place = thing.words[BlockField.OFFSET], thing.words[BlockField.MAGIC]
            expected = (number * block, block << 32 | LABEL_MAGIC)
            if thing.crc == stream.checksum(number) and (said, place) == (label, expected):
                counts.in_order += block
            else:
                self._blame(end, number, stream)
        tail = end.get(ConnectionField.RECEIVED) - len(end.blocks) * block
        if not 0 <= tail < block or _is_out_of_order(end):
            counts.missing += max(block, abs(tail))
            self._result.offend(f"{end}: the bytes noted are not those of its blocks")
        elif stream.head_checksum(len(end.blocks), tail) == end.get(ConnectionField.PARTIAL):
            counts.in_order += tail
        else:
            counts.corrupt += tail
            self._result.offend(f"{end}: the last {tail} bytes are not what was sent")

    def _blame(self, end: _End, number: int, stream: ExpectedStream) -> None:
        """Find out what a bad block holds."""
        block = stream.block
        found = end.exhibits.get(number * block)
        verdict = "corrupt" if found is None else self._explain(found, number, stream)
        text = f"{end}: block {number} is {verdict}"
        if verdict == "misdelivered":
            self._result.misdelivered += block
        else:
            counts = self._result.bytes
            setattr(counts, verdict, getattr(counts, verdict) + block)
        self._result.offend(text)

    def _explain(self, found: bytes, number: int, stream: ExpectedStream) -> str:
        expected = stream.make(number)
        first = next((at for at in range(len(expected)) if found[at] != expected[at]), 0)
        piece = found[first : first + PIECE]
        if len(piece) == PIECE:
            here = number * stream.block + first
            nearby = range(max(0, number - NEARBY_BLOCKS), number + NEARBY_BLOCKS)
            places = [
                each * stream.block + at for each in nearby if (at := stream.make(each).find(piece)) >= 0
            ]
            if places:
                nearest = min(places, key=lambda place: abs(place - here))
                return "doubled" if nearest < here else "missing"
            for name, other in self._opened.items():
                if name == stream.name or not other.get(ConnectionField.BLOCK):
                    continue
                whose = [other.get(each) for each in (ConnectionField.ENDS, ConnectionField.BLOCK)]
                if piece in self._stream(name, *whose).pad:
                    return "misdelivered"
        return "corrupt"

    def _compare(self, end: _End, other: _End) -> None:
        """What one end says to have taken, and the other to have sent and to have been told."""
        counts = self._result.bytes
        received, sent = end.get(ConnectionField.RECEIVED), other.get(ConnectionField.SENT)
        if (end.get(ConnectionField.LOCAL), end.get(ConnectionField.REMOTE)) != (
            other.get(ConnectionField.REMOTE),
            other.get(ConnectionField.LOCAL),
        ) or end.get(ConnectionField.ENDS) != other.get(ConnectionField.ENDS):
            self._result.misdelivered += max(1, received)
            self._result.offend(f"{end}: it is another connection that {other.journal.guest} has opened")
            return
        told = other.get(ConnectionField.RECEIPTED)
        if told > received:
            counts.missing += told - received
            self._result.offend(f"{end}: {told} bytes have a receipt, {received} have come")
        if end.get(ConnectionField.FINISHED) and received < sent:
            counts.missing += sent - received
            self._result.offend(f"{end}: {sent} bytes were sent before its end, {received} have come")
        # Who is killed may have given one piece to TCP that it could not note any more.
        unsure = Ending(other.get(ConnectionField.ENDING)) in {Ending.ABANDONED, Ending.OPEN}
        if received > sent + unsure * end.get(ConnectionField.BLOCK):
            counts.doubled += received - sent
            self._result.offend(f"{end}: {sent} bytes were sent, {received} have come")


def _is_out_of_order(end: _End) -> bool:
    """Whether blocks are noted out of their order."""
    return any(thing.words[BlockField.NUMBER] != number for number, thing in enumerate(end.blocks))


def _swapped(ends: int) -> int:
    upper, lower = halves(ends)
    return lower << 32 | upper
