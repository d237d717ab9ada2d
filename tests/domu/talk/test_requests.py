"""Requests in datagrams, by ICMP and by UDP: what is noted of them, and what is made of it."""

from collections.abc import Callable

import pytest

from actors.domu.talk.datagram import HEAD_BYTES, Datagrams, answer_to, read_datagram
from actors.domu.talk.ping import Ping
from actors.domu.talk.requests import PENDING_MAX
from actors.domu.talk.udp_client import UdpClient
from actors.domu.talk.udp_server import UdpServer
from actors.inet.address import Endpoint
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_rows import DatagramField, RequestField, RowKind
from tests.domu.talk.parlour import CLIENT_ID, MILLISECOND, SECOND, SERVER_ID, Parlour, spec, words


def pinging(parlour: Parlour, **more) -> Ping:
    ping = Ping(parlour.seat(0, spec(TalkKind.ping, TalkRole.client, port=0, **more)))
    ping.start()
    return ping


def asking(parlour: Parlour, **more) -> UdpClient:
    UdpServer(parlour.seat(1, spec(TalkKind.udp, TalkRole.server))).start()
    client = UdpClient(parlour.seat(0, spec(TalkKind.udp, TalkRole.client, **more)))
    client.start()
    return client


@pytest.mark.parametrize("begin", [pinging, asking])
def test_each_request_has_its_answer(begin: Callable) -> None:
    parlour = Parlour()
    talk = begin(parlour, rate=100.0, requests=50)
    parlour.run(2 * SECOND)
    journal = parlour.journals[-1]
    assert words(journal, TalkWord.SENT, TalkWord.ANSWERED, TalkWord.RECEIVED) == (50, 50, 50)
    assert words(journal, TalkWord.DOUBLED, TalkWord.CORRUPT, TalkWord.MISDELIVERED) == (0, 0, 0)
    assert sum(journal.latencies()) == 50
    assert journal.word(TalkWord.LATENCY_SUM_NS) < 50 * MILLISECOND
    assert journal.word(TalkWord.LONGEST_GAP_NS) < MILLISECOND
    talk.stop()
    assert talk._seat.finished.done


@pytest.mark.parametrize("begin", [pinging, asking])
def test_what_comes_is_noted_as_it_came(begin: Callable) -> None:
    parlour = Parlour()
    begin(parlour, rate=10.0, requests=3)
    parlour.run(SECOND)
    things = list(parlour.journals[-1].things())
    asked = [each.words for each in things if each.kind is RowKind.REQUEST]
    heard = [each for each in things if each.kind is RowKind.DATAGRAM]
    assert [each[RequestField.NUMBER] for each in asked] == [1, 2, 3]
    for request, answer in zip(asked, heard, strict=True):
        assert answer.words[DatagramField.NUMBER] == request[RequestField.NUMBER]
        assert answer.words[DatagramField.SENT_NS] == request[RequestField.SENT_NS]
        assert answer.words[DatagramField.TOLD] & 0xFFFFFFFF == answer.crc
        assert request[RequestField.ANSWERED_NS] == answer.words[DatagramField.RECEIVED_NS]


@pytest.mark.parametrize("begin", [pinging, asking])
def test_what_is_lost_is_lost_and_what_is_doubled_is_counted(begin: Callable) -> None:
    parlour = Parlour()
    begin(parlour, rate=10.0)
    parlour.run(SECOND)
    parlour.cut()
    parlour.run(SECOND)
    parlour.join()
    parlour.run(SECOND)
    parlour.wire.fate = lambda _side, _outgoing: [MILLISECOND, 2 * MILLISECOND]
    parlour.run(SECOND)
    journal = parlour.journals[-1]
    sent, answered = words(journal, TalkWord.SENT, TalkWord.ANSWERED)
    assert 9 <= sent - answered <= 12
    assert 1.0 * SECOND <= journal.word(TalkWord.LONGEST_GAP_NS) <= 1.2 * SECOND
    assert journal.word(TalkWord.DOUBLED) >= 9


def test_a_request_for_somebody_else_is_never_answered() -> None:
    parlour = Parlour()
    asking(parlour, rate=10.0, peer_id=SERVER_ID + 1)
    parlour.run(SECOND)
    served, asked = parlour.journals
    assert words(asked, TalkWord.ANSWERED) == (0,)
    assert served.word(TalkWord.MISDELIVERED) == served.word(TalkWord.RECEIVED) > 0


def test_what_is_damaged_is_kept_for_the_judge() -> None:
    parlour = Parlour()
    client = asking(parlour, rate=1.0, requests=1, size=100)
    parlour.run(SECOND // 2)
    data = bytearray(answer_to(Datagrams(0, CLIENT_ID, SERVER_ID, 100).make(1, 0), SERVER_ID))
    data[70] ^= 1
    client._received(Endpoint(parlour.stack(1).interface.address, 5001), bytes(data), parlour.wire.now_ns)
    client._received(Endpoint(parlour.stack(1).interface.address, 5001), b"short", parlour.wire.now_ns)
    journal = parlour.journals[-1]
    assert journal.word(TalkWord.CORRUPT) == 2
    exhibits = [each for each in journal.things() if each.kind is RowKind.EXHIBIT]
    assert exhibits[0].content[64 : 64 + 100] == bytes(data)
    assert exhibits[1].content[64:69] == b"short"


def test_pending_requests_are_bounded() -> None:
    parlour = Parlour()
    parlour.cut()
    client = asking(parlour, rate=200_000.0, requests=PENDING_MAX + 10)
    for _ in range(10):
        parlour.run(SECOND // 10)
    assert len(client._requests._pending) == PENDING_MAX
    assert parlour.journals[-1].word(TalkWord.SENT) == PENDING_MAX + 10


def test_a_datagram_is_what_its_fields_say() -> None:
    made = Datagrams(3, CLIENT_ID, SERVER_ID, 64)
    data = made.make(2**40, 5)
    found = read_datagram(data)
    assert found is not None
    assert found.intact
    assert (found.number, found.sender, found.receiver, found.sent_ns) == (2**40, CLIENT_ID, SERVER_ID, 5)
    assert len(data) == 64
    assert made.make(1, 0)[HEAD_BYTES:] != made.make(2, 0)[HEAD_BYTES:]
    for at in range(64):
        damaged = read_datagram(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
        assert damaged is not None
        assert not damaged.intact, at
    assert read_datagram(data[: HEAD_BYTES - 1]) is None
