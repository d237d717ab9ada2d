"""Streams between two guests: what both journals say of them."""

import pytest

from actors.domu.talk.stream_client import StreamClient
from actors.domu.talk.stream_server import StreamServer
from actors.inet.address import Endpoint
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_rows import ConnectionField, Ending, RowKind
from tests.domu.talk.parlour import MILLISECOND, SECOND, Parlour, spec, words
from tests.inet.test_tcp_streams import bad_wire
from tests.inet.wire import Peer


def begun(parlour: Parlour, **more) -> tuple[StreamClient, StreamServer]:
    server = StreamServer(parlour.seat(1, spec(TalkKind.stream, TalkRole.server)))
    client = StreamClient(parlour.seat(0, spec(TalkKind.stream, TalkRole.client, **more)))
    server.start()
    client.start()
    return client, server


def connections(journal) -> list[tuple[int, ...]]:
    return [each.words for each in journal.things() if each.kind is RowKind.CONNECTION]


@pytest.mark.parametrize("offload", [False, True])
def test_all_that_is_sent_is_taken_in_order(offload: bool) -> None:
    parlour = Parlour(offload=offload)
    client, _ = begun(parlour, connections=3, bytes=1_000_000, block=16384)
    parlour.run(10 * SECOND)
    taken, sent = parlour.journals
    assert client._seat.finished.done
    assert words(sent, TalkWord.BYTES_SENT, TalkWord.BYTES_RECEIPTED) == (3_000_000, 3_000_000)
    assert words(taken, TalkWord.BYTES_RECEIVED, TalkWord.BLOCKS) == (3_000_000, 3 * 61)
    assert words(taken, TalkWord.BAD_BLOCKS, TalkWord.RESET, TalkWord.TIMED_OUT) == (0, 0, 0)
    for journal in (taken, sent):
        assert words(journal, TalkWord.OPENED, TalkWord.ESTABLISHED, TalkWord.CLOSED) == (3, 3, 3)
        assert words(journal, TalkWord.OPEN, TalkWord.WAITING_SINCE_NS, TalkWord.WANTED) == (0, 0, 0)
    names = [each[ConnectionField.NAME] for each in connections(sent)]
    assert len(set(names)) == 3
    assert sorted(names) == sorted(each[ConnectionField.NAME] for each in connections(taken))


def test_a_bad_wire_changes_nothing_but_the_time() -> None:
    parlour = Parlour(3, bad_wire(3, 0.02, 0.05, 3))
    begun(parlour, bytes=400_000, block=4096)
    parlour.run(60 * SECOND)
    taken, sent = parlour.journals
    assert words(taken, TalkWord.BYTES_RECEIVED, TalkWord.BAD_BLOCKS) == (400_000, 0)
    assert words(sent, TalkWord.BYTES_RECEIPTED) == (400_000,)


def test_a_rate_is_kept() -> None:
    parlour = Parlour()
    begun(parlour, rate=100_000.0)
    parlour.run(10 * SECOND)
    assert 980_000 <= parlour.journals[0].word(TalkWord.BYTES_RECEIVED) <= 1_020_000
    longest_ns = parlour.journals[1].word(TalkWord.LONGEST_GAP_NS)
    assert longest_ns < 12 * MILLISECOND, "a pause between two pieces is no silence"


def test_a_silence_is_as_long_as_the_wire_is_cut() -> None:
    parlour = Parlour()
    begun(parlour, connections=2, rate=100_000.0)
    parlour.run(2 * SECOND)
    parlour.cut()
    parlour.run(3 * SECOND)
    assert parlour.journals[1].unserved_since_ns(parlour.wire.now_ns) < 2.1 * SECOND
    parlour.join()
    parlour.run(20 * SECOND)
    _, sent = parlour.journals
    assert words(sent, TalkWord.OPENED, TalkWord.RESET, TalkWord.TIMED_OUT) == (2, 0, 0)
    silence_ns = sent.word(TalkWord.LONGEST_SILENCE_NS)
    assert 2.9 * SECOND <= silence_ns <= 6.5 * SECOND, "the timer doubles: at most twice the cut, and a bit"
    assert sent.word(TalkWord.LONGEST_SILENCE_END_NS) - silence_ns < 2.1 * SECOND


