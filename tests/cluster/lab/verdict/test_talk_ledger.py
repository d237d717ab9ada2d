"""The ledger of the networks: what it makes of talks that went well, and of each thing that can go wrong."""

from collections.abc import Callable
from zlib import crc32

import pytest

from actors.domu.talk.content import BLOCK_MAX, Content
from actors.domu.talk.datagram import Datagrams, answer_to
from actors.domu.talk.documents import document_checksum, find_document
from actors.domu.talk.http_client import HttpClient
from actors.domu.talk.http_server import HttpServer
from actors.domu.talk.ping import Ping
from actors.domu.talk.stream_client import StreamClient
from actors.domu.talk.stream_receiver import StreamReceiver
from actors.domu.talk.stream_server import StreamServer
from actors.domu.talk.udp_client import UdpClient
from actors.domu.talk.udp_server import UdpServer
from actors.inet.address import Endpoint
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_rows import ConnectionField, RowKind
from cluster.lab.verdict import talk_content
from cluster.lab.verdict.talk_ledger import judge_talks
from cluster.lab.verdict.talk_result import TalkResult
from tests.domu.talk.parlour import CLIENT_ID, MILLISECOND, SECOND, SERVER_ID, Parlour, spec
from tests.inet.test_tcp_streams import bad_wire

client, server = TalkRole.client, TalkRole.server
BLOCK = 4096
BYTES = 50_000


@pytest.mark.parametrize("block", [512, 4096, BLOCK_MAX])
def test_both_make_the_same_streams(block: int) -> None:
    ours, theirs = talk_content.ExpectedStream(5, 7, 9, block), Content(5, 7, 9, block)
    for number in (0, 1, 250, 251, 99_999):
        assert ours.make(number) == theirs.make(number)
        assert ours.checksum(number) == theirs.checksum(number) == crc32(ours.make(number))


def test_both_make_the_same_documents_and_datagrams() -> None:
    for name in ("0", "1", "100K", "a-70000", "1M"):
        document = find_document(name)
        assert document is not None
        assert talk_content.document_size(name) == document.size
        assert talk_content.document_checksum(name, document.size) == document_checksum(name)
    data = Datagrams(3, 7, 9, 100).make(77, 5)
    answer = answer_to(data, 9)
    for each, is_answer in ((data, False), (answer, True)):
        told = int.from_bytes(each[4:8], "little")
        assert talk_content.datagram_checksum(3, 7, 9, 77, 5, 100, answer=is_answer) == told


def judged(parlour: Parlour) -> TalkResult:
    return judge_talks(parlour.journals, parlour.wire.now_ns)


def begin_all(parlour: Parlour) -> None:
    for talker in (
        StreamServer(parlour.seat(1, spec(TalkKind.stream, server, number=0))),
        UdpServer(parlour.seat(1, spec(TalkKind.udp, server, number=1))),
        HttpServer(parlour.seat(1, spec(TalkKind.http, server, number=2, port=80))),
        StreamClient(parlour.seat(0, spec(TalkKind.stream, client, number=0, rate=50_000.0, block=BLOCK))),
        UdpClient(parlour.seat(0, spec(TalkKind.udp, client, number=1, rate=50.0))),
        HttpClient(
            parlour.seat(0, spec(TalkKind.http, client, number=2, port=80, rate=5.0, documents=("9K",)))
        ),
        Ping(parlour.seat(0, spec(TalkKind.ping, client, number=3, port=0, rate=20.0))),
    ):
        talker.start()


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_wire_loses_and_doubles_datagrams_and_nothing_else(seed: int) -> None:
    parlour = Parlour(seed, bad_wire(seed, 0.03, 0.03, 2))
    begin_all(parlour)
    parlour.run(10 * SECOND)
    result = judged(parlour)
    assert result.holds(may_double=True), result.offenders
    assert not result.holds() or not result.datagrams.doubled
    assert result.datagrams.lost > 10
    assert result.datagrams.sent == result.datagrams.answered + result.datagrams.lost
    assert result.bytes.in_order > 400_000
    assert (result.connections.opened, result.connections.lived) == (2, 2)
    assert result.documents >= 48


