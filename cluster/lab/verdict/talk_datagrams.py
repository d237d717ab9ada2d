"""The datagrams of a run: requests, and what came of them at both ends.

Rules: reads journals only. What has come must be what its number says, from whom it says, and be for whom it
came to; each must have come once. That one never comes is legal, and counted.
"""

from collections.abc import Sequence

from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_journal_reader import TalkJournalReader
from actors.notebook.talk_rows import DatagramField, RequestField, RowKind, Thing, halves
from cluster.lab.verdict.talk_content import DATAGRAM_HEAD_BYTES, DATAGRAM_MAGIC, datagram_checksum
from cluster.lab.verdict.talk_result import TalkResult

Asked = dict[tuple[int, int], dict[int, tuple[int, ...]]]
"""Requests by guest, talk and number."""


def judge_datagrams(journals: Sequence[TalkJournalReader], result: TalkResult) -> None:
    """All of them."""
    about = [each for each in journals if each.kind in {TalkKind.ping, TalkKind.udp}]
    asked: Asked = {}
    for journal in about:
        if journal.role is TalkRole.client:
            key = journal.word(TalkWord.GUEST_ID), journal.word(TalkWord.TALK)
            asked[key] = {
                thing.words[RequestField.NUMBER]: thing.words
                for thing in journal.things()
                if thing.kind is RowKind.REQUEST
            }
    for journal in about:
        _Datagrams(journal, asked, result).judge()


class _Datagrams:
    """Those that came to one end."""

    def __init__(self, journal: TalkJournalReader, asked: Asked, result: TalkResult) -> None:
        self._journal = journal
        self._asked = asked
        self._result = result
        self._me = journal.word(TalkWord.GUEST_ID)
        self._is_client = journal.role is TalkRole.client
        self._echoed = journal.kind is TalkKind.ping
        self._seen: set[tuple[int, int, int]] = set()

    def judge(self) -> None:
        """All of the journal."""
        for thing in self._journal.things():
            if thing.kind is RowKind.DATAGRAM:
                self._judge(thing)
        if self._is_client:
            counts = self._result.datagrams
            sent = len(self._asked[self._me, self._journal.word(TalkWord.TALK)])
            counts.sent += sent
            counts.answered += len(self._seen)
            counts.lost += sent - len(self._seen)

    def _judge(self, thing: Thing) -> None:
        words = thing.words
        magic, told = halves(words[DatagramField.TOLD])
        if magic != DATAGRAM_MAGIC or told != thing.crc:
            self._corrupt(thing, "it is damaged")
            return
        sender, receiver = halves(words[DatagramField.ENDS])
        answer = bool(words[DatagramField.TALK] >> 48)
        asker, asked = (receiver, sender) if answer else (sender, receiver)
        talk, size = words[DatagramField.TALK] & 0xFFFFFFFF, words[DatagramField.TALK] >> 32 & 0xFFFF
        if (asker if self._is_client else asked) != self._me or answer != (
            self._is_client and not self._echoed
        ):
            self._misdelivered(thing, f"it was from guest {sender} for guest {receiver}")
            return
        requests = self._asked.get((asker, talk))
        if requests is None:
            return  # Who asks from the outside has no journal.
        number = words[DatagramField.NUMBER]
        request = requests.get(number)
        if request is None or size < DATAGRAM_HEAD_BYTES:
            self._corrupt(thing, f"number {number} was never sent")
            return
        sent_ns = request[RequestField.SENT_NS]
        crc = datagram_checksum(talk, asker, asked, number, sent_ns, size, answer=answer)
        if crc != thing.crc or size != request[RequestField.SIZE]:
            self._corrupt(thing, f"it is not what number {number} was")
        elif self._from_elsewhere(thing, request, asked):
            self._misdelivered(thing, f"the answer to number {number} comes from another address")
        else:
            self._take(asker, talk, number)

    def _from_elsewhere(self, thing: Thing, request: tuple[int, ...], asked: int) -> bool:
        if not self._is_client:
            return halves(thing.words[DatagramField.REMOTE])[0] != halves(request[RequestField.LOCAL])[0]
        peer = halves(request[RequestField.ENDS])[1]
        return thing.words[DatagramField.REMOTE] != request[RequestField.REMOTE] or asked != peer

    def _take(self, asker: int, talk: int, number: int) -> None:
        key = (asker, talk, number)
        if key in self._seen:
            self._result.datagrams.doubled += 1
            self._result.offend(f"{self._journal.guest}: datagram {number} of guest {asker} came twice")
        self._seen.add(key)

    def _corrupt(self, thing: Thing, text: str) -> None:
        self._result.datagrams.corrupt += 1
        self._result.offend(f"{self._journal.guest}: datagram in row {thing.row}: {text}")

    def _misdelivered(self, thing: Thing, text: str) -> None:
        self._result.misdelivered += 1
        self._result.offend(f"{self._journal.guest}: datagram in row {thing.row}: {text}")
