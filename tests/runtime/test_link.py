"""A live actor's end of a link: how long it lets others run after a turn of a flood."""

import pytest
import trio

from actors.runtime.link import PASS_NS, PASSES_MAX, RawLink
from actors.runtime.transport import memory_pair


@pytest.mark.parametrize(
    ("turn_ns", "passes"),
    [(-PASS_NS, 0), (0, 1), (PASS_NS - 1, 1), (PASS_NS, 2), (10 * PASS_NS, 11), (3600 * 10**9, PASSES_MAX)],
)
async def test_others_run_the_longer_the_longer_a_turn_was_up_to_a_limit(turn_ns: int, passes: int) -> None:
    link = RawLink("peer", memory_pair()[0])
    link.turn_ns = 1_000
    others = 0

    async def run() -> None:
        nonlocal others
        while True:
            others += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await trio.lowlevel.checkpoint()
        before = others
        await link.stand_back(1_000 + turn_ns)
        assert abs(others - before - passes) <= 1
        nursery.cancel_scope.cancel()
