"""Both ends of a ring against a queue: nothing lost, nothing overrun, nobody left asleep."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.abi.blkif import BLKIF_SLOT_BYTES, HEAD, HEAD_AND_SEGMENT, RESPONSE, SEGMENT
from actors.abi.ring import REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, owes_event, ring_entries
from actors.kernel.ring import BackRing, FrontRing, RingBroken

MASK = 0xFFFFFFFF


def page():
    view = memoryview(bytearray(4096))
    return view, view.cast("I")


def rings_at(start):
    """Two ends of an idle ring whose indices all stand at `start`."""
    view, words = page()
    front = FrontRing(words, BLKIF_SLOT_BYTES)
    words[REQ_PROD] = words[RSP_PROD] = start
    words[REQ_EVENT] = words[RSP_EVENT] = (start + 1) & MASK
    front.req_prod = front.rsp_cons = front._pushed = start
    return view, words, front, BackRing(words, BLKIF_SLOT_BYTES)


def test_layouts_are_those_of_the_x86_64_abi():
    assert HEAD.size + 11 * SEGMENT.size == BLKIF_SLOT_BYTES == 112
    assert HEAD_AND_SEGMENT.size == HEAD.size + SEGMENT.size
    assert RESPONSE.size <= 16


@pytest.mark.parametrize(("slot", "entries"), [(112, 32), (12, 256), (8, 256), (16, 128)])
def test_a_ring_has_the_largest_power_of_two_of_slots(slot, entries):
    assert ring_entries(slot) == entries


@pytest.mark.parametrize(
    ("old", "new", "event", "owed"),
    [
        (0, 1, 1, True),
        (0, 3, 2, True),
        (1, 3, 1, False),
        (0, 0, 1, False),
        (5, 6, 7, False),
        (MASK, 1, 0, True),
        (MASK, 0, 0, True),
        (MASK - 1, MASK, 0, False),
    ],
)
def test_an_event_is_owed_when_the_threshold_is_passed(old, new, event, owed):
    assert owes_event(old, new, event) is owed


def test_a_new_ring_has_zero_producers_and_thresholds_of_one():
    view, words = page()
    view[:64] = b"\xff" * 64
    FrontRing(words, BLKIF_SLOT_BYTES)
    assert list(words[:4]) == [0, 1, 0, 1]


@pytest.mark.parametrize("ahead", [33, 1000, 1 << 31, MASK])
def test_more_requests_than_slots_break_the_ring(ahead):
    _, words, _, back = rings_at(MASK - 3)
    words[REQ_PROD] = (MASK - 3 + ahead) & MASK
    with pytest.raises(RingBroken):
        back.available()


def test_requests_that_go_back_behind_those_taken_break_the_ring():
    _, words, front, back = rings_at(0)
    front.put()
    front.put()
    front.push()
    back.available()
    back.take()
    back.take()
    words[REQ_PROD] = 1
    with pytest.raises(RingBroken):
        back.available()


@pytest.mark.parametrize("answered", [2, 33, 1 << 31, MASK])
def test_more_responses_than_requests_break_the_ring(answered):
    _, words, front, _ = rings_at(MASK)
    front.put()
    front.push()
    words[RSP_PROD] = (MASK + answered) & MASK
    with pytest.raises(RingBroken):
        front.available()


def test_a_backend_attaches_where_the_responses_end():
    _, words = page()
    words[RSP_PROD] = MASK
    words[REQ_PROD] = 4
    back = BackRing(words, BLKIF_SLOT_BYTES)
    assert back.available() == 5


def test_a_backend_refuses_to_attach_to_nonsense():
    _, words = page()
    words[REQ_PROD] = 33
    with pytest.raises(RingBroken):
        BackRing(words, BLKIF_SLOT_BYTES)


def test_thresholds_lie_one_behind_what_was_taken():
    _, words, front, back = rings_at(MASK)
    assert not back.rest()
    assert not front.rest()
    assert words[REQ_EVENT] == words[RSP_EVENT] == 0


class RingModel(RuleBasedStateMachine):
    """The ring beside two queues; an end that rests runs only after an event."""

    @initialize(start=st.sampled_from([0, MASK - 40, MASK - 1, MASK, 1 << 31]))
    def begin(self, start):
        self.view, _, self.front, self.back = rings_at(start)
        self.put, self.pushed, self.taken = [], [], []
        self.answered, self.published, self.got = [], [], []
        self.back_sleeps = self.front_sleeps = True
        self.back_event = self.front_event = False
        self.number = 0
        self.in_flight = 0

    @precondition(lambda self: self.in_flight < 32)
    @rule()
    def put_request(self):
        self.number += 1
        self.in_flight += 1
        HEAD.pack_into(self.view, self.front.put(), 0, 0, 0, 0, self.number, 0)
        self.put.append(self.number)

    @rule()
    def push_requests(self):
        self.back_event |= self.front.push()
        self.pushed += self.put
        self.put = []

    @rule(count=st.integers(1, 32))
    def take_requests(self, count):
        if self.back_sleeps and not self.back_event:
            return
        self.back_sleeps = self.back_event = False
        for _ in range(min(count, self.back.available())):
            ident = HEAD.unpack_from(self.view, self.back.take())[4]
            assert ident == self.pushed.pop(0)
            self.taken.append(ident)
        self.back_sleeps = not self.back.rest()

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), publish=st.booleans())
    def answer(self, data, publish):
        ident = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        RESPONSE.pack_into(self.view, self.back.put(), ident, 0, 0)
        self.answered.append(ident)
        if publish:
            self.back.publish()
            self.published += self.answered
            self.answered = []

    @rule()
    def push_responses(self):
        self.front_event |= self.back.push()
        self.published += self.answered
        self.answered = []

    @rule(count=st.integers(1, 32))
    def take_responses(self, count):
        if self.front_sleeps and not self.front_event:
            return
        self.front_sleeps = self.front_event = False
        for _ in range(min(count, self.front.available())):
            ident = RESPONSE.unpack_from(self.view, self.front.take())[0]
            assert ident == self.published.pop(0)
            self.in_flight -= 1
        self.front_sleeps = not self.front.rest()

    @rule()
    def everything_comes_to_rest(self):
        """With every end woken by its events alone, all that was asked is answered."""
        for _ in range(4):
            self.push_requests()
            self.take_requests(32)
            while self.taken:
                RESPONSE.pack_into(self.view, self.back.put(), self.taken[0], 0, 0)
                self.answered.append(self.taken.pop(0))
            self.push_responses()
            self.take_responses(32)
        assert self.in_flight == 0

    @invariant()
    def free_slots_are_counted(self):
        if hasattr(self, "front"):
            assert self.front.free == 32 - self.in_flight


RingModel.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestRing = RingModel.TestCase
