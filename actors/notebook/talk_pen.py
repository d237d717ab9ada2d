"""What is written of one connection: its rows in the journal of a talk, and what the header has of it."""

import errno
from typing import Final

from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_journal import EXHIBITS_MAX, TalkJournal
from actors.notebook.talk_rows import (
    CONNECTION_ROWS,
    ROW_BYTES,
    BlockField,
    ConnectionField,
    Ending,
    RowKind,
    first_word,
    pair,
)

_ENDINGS: Final = {
    errno.ECONNRESET: Ending.RESET,
    errno.ETIMEDOUT: Ending.TIMED_OUT,
    errno.EHOSTUNREACH: Ending.TIMED_OUT,
    errno.ENETUNREACH: Ending.TIMED_OUT,
    errno.ECONNREFUSED: Ending.REFUSED,
    errno.ECONNABORTED: Ending.ABORTED,
    errno.EPIPE: Ending.RESET,
}
_WORDS: Final = {
    Ending.CLOSED: TalkWord.CLOSED,
    Ending.RESET: TalkWord.RESET,
    Ending.TIMED_OUT: TalkWord.TIMED_OUT,
    Ending.REFUSED: TalkWord.REFUSED,
    Ending.ABORTED: TalkWord.ABORTED,
}


class ConnectionPen:
    """Of one connection, from its first SYN to its end."""

    def __init__(
        self,
        journal: TalkJournal,
        local: tuple[int, int],
        remote: tuple[int, int],
        now_ns: int,
        *,
        accepted: bool,
    ) -> None:
        """`local` and `remote`: IPv4 address and port. One that was accepted is established."""
        self._journal = journal
        self._exhibits = 0
        words = [0] * (CONNECTION_ROWS * ROW_BYTES // 8)
        words[ConnectionField.KIND] = first_word(RowKind.CONNECTION, CONNECTION_ROWS)
        words[ConnectionField.LOCAL], words[ConnectionField.REMOTE] = pair(*local), pair(*remote)
        words[ConnectionField.OPENED_NS] = now_ns
        words[ConnectionField.ACCEPTED] = accepted
        self.row = journal.append(tuple(words))
        self.ended = False
        self._place = None if accepted else journal.take_place()
        journal.count(TalkWord.OPENED)
        journal.count(TalkWord.OPEN)
        if accepted:
            self.established(now_ns)

    def introduce(self, name: int, sender: int, receiver: int, block: int) -> None:
        """Its number, who sends to whom, and the bytes of a block."""
        self._set(ConnectionField.NAME, name)
        self._set(ConnectionField.ENDS, pair(sender, receiver))
        self._set(ConnectionField.BLOCK, block)

    def established(self, now_ns: int) -> None:
        """It is open."""
        self._set(ConnectionField.ESTABLISHED_NS, max(1, now_ns))
        self._journal.count(TalkWord.ESTABLISHED)

    def begin_wait(self, now_ns: int) -> None:
        """There is work, that is, something to be answered for."""
        if not self._get(ConnectionField.WAITING_SINCE_NS):
            self._wait(max(1, now_ns))

    def progress(self, now_ns: int, *, busy: bool) -> None:
        """The other end lives; `busy`: there is more to be answered for."""
        since_ns = self._get(ConnectionField.WAITING_SINCE_NS)
        self._set(ConnectionField.PROGRESS_NS, now_ns)
        self._wait(max(1, now_ns) if busy else 0)
        if since_ns:
            self._silent(now_ns - since_ns, now_ns)

    def _wait(self, since_ns: int) -> None:
        self._set(ConnectionField.WAITING_SINCE_NS, since_ns)
        if self._place is not None:
            self._journal.set_wait(self._place, since_ns)

    def _silent(self, silence_ns: int, now_ns: int) -> None:
        if silence_ns > self._get(ConnectionField.LONGEST_SILENCE_NS):
            self._set(ConnectionField.LONGEST_SILENCE_NS, silence_ns)
            self._set(ConnectionField.LONGEST_SILENCE_END_NS, now_ns)
        words = TalkWord.LONGEST_SILENCE_NS, TalkWord.LONGEST_SILENCE_END_NS
        self._journal.at_most(*words, silence_ns, now_ns)

    def sent(self, size: int) -> None:
        """So many bytes more were given to TCP."""
        self._set(ConnectionField.SENT, self._get(ConnectionField.SENT) + size)
        self._journal.count(TalkWord.BYTES_SENT, size)

    @property
    def sent_bytes(self) -> int:
        """How many bytes were given to TCP."""
        return self._get(ConnectionField.SENT)

    def receipted(self, total: int) -> None:
        """The other end says that so many bytes have come."""
        self._journal.count(TalkWord.BYTES_RECEIPTED, total - self._get(ConnectionField.RECEIPTED))
        self._set(ConnectionField.RECEIPTED, total)

    def received(self, size: int, partial: int, now_ns: int) -> None:
        """So many bytes more have come; `partial`: the CRC-32 of the block under way, as far as it has."""
        last_ns = self._get(ConnectionField.PROGRESS_NS) or self._get(ConnectionField.OPENED_NS)
        if now_ns - last_ns > self._get(ConnectionField.LONGEST_GAP_NS):
            self._set(ConnectionField.LONGEST_GAP_NS, now_ns - last_ns)
            self._set(ConnectionField.LONGEST_GAP_END_NS, now_ns)
        self._set(ConnectionField.RECEIVED, self._get(ConnectionField.RECEIVED) + size)
        self._set(ConnectionField.PARTIAL, partial)
        self._journal.count(TalkWord.BYTES_RECEIVED, size)

    def block(self, number: int, label: tuple[int, int, int, int], crc: int, now_ns: int) -> None:
        """Block `number` is whole; the label (name, ends, offset, magic) and its CRC-32 as they came."""
        words = [0] * (ROW_BYTES // 8)
        words[BlockField.KIND] = first_word(RowKind.BLOCK, crc=crc)
        words[BlockField.ROW], words[BlockField.NUMBER] = self.row, number
        words[BlockField.RECEIVED_NS] = now_ns
        words[BlockField.NAME], words[BlockField.ENDS], words[BlockField.OFFSET], words[BlockField.MAGIC] = (
            label
        )
        self._journal.append(tuple(words))
        self._journal.count(TalkWord.BLOCKS)

    def bad_block(self, offset: int, data: bytes) -> None:
        """A block is not what it should be: keep some of them."""
        self._set(ConnectionField.BAD_BLOCKS, self._get(ConnectionField.BAD_BLOCKS) + 1)
        self._journal.count(TalkWord.BAD_BLOCKS)
        if self._exhibits < EXHIBITS_MAX // 16:
            self._exhibits += 1
            self._journal.exhibit(self.row, offset, data)

    def finished(self) -> None:
        """The other end has said that it has no more to send."""
        self._set(ConnectionField.FINISHED, 1)

    def end(self, error: int | None, now_ns: int) -> None:
        """It is gone, with an errno or because both ends were done."""
        if self.ended:
            return
        self.ended = True
        ending = Ending.CLOSED if error is None else _ENDINGS.get(error, Ending.RESET)
        if since_ns := self._get(ConnectionField.WAITING_SINCE_NS):
            self._silent(now_ns - since_ns, now_ns)
            self._set(ConnectionField.WAITING_SINCE_NS, 0)
        if self._place is not None:
            self._journal.free_place(self._place)
        self._set(ConnectionField.ENDED_NS, now_ns)
        self._set(ConnectionField.ERROR, error or 0)
        self._set(ConnectionField.ENDING, ending)
        self._journal.count(_WORDS[ending])
        self._journal.count(TalkWord.OPEN, -1)

    def _get(self, field: ConnectionField) -> int:
        return self._journal.amended(self.row, field)

    def _set(self, field: ConnectionField, value: int) -> None:
        self._journal.amend(self.row, field, value)
