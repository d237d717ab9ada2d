"""The scheduler of kernel threads: order, deadlines, signals, cancellation."""

import pytest

from actors.kernel.threads import Answers, Future, Signal, Threads, Timeout


def test_threads_run_one_after_the_other_in_the_order_of_their_spawning():
    threads, seen = Threads(), []

    async def body(name):
        seen.append(name)

    for name in "abc":
        threads.spawn(name, body(name))
    assert seen == []
    threads.run(0)
    assert seen == ["a", "b", "c"]


def test_a_thread_that_waits_lets_the_others_run_and_goes_on_with_the_value():
    threads, seen = Threads(), []
    future: Future[int] = Future()

    async def waits():
        seen.append(await future)

    async def gives():
        seen.append("gives")
        future.set(7)

    threads.spawn("waits", waits())
    threads.spawn("gives", gives())
    threads.run(0)
    assert seen == ["gives", 7]


def test_any_number_of_threads_may_await_one_future():
    threads, seen = Threads(), []
    future: Future[str] = Future()

    async def body(number):
        seen.append((number, await future))

    for number in range(3):
        threads.spawn(str(number), body(number))
    threads.run(0)
    future.set("x")
    threads.run(0)
    assert seen == [(0, "x"), (1, "x"), (2, "x")]


def test_a_future_that_fails_raises_where_it_is_awaited():
    threads, seen = Threads(), []
    future: Future[int] = Future()
    future.fail(ValueError("no"))

    async def body():
        try:
            await future
        except ValueError as error:
            seen.append(str(error))

    threads.spawn("body", body())
    threads.run(0)
    assert seen == ["no"]


def test_a_second_value_of_a_future_is_ignored():
    future: Future[int] = Future()
    future.set(1)
    future.set(2)
    future.fail(ValueError())
    assert future.result() == 1


def test_awaiting_a_future_that_is_there_does_not_give_up_the_turn():
    threads, seen = Threads(), []
    future: Future[int] = Future()
    future.set(1)

    async def first():
        await future
        seen.append("first")

    async def second():
        seen.append("second")

    threads.spawn("first", first())
    threads.spawn("second", second())
    threads.run(0)
    assert seen == ["first", "second"]


def test_sleepers_wake_in_the_order_of_their_deadlines_and_equal_ones_in_order_of_asking():
    threads, seen = Threads(), []

    async def body(name, duration):
        await threads.sleep(duration)
        seen.append((name, threads.now_ns))

    for name, duration in (("late", 30), ("early", 10), ("same", 10)):
        threads.spawn(name, body(name, duration))
    threads.run(100)
    assert threads.next_deadline_ns() == 110
    threads.run(109)
    assert seen == []
    threads.run(110)
    assert seen == [("early", 110), ("same", 110)]
    assert threads.next_deadline_ns() == 130
    threads.run(200)
    assert seen[-1] == ("late", 200)
    assert threads.next_deadline_ns() is None


def test_a_wait_with_a_limit_gives_the_value_and_leaves_no_deadline():
    threads, seen = Threads(), []
    future: Future[int] = Future()

    async def body():
        seen.append(await threads.within(50, future))

    threads.spawn("body", body())
    threads.run(0)
    assert threads.next_deadline_ns() == 50
    future.set(3)
    threads.run(1)
    assert seen == [3]
    assert threads.next_deadline_ns() is None


def test_a_wait_with_a_limit_ends_in_a_timeout():
    threads, seen = Threads(), []

    async def body():
        try:
            await threads.within(50, Future())
        except Timeout:
            seen.append("timeout")

    threads.spawn("body", body())
    threads.run(0)
    threads.run(50)
    assert seen == ["timeout"]


def test_signals_set_before_a_wait_wake_it_once():
    threads, seen = Threads(), []
    signal = Signal()
    signal.set()
    signal.set()

    async def body():
        while True:
            await signal.wait()
            seen.append("woken")

    threads.spawn("body", body())
    threads.run(0)
    assert seen == ["woken"]
    signal.set()
    threads.run(0)
    assert seen == ["woken", "woken"]


def test_two_threads_may_not_wait_for_one_signal():
    threads, signal = Threads(), Signal()

    async def body():
        await signal.wait()

    threads.spawn("one", body())
    threads.spawn("two", body())
    with pytest.raises(AssertionError, match="two threads"):
        threads.run(0)


def test_a_cancelled_thread_runs_its_finally_and_nothing_else():
    threads, seen = Threads(), []
    future: Future[int] = Future()

    async def body():
        try:
            await future
            seen.append("went on")
        finally:
            seen.append("finally")

    thread = threads.spawn("body", body())
    threads.run(0)
    thread.cancel()
    future.set(1)
    threads.run(0)
    assert seen == ["finally"]
    assert thread.finished.done


def test_the_end_of_a_thread_can_be_awaited():
    threads, seen = Threads(), []
    future: Future[int] = Future()

    async def worker():
        await future

    async def waits(thread):
        await thread.finished
        seen.append("ended")

    thread = threads.spawn("worker", worker())
    threads.spawn("waits", waits(thread))
    threads.run(0)
    assert seen == []
    future.set(1)
    threads.run(0)
    assert seen == ["ended"]


def test_an_exception_that_leaves_a_thread_leaves_run():
    threads = Threads()

    async def body():
        raise RuntimeError("panic")

    threads.spawn("body", body())
    with pytest.raises(RuntimeError, match="panic"):
        threads.run(0)


def test_a_deadline_that_is_given_up_does_not_wake_the_kernel():
    threads = Threads()
    deadline = threads.at(10)
    threads.at(20)
    deadline.set(None)
    assert threads.next_deadline_ns() == 20


def test_several_answers_are_awaited_together_whatever_they_are():
    threads, seen = Threads(), []
    answers: list[Future[int]] = [Future(), Future(), Future()]

    async def waits():
        await Answers(answers)
        seen.append([each.done for each in answers])

    threads.spawn("waits", waits())
    for each in (2, 0, 1):
        threads.run(0)
        assert seen == []
        answers[each].fail(ValueError("refused")) if each else answers[each].set(0)
    threads.run(0)
    assert seen == [[True, True, True]]


def test_a_thread_that_is_cancelled_forsakes_every_answer_that_it_waits_for():
    threads = Threads()
    answers: list[Future[int]] = [Future(), Future()]

    async def waits():
        await Answers(answers)

    thread = threads.spawn("waits", waits())
    threads.run(0)
    thread.cancel()
    assert [each.forsaken for each in answers] == [True, True]


class Alarm:
    """Due at one time, and again a second later."""

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.rang: list[int] = []

    def next_deadline_ns(self) -> int | None:
        return self.due_ns

    def deadline(self, now_ns: int) -> None:
        self.rang.append(now_ns)
        self.due_ns += 1_000


def test_what_is_kept_is_called_when_it_is_due_and_its_deadline_counts_among_others():
    threads = Threads()
    early, late = Alarm(100), Alarm(900)
    threads.keep(early)
    threads.keep(late)
    assert threads.next_deadline_ns() == 100
    threads.spawn("sleeper", threads.sleep(500))
    threads.run(0)
    assert threads.next_deadline_ns() == 100
    threads.run(99)
    assert early.rang == []
    threads.run(100)
    assert (early.rang, late.rang) == ([100], [])
    assert threads.next_deadline_ns() == 500
    threads.run(500)
    assert threads.next_deadline_ns() == 900
    late.due_ns = 700
    assert threads.next_deadline_ns() == 700, "whoever changes it need tell nobody"
