import os

from cluster.running.control.process_times import ProcessTimes, usage


def test_a_process_that_runs_uses_something() -> None:
    used = usage(os.getpid())

    assert used.resident_bytes > 1 << 20
    assert used.cpu_s > 0


def test_who_does_not_run_uses_nothing() -> None:
    assert usage(None) == usage(1 << 30)
    assert usage(None).resident_bytes == 0


def test_the_time_of_the_dead_stays_and_goes_on_with_the_next_process() -> None:
    found = {"dom0": os.getpid()}
    times = ProcessTimes(lambda: found)
    first = times.look()["dom0"]

    found.clear()
    dead = times.look()["dom0"]
    found["dom0"] = os.getppid()
    again = times.look()["dom0"]

    assert (dead.cpu_s, dead.resident_bytes) == (first.cpu_s, 0)
    assert first.cpu_s <= again.cpu_s <= first.cpu_s + usage(os.getppid()).cpu_s
    assert again.resident_bytes > 0
