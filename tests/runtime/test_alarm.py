"""The alarm clock of a live actor, on a clock that jumps."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from actors.runtime.alarm import Alarm

S = 10**9


def now_ns() -> int:
    return round(trio.current_time() * S)


class Owner:
    """Whose alarm it is, and when it is wanted."""

    def __init__(self, wanted_ns: int | None) -> None:
        self.wanted_ns = wanted_ns
        self.alarm = Alarm(lambda: self.wanted_ns, now_ns)

    async def rings_at(self, meanwhile: Callable[[], object] = lambda: None, after_s: float = 0) -> float:
        """When it rings if something happens meanwhile."""

        async def happen() -> None:
            await trio.sleep(after_s)
            meanwhile()
            self.alarm.set(now_ns())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(happen)
            await self.alarm.ring()
        return trio.current_time()

    def want(self, wanted_ns: int | None) -> Callable[[], None]:
        def want() -> None:
            self.wanted_ns = wanted_ns

        return want


async def test_it_rings_when_that_is_wanted(autojump_clock: trio.testing.MockClock) -> None:
    owner = Owner(now_ns() + 5 * S)
    assert await owner.rings_at() == pytest.approx(5)
    assert owner.alarm.due


async def test_it_rings_earlier_if_that_is_wanted_meanwhile(autojump_clock: trio.testing.MockClock) -> None:
    owner = Owner(now_ns() + 50 * S)
    assert await owner.rings_at(owner.want(now_ns() + 3 * S), after_s=1) == pytest.approx(3)


async def test_it_is_set_by_who_wants_it_after_it_has_begun_to_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    owner = Owner(None)
    assert await owner.rings_at(owner.want(now_ns() + 3 * S), after_s=1) == pytest.approx(3)


async def test_a_time_that_has_moved_back_is_not_due_when_it_rings(
    autojump_clock: trio.testing.MockClock,
) -> None:
    owner = Owner(now_ns() + 5 * S)
    assert await owner.rings_at(owner.want(now_ns() + 9 * S), after_s=1) == pytest.approx(5)
    assert not owner.alarm.due
    assert await owner.rings_at() == pytest.approx(9)
    assert owner.alarm.due


async def test_a_time_that_is_past_is_now(autojump_clock: trio.testing.MockClock) -> None:
    owner = Owner(now_ns() - S)
    assert await owner.rings_at() == pytest.approx(0)
    assert owner.alarm.due
