"""The ring page: byte streams in both directions, and indices that a hostile peer may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.abi.xs_wire import (
    XENSTORE_RING_SIZE,
    XS_RING_CONNECTION,
    XS_RING_ERROR,
    XS_RING_EVTCHN_PORT,
    XS_RING_REQ_CONS,
    XS_RING_REQ_PROD,
    XS_RING_RSP_CONS,
    XS_RING_RSP_PROD,
    XS_RING_SERVER_FEATURES,
    XS_RING_SERVER_INCARNATION,
)
from actors.kernel.xs_ring import XsRing, XsRingBroken


@pytest.fixture
def page():
    return bytearray(4096)


def ends(page):
    view = memoryview(page)
    return XsRing(view, view.cast("I")), XsRing(view, view.cast("I"))


def word(page, offset):
    return int.from_bytes(page[offset : offset + 4], "little")


def test_what_one_end_writes_the_other_reads(page):
    client, server = ends(page)
    assert client.requests.write(b"request") == 7
    assert server.requests.read() == b"request"
    assert server.responses.write(b"response") == 8
    assert client.responses.read() == b"response"
    assert bytes(page[:7]) == b"request"
    assert bytes(page[1024:1032]) == b"response"
    offsets = (XS_RING_REQ_CONS, XS_RING_REQ_PROD, XS_RING_RSP_CONS, XS_RING_RSP_PROD)
    assert [word(page, each) for each in offsets] == [7, 7, 8, 8]


def test_an_empty_stream_gives_nothing(page):
    client, server = ends(page)
    assert server.requests.read() == b""
    assert client.responses.read() == b""


def test_a_full_stream_takes_what_fits_and_reading_it_owes_an_event(page):
    client, server = ends(page)
    assert client.requests.write(bytes(1000)) == 1000
    assert client.requests.write(bytes(100)) == 24
    assert client.requests.peer_waits
    assert client.requests.write(b"more") == 0
    assert not client.requests.peer_waits
    assert len(server.requests.read()) == 1024
    assert server.requests.peer_waits
    assert client.requests.write(b"more") == 4
    assert server.requests.read() == b"more"
    assert not server.requests.peer_waits


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.binary(max_size=600), max_size=12))
def test_bytes_come_out_as_they_went_in_wherever_the_indices_start(start, chunks):
    page = bytearray(4096)
    client, server = ends(page)
    for offset in (XS_RING_REQ_CONS, XS_RING_REQ_PROD):
        page[offset : offset + 4] = start.to_bytes(4, "little")
    sent = received = b""
    for chunk in chunks:
        written = client.requests.write(chunk)
        sent += chunk[:written]
        if len(chunk) % 2:
            received += server.requests.read()
    received += server.requests.read()
    assert received == sent
    assert bytes(page[1024:2048]) == bytes(1024)


@pytest.mark.parametrize("distance", [1025, 2048, 0x80000000, 0xFFFFFFFF])
def test_indices_that_are_too_far_apart_break_the_ring_and_touch_nothing(page, distance):
    client, server = ends(page)
    page[XS_RING_REQ_PROD : XS_RING_REQ_PROD + 4] = distance.to_bytes(4, "little")
    page[XS_RING_RSP_PROD : XS_RING_RSP_PROD + 4] = distance.to_bytes(4, "little")
    before = bytes(page)
    for operation in (
        server.requests.read,
        lambda: server.responses.write(b"x"),
        client.responses.read,
        lambda: client.requests.write(b"x"),
    ):
        with pytest.raises(XsRingBroken):
            operation()
    assert bytes(page) == before


def test_a_reset_empties_both_streams(page):
    client, server = ends(page)
    client.requests.write(b"lost")
    server.responses.write(b"lost, too")
    server.reset()
    assert server.requests.read() == b""
    assert client.responses.read() == b""
    assert [word(page, each) for each in range(XS_RING_REQ_CONS, XS_RING_RSP_PROD + 4, 4)] == [0] * 4


def test_the_words_behind_the_streams_lie_where_the_protocol_has_them(page):
    client, server = ends(page)
    server.server_features, server.connection, server.error = 3, 1, 2
    server.evtchn_port, server.server_incarnation = 5, 6
    words = (
        XS_RING_SERVER_FEATURES,
        XS_RING_CONNECTION,
        XS_RING_ERROR,
        XS_RING_EVTCHN_PORT,
        XS_RING_SERVER_INCARNATION,
    )
    assert words == (2064, 2068, 2072, 2076, 2080)
    assert [word(page, each) for each in words] == [3, 1, 2, 5, 6]
    assert (client.server_features, client.connection, client.error) == (3, 1, 2)
    assert (client.evtchn_port, client.server_incarnation) == (5, 6)


def test_a_stream_holds_as_much_as_the_protocol_says(page):
    client, _ = ends(page)
    assert client.requests.write(bytes(5000)) == XENSTORE_RING_SIZE
