"""What waits for an actor is taken in its order, and waited for without missing any."""

import trio
import trio.testing

from actors.runtime.mailbox import Mailbox


async def test_what_was_put_is_taken_once_and_in_order() -> None:
    mailbox = Mailbox[int]()
    mailbox.put(1)
    mailbox.put(2)
    await mailbox.wait()
    assert mailbox.waiting == [1, 2]
    assert mailbox.take() == [1, 2]
    assert mailbox.take() == []


async def test_whoever_waits_is_woken_by_what_comes_and_by_what_comes_while_it_works() -> None:
    mailbox, taken = Mailbox[int](), list[int]()

    async def work() -> None:
        while len(taken) < 3:
            await mailbox.wait()
            for each in mailbox.take():
                taken.append(each)
                if each == 1:
                    mailbox.put(2)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            await trio.testing.wait_all_tasks_blocked()
            mailbox.put(1)
            await trio.testing.wait_all_tasks_blocked()
            mailbox.put(3)
    assert taken == [1, 2, 3]
