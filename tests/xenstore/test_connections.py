"""Messages that wait for room on their way to a client."""

from actors.abi.xs_wire import XsType, pack_message
from actors.xenstore.connections import OutputQueue, event_message


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