def test_a_good_wire_loses_nothing() -> None:
    parlour = Parlour()
    begin_all(parlour)
    parlour.run(3 * SECOND)
    result = judged(parlour)
    assert result.holds(), result.offenders
    assert result.datagrams.lost <= 2
    assert result.silence_max_ns < 50 * MILLISECOND


def test_the_longest_silence_is_told_also_if_it_never_ends() -> None:
    parlour = Parlour()
    begin_all(parlour)
    parlour.run(SECOND)
    parlour.cut()
    parlour.run(7 * SECOND)
    result = judged(parlour)
    assert 6.9 * SECOND < result.silence_max_ns < 7.1 * SECOND
    assert result.silence_end_ns == 8 * SECOND
    assert "10.0.0.2" in result.silent


Change = Callable[[bytes], bytes]


def streamed(change: Change | None = None, *, at: int = 0) -> Parlour:
    """A stream whose receiver is handed something else than what has come, from position `at` on."""
    parlour = Parlour()
    StreamServer(parlour.seat(1, spec(TalkKind.stream, server))).start()
    more = {"block": BLOCK, "bytes": BYTES, "connections": 2}
    StreamClient(parlour.seat(0, spec(TalkKind.stream, client, **more))).start()
    if change is not None:
        _tamper(parlour, change, at)
    parlour.run(2 * SECOND)
    return parlour


def _tamper(parlour: Parlour, change: Change, at: int) -> None:
    before = StreamReceiver._complete

    def complete(self: StreamReceiver, now_ns: int) -> None:
        if self._number == at and self.pen.row == 0:
            changed = change(b"".join(self._pieces))
            self._pieces[:] = [changed]
            self._partial = crc32(changed)
        before(self, now_ns)

    StreamReceiver._complete = complete  # type: ignore[method-assign]
    try:
        parlour.run(2 * SECOND)
    finally:
        StreamReceiver._complete = before  # type: ignore[method-assign]


