"""The small HTTP server and its client, held to Python's own client and to what the journals say."""

import hashlib
import io
from http.client import HTTPResponse

import pytest

from actors.domu.talk.documents import document_checksum, find_document
from actors.domu.talk.http_client import HttpClient
from actors.domu.talk.http_server import HttpServer
from actors.inet.address import Endpoint
from actors.notebook.talk_header import TalkKind, TalkRole, TalkWord
from actors.notebook.talk_rows import FetchField, RowKind
from tests.domu.talk.parlour import MILLISECOND, SECOND, Parlour, spec, words
from tests.inet.test_tcp_streams import bad_wire
from tests.inet.wire import Peer


class Socket(io.BytesIO):
    def makefile(self, *_args):
        return self

    def close(self) -> None:
        pass


class Answers:
    """What a server has sent to a list of requests, read by `http.client`."""

    def __init__(self, *requests: str, closes: bool = True, fate=None) -> None:
        parlour = Parlour(fate=fate)
        self.server = HttpServer(parlour.seat(1, spec(TalkKind.http, TalkRole.server, port=80)))
        self.server.start()
        self.peer = Peer("".join(requests).encode("latin-1"), closes=closes)
        remote = Endpoint(parlour.stack(1).interface.address, 80)
        parlour.stack(0).tcp.connect(remote, self.peer, 0)
        parlour.run(20 * SECOND)
        self.journal = parlour.journals[0]
        self._read = Socket(bytes(self.peer.got))

    def next(self, method: str = "GET") -> tuple[HTTPResponse, bytes]:
        response = HTTPResponse(self._read, method=method)  # type: ignore[arg-type]
        response.begin()
        body = self._read.read(response.length) if response.length else b""
        return response, body

    @property
    def rest(self) -> bytes:
        return self._read.read()


def get(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> str:
    lines = [f"{method} {path} HTTP/{version}", "Host: web", *fields]
    return "".join(f"{each}\r\n" for each in [*lines, ""])


def test_documents_are_what_their_names_say() -> None:
    answers = Answers(get("/100K"), get("/100K", method="HEAD"), get("/0"), get("/a-5000?x=1"))
    whole, body = answers.next()
    assert (whole.status, len(body)) == (200, 100 << 10)
    document = find_document("100K")
    assert document is not None
    assert body == document.read(0, 100 << 10)
    head, nothing = answers.next("HEAD")
    assert (head.getheader("Content-Length"), nothing) == ("102400", b"")
    assert head.getheader("ETag") == whole.getheader("ETag") == document.etag
    assert answers.next()[0].getheader("Content-Length") == "0"
    assert len(answers.next()[1]) == 5000
    assert answers.rest == b""
    assert words(answers.journal, TalkWord.SENT, TalkWord.CLOSED, TalkWord.OPEN) == (4, 1, 0)


def test_the_digest_of_a_document_is_a_document() -> None:
    answers = Answers(get("/300K"), get("/300K.sha256"))
    _, body = answers.next()
    _, line = answers.next()
    assert line.decode() == f"{hashlib.sha256(body).hexdigest()}  300K\n"


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=65530-65545", 206, 65530, 65546),
        ("bytes=99000-", 206, 99000, 100_000),
        ("bytes=-10", 206, 99_990, 100_000),
        ("bytes=-200000", 206, 0, 100_000),
        ("bytes=99999-200000", 206, 99_999, 100_000),
        ("bytes=5-4", 200, 0, 100_000),
        ("bytes=0-1,5-6", 200, 0, 100_000),
        ("lines=1-2", 200, 0, 100_000),
        ("bytes=100000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
    ],
)
def test_a_part_is_what_was_asked_for(asked: str, status: int, start: int, end: int) -> None:
    response, body = Answers(get("/100000", f"Range: {asked}")).next()
    document = find_document("100000")
    assert document is not None
    assert response.status == status
    if status == 416:
        assert response.getheader("Content-Range") == "bytes */100000"
        return
    assert body == document.read(start, end - start)
    if status == 206:
        assert response.getheader("Content-Range") == f"bytes {start}-{end - 1}/100000"


