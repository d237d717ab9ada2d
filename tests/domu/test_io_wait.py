from actors.domu.io_wait import IoWait
from actors.kernel.threads import Threads


def test_waiting_is_the_time_with_a_request_under_way_however_many() -> None:
    threads = Threads()
    wait = IoWait(threads)
    assert wait.waited_ns() == 0

    threads.now_ns = 100
    wait.begin()
    threads.now_ns = 130
    wait.begin()
    assert wait.waited_ns() == 30
    threads.now_ns = 150
    wait.end()
    threads.now_ns = 180
    wait.end()
    assert wait.waited_ns() == 80
    threads.now_ns = 1000
    assert wait.waited_ns() == 80


def test_an_answer_that_leads_to_the_next_request_leaves_no_gap() -> None:
    threads = Threads()
    wait = IoWait(threads)
    wait.begin()
    for now_ns in (10, 20, 30):
        threads.now_ns = now_ns
        wait.end()
        wait.begin()

    assert wait.waited_ns() == 30
