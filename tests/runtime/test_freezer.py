import trio
import trio.testing

from actors.runtime.freezer import Freezer


async def test_who_waits_goes_on_when_it_thaws() -> None:
    freezer, done = Freezer(), []

    async def wait() -> None:
        await freezer.until_thawed()
        done.append(True)

    freezer.freeze()
    freezer.freeze()  # what is frozen already is frozen once
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert freezer.frozen
        assert not done
        freezer.thaw()
    assert done
    assert not freezer.frozen


async def test_what_is_not_frozen_is_not_waited_for() -> None:
    freezer = Freezer()
    freezer.thaw()
    await freezer.until_thawed()
    assert not freezer.frozen
