"""Whether a link is served: when something has arrived, not while it rests, and late after a long turn."""

import pytest

from actors.runtime.attention import PASS_NS, PASSES_MAX, Attention
from actors.runtime.transport import memory_pair
from actors.runtime.waiting import Call, Waiting


class Asked(Waiting):
    """Notes after how many passes a call is to come."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[int] = []

    def soon(self, call: Call, passes: int = 0) -> None:
        self.passes.append(passes)


@pytest.mark.parametrize(
    ("turn_ns", "passes"),
    [(-PASS_NS, 0), (0, 1), (PASS_NS - 1, 1), (PASS_NS, 2), (10 * PASS_NS, 11), (3600 * 10**9, PASSES_MAX)],
)
def test_others_run_the_longer_the_longer_a_turn_was_up_to_a_limit(turn_ns: int, passes: int) -> None:
    waiting = Asked()
    attention = Attention(memory_pair()[0])
    attention.begin(waiting, list)
    attention.turn_ns = 1_000
    attention.stand_back(1_000 + turn_ns)
    assert attention.resting
    assert waiting.passes == [passes]


def test_what_arrives_is_served_unless_the_link_rests_and_then_when_that_is_over() -> None:
    waiting = Asked()
    near, far = memory_pair()
    attention = Attention(near)
    far.send(b"before")
    attention.soon()
    attention.resume()
    assert (attention.resting, waiting.passes) == (True, [])
    attention.begin(waiting, list)
    assert waiting.passes == [0]
    attention.rest()
    far.send(b"meanwhile")
    assert waiting.passes == [0]
    attention.soon(3)
    assert waiting.passes == [0, 3]
    attention.resume()
    assert waiting.passes == [0, 3, 0]
    attention.soon()
    assert waiting.passes == [0, 3, 0]