def flipped(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


def first_name(parlour: Parlour) -> int:
    return next(iter(parlour.journals[0].things())).words[ConnectionField.NAME]


def test_whole_streams_are_whole() -> None:
    result = judged(streamed())
    assert result.holds(), result.offenders
    assert (result.bytes.sent, result.bytes.in_order) == (2 * BYTES, 2 * BYTES)


def test_damage_is_found() -> None:
    result = judged(streamed(flipped, at=3))
    assert (result.bytes.corrupt, result.bytes.in_order) == (BLOCK, 2 * BYTES - BLOCK)
    assert "block 3 is corrupt" in result.offenders[0]


@pytest.mark.parametrize(("shift", "verdict"), [(-1000, "doubled"), (1000, "missing")])
def test_what_comes_again_and_what_is_left_out_are_told_apart(shift: int, verdict: str) -> None:
    name = first_name(streamed())

    def moved(data: bytes) -> bytes:
        return data[:500] + Content(name, CLIENT_ID, SERVER_ID, BLOCK).read(
            3 * BLOCK + 500 + shift, BLOCK - 500
        )

    result = judged(streamed(moved, at=3))
    assert getattr(result.bytes, verdict) == BLOCK
    assert not result.holds()


def test_what_belongs_to_another_connection_is_misdelivered() -> None:
    names = [
        each.words[ConnectionField.NAME]
        for each in streamed().journals[0].things()
        if each.kind is RowKind.CONNECTION
    ]

    def foreign(data: bytes) -> bytes:
        return data[:500] + Content(names[1], CLIENT_ID, SERVER_ID, BLOCK).read(700, 100) + data[600:]

    result = judged(streamed(foreign, at=3))
    assert (result.misdelivered, result.bytes.corrupt) == (BLOCK, 0)


def test_bytes_with_a_receipt_must_have_come() -> None:
    parlour = streamed()
    taken = parlour.journals[0]
    taken.amend(0, ConnectionField.RECEIVED, taken.amended(0, ConnectionField.RECEIVED) - 10)
    assert judged(parlour).bytes.missing >= 10


def test_more_bytes_than_were_sent_cannot_come() -> None:
    parlour = streamed()
    sent = parlour.journals[1]
    for field, value in ((ConnectionField.SENT, BYTES - 5), (ConnectionField.RECEIPTED, BYTES - 5)):
        sent.amend(0, field, value)
    assert judged(parlour).bytes.doubled == 5


@pytest.mark.parametrize("field", [ConnectionField.LOCAL, ConnectionField.REMOTE, ConnectionField.NAME])
def test_a_connection_that_nobody_has_opened_so_is_misdelivered(field: ConnectionField) -> None:
    parlour = streamed()
    taken = parlour.journals[0]
    taken.amend(0, field, taken.amended(0, field) ^ 1 << 20)
    assert judged(parlour).misdelivered >= BYTES


def test_a_connection_for_another_guest_is_misdelivered() -> None:
    parlour = streamed()
    parlour.journals[0]._words[TalkWord.GUEST_ID] += 1
    assert judged(parlour).misdelivered == 2 * BYTES


def datagrams(*, number: int = 5, **more) -> tuple[Parlour, UdpServer, UdpClient]:
    parlour = Parlour()
    told = UdpServer(parlour.seat(1, spec(TalkKind.udp, server)))
    asks = UdpClient(parlour.seat(0, spec(TalkKind.udp, client, rate=10.0, requests=number, **more)))
    asks.start()
    parlour.run(2 * SECOND)
    return parlour, told, asks


def test_datagrams_that_come_twice_are_doubled_at_either_end() -> None:
    parlour, told, asks = datagrams()
    sent_ns = next(each.words[2] for each in parlour.journals[1].things() if each.kind is RowKind.REQUEST)
    data = Datagrams(0, CLIENT_ID, SERVER_ID, 64).make(1, sent_ns)
    told._received(Endpoint(parlour.stack(0).interface.address, 9), data, 0)
    asks._received(Endpoint(parlour.stack(1).interface.address, 5001), answer_to(data, SERVER_ID), 0)
    result = judged(parlour)
    assert (result.datagrams.doubled, result.datagrams.corrupt, result.misdelivered) == (2, 0, 0)
    assert (result.holds(), result.holds(may_double=True)) == (False, True)


@pytest.mark.parametrize(
    ("talk", "sender", "receiver", "number", "corrupt", "misdelivered"),
    [
        (0, CLIENT_ID, SERVER_ID, 6, 1, 0),
        (0, CLIENT_ID, SERVER_ID + 1, 1, 0, 1),
        (0, SERVER_ID, CLIENT_ID, 1, 0, 1),
        (4, CLIENT_ID, SERVER_ID, 1, 0, 0),
        (0, CLIENT_ID, SERVER_ID, 1, 1, 0),
    ],
)
def test_datagrams_that_should_not_be_here_are_found(
    talk: int, sender: int, receiver: int, number: int, corrupt: int, misdelivered: int
) -> None:
    parlour, told, _ = datagrams()
    data = Datagrams(talk, sender, receiver, 64).make(number, 123)
    told._received(Endpoint(parlour.stack(0).interface.address, 9), data, 0)
    result = judged(parlour)
    assert (result.datagrams.corrupt, result.misdelivered) == (corrupt, misdelivered), result.offenders


def test_an_answer_from_another_address_is_misdelivered() -> None:
    parlour, _, asks = datagrams()
    data = Datagrams(0, CLIENT_ID, SERVER_ID, 64).make(1, _sent_ns(parlour))
    asks._received(Endpoint(5, 5001), answer_to(data, SERVER_ID), 0)
    assert judged(parlour).misdelivered == 1


def _sent_ns(parlour: Parlour) -> int:
    return next(each.words[2] for each in parlour.journals[1].things() if each.kind is RowKind.REQUEST)


def test_a_document_that_is_damaged_is_found() -> None:
    parlour = Parlour()
    HttpServer(parlour.seat(1, spec(TalkKind.http, server))).start()
    asks = HttpClient(parlour.seat(0, spec(TalkKind.http, client, documents=("9K",), requests=2)))
    asks.start()
    parlour.run(SECOND)
    assert judged(parlour).bytes.in_order == 2 * 9216
    journal = parlour.journals[1]
    fetch = next(each for each in journal.things() if each.kind is RowKind.FETCH)
    journal.amend(fetch.row, 0, fetch.words[0] ^ 1 << 40)
    result = judged(parlour)
    assert (result.bytes.corrupt, result.bytes.in_order) == (9216, 9216)