@pytest.mark.parametrize("reconnect", [True, False])
def test_a_connection_that_dies_is_recorded_and_followed_by_policy(reconnect: bool) -> None:
    parlour = Parlour()
    client, _ = begun(parlour, rate=100_000.0, retry_ns=SECOND if reconnect else None)
    parlour.run(SECOND)
    for connection in list(parlour.stack(1).tcp.connections.values()):
        connection.abort(parlour.wire.now_ns)
    parlour.run(5 * SECOND)
    taken, sent = parlour.journals
    assert words(sent, TalkWord.RESET, TalkWord.OPENED) == (1, 1 + reconnect)
    assert client._seat.finished.done is not reconnect
    assert connections(sent)[0][ConnectionField.ENDING] == Ending.RESET
    assert connections(taken)[0][ConnectionField.ENDING] == Ending.ABORTED
    assert sent.word(TalkWord.OPEN) == reconnect


def test_a_client_that_stops_waits_for_what_it_has_sent() -> None:
    parlour = Parlour()
    client, server = begun(parlour, block=65536)
    parlour.run(SECOND // 50)
    client.stop()
    parlour.run(SECOND)
    taken, sent = parlour.journals
    assert client._seat.finished.done
    total = sent.word(TalkWord.BYTES_SENT)
    assert words(sent, TalkWord.BYTES_RECEIPTED, TalkWord.CLOSED) == (total, 1)
    assert words(taken, TalkWord.BYTES_RECEIVED, TalkWord.CLOSED) == (total, 1)
    server.stop()
    assert server._seat.finished.done


def test_a_client_that_stops_before_it_is_connected_says_nothing() -> None:
    parlour = Parlour()
    client, server = begun(parlour)
    client.stop()
    parlour.run(6 * SECOND)
    taken, sent = parlour.journals
    assert client._seat.finished.done
    assert words(sent, TalkWord.BYTES_SENT, TalkWord.OPEN, TalkWord.RESET) == (0, 0, 0)
    assert words(taken, TalkWord.BYTES_RECEIVED, TalkWord.STRAYS, TalkWord.OPEN) == (0, 0, 0)
    server.stop()
    assert server._seat.finished.done


def test_a_client_that_stops_over_a_dead_wire_gives_up() -> None:
    parlour = Parlour()
    client, _ = begun(parlour, rate=10_000.0)
    parlour.run(SECOND)
    parlour.cut()
    parlour.run(SECOND)
    client.stop()
    parlour.run(6 * SECOND)
    assert client._seat.finished.done
    assert parlour.journals[1].word(TalkWord.ABORTED) == 1


def test_who_says_no_hello_is_a_stray() -> None:
    parlour = Parlour()
    server = StreamServer(parlour.seat(1, spec(TalkKind.stream, TalkRole.server)))
    server.start()
    peer = Peer(b"GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n")
    parlour.stack(0).tcp.connect(Endpoint(parlour.stack(1).interface.address, 5001), peer, 0)
    parlour.run(SECOND)
    assert words(parlour.journals[0], TalkWord.STRAYS, TalkWord.OPEN) == (1, 0)


def test_the_dead_guests_connections_are_abandoned_and_its_silence_goes_on() -> None:
    parlour = Parlour()
    begun(parlour, rate=100_000.0)
    parlour.run(SECOND)
    sent = parlour.journals[1]
    sent.begin_wait(parlour.wire.now_ns)
    sent.begin_boot()
    assert words(sent, TalkWord.ABANDONED, TalkWord.OPEN, TalkWord.BOOTS) == (1, 0, 2)
    assert connections(sent)[0][ConnectionField.ENDING] == Ending.ABANDONED
    assert sent.unserved_since_ns(9 * SECOND) > 0
