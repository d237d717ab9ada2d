"""The independent check of the networks after a run: what the ends of each talk have noted, held together.

Rules: reads journals, nothing else, and uses none of the code that made or moved the data. What is lost is
legal where the network promises nothing; what comes twice, damaged or to somebody else is not, nor is what a
connection was said to have delivered and has not.
"""

from collections.abc import Sequence
from typing import Final

from actors.notebook.talk_header import TalkKind, TalkRole
from actors.notebook.talk_journal_reader import TalkJournalReader
from actors.notebook.talk_rows import FetchField, RowKind, Thing
from cluster.lab.verdict.talk_content import document_checksum, document_size
from cluster.lab.verdict.talk_datagrams import judge_datagrams
from cluster.lab.verdict.talk_result import TalkResult
from cluster.lab.verdict.talk_streams import judge_connections

DOCUMENT_JUDGED_MAX: Final = 1 << 30
"""Larger ones are judged by their size."""


def judge_talks(journals: Sequence[TalkJournalReader], end_ns: int) -> TalkResult:
    """All talks of a run that ended then. TalkJournalError for a journal that cannot be read."""
    result = TalkResult()
    judge_connections(journals, end_ns, result)
    judge_datagrams(journals, result)
    for journal in journals:
        if journal.kind is TalkKind.http and journal.role is TalkRole.client:
            for thing in journal.things():
                if thing.kind is RowKind.FETCH:
                    _judge_document(journal.guest, thing, result)
    return result


def _judge_document(guest: str, thing: Thing, result: TalkResult) -> None:
    words = thing.words
    name = thing.content[len(FetchField) * 8 :].rstrip(b"\0").decode()
    status, received = words[FetchField.STATUS], words[FetchField.RECEIVED]
    result.documents += 1
    done = bool(words[FetchField.ENDED_NS])
    if not done or status != 200:
        result.documents_failed += 1
    size = document_size(name)
    if status != 200 or size is None:
        return
    whole = received == size if done else received <= size
    if not whole or words[FetchField.EXPECTED] != size:
        result.bytes.missing += abs(size - received)
        result.offend(f"{guest}: {name} has {received} bytes")
    elif received > DOCUMENT_JUDGED_MAX or document_checksum(name, received) == thing.crc:
        result.bytes.in_order += received
    else:
        result.bytes.corrupt += received
        result.offend(f"{guest}: the {received} bytes of {name} are not what they should be")
