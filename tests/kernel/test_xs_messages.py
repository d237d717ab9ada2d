"""Messages out of portions of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.abi.xs_wire import HEADER_BYTES, XENSTORE_PAYLOAD_MAX, pack_message
from actors.kernel.xs_messages import Message, MessageStream, ProtocolBroken

MESSAGES = st.lists(
    st.builds(Message, st.integers(0, 30), st.integers(0, 9), st.integers(0, 9), st.binary(max_size=50))
)


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_messages_come_out_whole_however_they_were_cut(messages, cuts):
    data = b"".join(pack_message(each.kind, each.req_id, each.tx_id, each.payload) for each in messages)
    stream, seen, index = MessageStream(), [], 0
    while data:
        length = cuts[index % len(cuts)]
        seen += stream.feed(data[:length])
        data, index = data[length:], index + 1
    assert seen == messages


def test_a_payload_of_the_largest_size_is_taken_and_one_byte_more_is_not():
    payload = bytes(XENSTORE_PAYLOAD_MAX)
    (message,) = MessageStream().feed(pack_message(1, 2, 3, payload))
    assert message.payload == payload
    for length in (XENSTORE_PAYLOAD_MAX + 1, 0xFFFFFFFF):
        header = bytes(HEADER_BYTES - 4) + length.to_bytes(4, "little")
        with pytest.raises(ProtocolBroken):
            list(MessageStream().feed(header))


def test_what_is_complete_before_nonsense_is_taken():
    header = bytes(HEADER_BYTES - 4) + b"\xff" * 4
    messages = MessageStream().feed(pack_message(1, 2, 3, b"whole") + header)
    assert next(messages) == Message(1, 2, 3, b"whole")
    with pytest.raises(ProtocolBroken):
        next(messages)
