"""Requests out of portions of bytes, and messages that wait for room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.abi.xs_wire import HEADER_BYTES, XENSTORE_PAYLOAD_MAX, XsType, pack_message
from actors.xenstore.connections import OutputQueue, ProtocolBroken, Request, RequestStream, event_message

REQUESTS = st.lists(
    st.builds(Request, st.integers(0, 30), st.integers(0, 9), st.integers(0, 9), st.binary(max_size=50))
)


@given(REQUESTS, st.lists(st.integers(1, 40), min_size=1))
def test_requests_come_out_whole_however_they_were_cut(requests, cuts):
    data = b"".join(pack_message(each.kind, each.req_id, each.tx_id, each.payload) for each in requests)
    stream, seen, index = RequestStream(), [], 0
    while data:
        length = cuts[index % len(cuts)]
        seen += stream.feed(data[:length])
        data, index = data[length:], index + 1
    assert seen == requests


def test_a_payload_of_the_largest_size_is_taken_and_one_byte_more_is_not():
    payload = bytes(XENSTORE_PAYLOAD_MAX)
    (request,) = RequestStream().feed(pack_message(1, 2, 3, payload))
    assert request.payload == payload
    for length in (XENSTORE_PAYLOAD_MAX + 1, 0xFFFFFFFF):
        header = bytes(HEADER_BYTES - 4) + length.to_bytes(4, "little")
        with pytest.raises(ProtocolBroken):
            RequestStream().feed(header)


def test_a_queue_gives_its_messages_in_order_and_in_parts():
    queue = OutputQueue()
    first, second = (pack_message(XsType.READ, 1, 0, each) for each in (b"first", b"second"))
    assert queue.head == b""
    queue.add(first, 0)
    queue.add(second, 0)
    queue.took(2)
    assert queue.head == first[2:]
    queue.took(len(first) - 2)
    assert queue.head == second
    queue.took(len(second))
    assert len(queue) == 0


def test_an_event_that_waits_already_is_not_queued_again_unless_it_is_of_a_special_node():
    queue = OutputQueue()
    event, other = event_message("/a", b"t"), event_message("/a", b"u")
    special, answer = event_message("@releaseDomain", b"t"), pack_message(XsType.READ, 1, 0, b"x")
    for message in (event, answer, answer, special, event, other, special, event):
        queue.add(message, 0)
    assert queue.content == event + answer + answer + special + other + special
    queue.took(len(event))
    queue.add(event, 1)
    assert queue.content.endswith(special + event), "the first one has left"


def test_old_events_are_lost_but_not_answers_nor_what_is_half_sent():
    queue = OutputQueue()
    event, answer = event_message("/a", b"t"), pack_message(XsType.READ, 1, 0, b"x")
    old, new = event_message("/b", b"t"), event_message("/c", b"t")
    for now, message in ((0, event), (1, answer), (2, old), (50, new)):
        queue.add(message, now)
    queue.took(3)
    queue.discard_events(10)
    left = []
    while queue.head:
        left.append(queue.head)
        queue.took(len(queue.head))
    assert left == [event[3:], answer, new]