def test_conditions_are_held_to_the_etag() -> None:
    document = find_document("5000")
    assert document is not None
    answers = Answers(
        get("/5000", f"If-None-Match: {document.etag}"),
        get("/5000", "Range: bytes=0-1", f"If-Range: {document.etag}"),
        get("/5000", "Range: bytes=0-1", 'If-Range: "old"'),
    )
    assert answers.next()[0].status == 304
    assert answers.next()[0].status == 206
    assert answers.next()[0].status == 200


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (get("/"), 404),
        (get("/x"), 404),
        (get("/../etc/passwd"), 404),
        (get("/9999999999999G"), 404),
        (get("/" + "9" * 200), 404),
        (get("/5", method="DELETE"), 405),
        (get("/5", version="2.0"), 505),
        ("GET /5 HTTP/1.1\r\n\r\n", 400),
        ("rubbish\r\n\r\n", 400),
        (get("/5", "Content-Length: 3"), 400),
        (get("/5", "Transfer-Encoding: chunked"), 400),
        (get("/5", "Host: twice"), 400),
        (get("/5", "no colon"), 400),
        (get("/5", "X: " + "y" * 20_000), 431),
        ("\0" * 20_000, 431),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_status(request_text: str, status: int) -> None:
    answers = Answers(request_text)
    response, body = answers.next()
    assert response.status == status
    assert body.startswith(str(status).encode())
    assert response.getheader("Connection") == ("keep-alive" if status in {404, 405} else "close")


def test_connections_are_closed_when_they_are_to_be() -> None:
    answers = Answers(get("/5", "Connection: close"), get("/6"), closes=False)
    assert answers.next()[0].status == 200
    assert answers.rest == b""
    answers = Answers(get("/5", version="1.0"), closes=False)
    assert answers.next()[0].getheader("Connection") == "close"
    assert answers.journal.word(TalkWord.OPEN) == 0


def fetching(parlour: Parlour, **more) -> HttpClient:
    HttpServer(parlour.seat(1, spec(TalkKind.http, TalkRole.server))).start()
    client = HttpClient(parlour.seat(0, spec(TalkKind.http, TalkRole.client, **more)))
    client.start()
    return client


def fetches(journal) -> list:
    return [each for each in journal.things() if each.kind is RowKind.FETCH]


def test_a_client_fetches_in_turn_and_notes_what_came() -> None:
    parlour = Parlour(2, bad_wire(2, 0.01, 0.01, 2))
    client = fetching(parlour, documents=("64K", "a-100000", "0"), requests=6, connections=2)
    parlour.run(60 * SECOND)
    journal = parlour.journals[1]
    assert client._seat.finished.done
    assert words(journal, TalkWord.SENT, TalkWord.ANSWERED, TalkWord.CORRUPT, TalkWord.FAILED) == (6, 6, 0, 0)
    names = []
    for each in fetches(journal):
        name = each.content[len(FetchField) * 8 :].rstrip(b"\0").decode()
        document = find_document(name)
        assert document is not None
        assert (each.words[FetchField.STATUS], each.words[FetchField.RECEIVED]) == (200, document.size)
        assert each.crc == document_checksum(name)
        names.append(name)
    assert sorted(names) == sorted(["64K", "a-100000", "0"] * 2)


def test_a_client_keeps_its_rate() -> None:
    parlour = Parlour()
    fetching(parlour, documents=("1K",), rate=20.0)
    parlour.run(5 * SECOND)
    assert 99 <= parlour.journals[1].word(TalkWord.ANSWERED) <= 101
    assert parlour.journals[1].word(TalkWord.LONGEST_GAP_NS) < 5 * MILLISECOND


def test_a_fetch_that_is_cut_off_failed_and_another_connection_goes_on() -> None:
    parlour = Parlour()
    fetching(parlour, documents=("4M",), rate=1.0)
    parlour.run(SECOND + MILLISECOND // 2)
    for connection in list(parlour.stack(1).tcp.connections.values()):
        connection.abort(parlour.wire.now_ns)
    parlour.run(3 * SECOND // 2)
    journal = parlour.journals[1]
    assert words(journal, TalkWord.RESET, TalkWord.OPENED, TalkWord.FAILED) == (1, 2, 1)
    assert journal.word(TalkWord.ANSWERED) > 1
    cut = fetches(journal)[1]
    assert cut.words[FetchField.RECEIVED] < 4 << 20
    assert cut.words[FetchField.ENDED_NS] == 0


def test_what_is_not_there_has_failed() -> None:
    parlour = Parlour()
    fetching(parlour, documents=("nothing",), requests=2)
    parlour.run(SECOND)
    assert words(parlour.journals[1], TalkWord.ANSWERED, TalkWord.FAILED) == (2, 2)


def test_an_answer_that_is_none_is_a_stray() -> None:
    parlour = Parlour()
    parlour.stack(1).tcp.listen(5001, Peer(b"SSH-2.0-x\r\n\r\n").accept)
    client = HttpClient(
        parlour.seat(0, spec(TalkKind.http, TalkRole.client, documents=("1K",), retry_ns=None))
    )
    client.start()
    parlour.run(SECOND)
    assert words(parlour.journals[0], TalkWord.STRAYS, TalkWord.ABORTED, TalkWord.FAILED) == (1, 1, 1)
    assert client._seat.finished.done
