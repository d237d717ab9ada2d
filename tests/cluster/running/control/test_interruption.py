"""Ctrl-C, SIGTERM and a closed terminal: they ask, they raise where they may, and then are others' again."""

import signal
import threading
from collections.abc import Iterator

import pytest

from cluster.running.control.interruption import SIGNALS, Interruption


@pytest.fixture
def others() -> Iterator[list[int]]:
    """The signals that come to who has had them before."""
    came: list[int] = []
    before = [signal.signal(each, lambda number, _: came.append(number)) for each in SIGNALS]
    yield came
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_asks_each_time_that_it_comes(number: signal.Signals, others: list[int]) -> None:
    interruption, asked = Interruption(), []
    interruption.ask = lambda: asked.append(interruption.wanted)

    with interruption:
        signal.raise_signal(number)
        interruption.wanted = False
        signal.raise_signal(number)

    assert asked == [True, True]
    assert others == []


@pytest.mark.parametrize("number", SIGNALS)
def test_where_it_may_raise_nobody_is_asked(number: signal.Signals, others: list[int]) -> None:
    interruption, asked = Interruption(), []
    interruption.ask = lambda: asked.append(1)
    interruption.may_raise = True

    with pytest.raises(KeyboardInterrupt, match=number.name), interruption:
        signal.raise_signal(number)

    assert (interruption.wanted, asked, others) == (True, [], [])


def test_afterwards_signals_are_for_who_had_them_before(others: list[int]) -> None:
    interruption = Interruption()
    with interruption:
        pass
    for number in SIGNALS:
        signal.raise_signal(number)

    assert others == list(SIGNALS)
    assert not interruption.wanted


def test_a_thread_that_gets_no_signals_takes_none(others: list[int]) -> None:
    interruption, done = Interruption(), []

    def enter() -> None:
        with interruption:
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    signal.raise_signal(signal.SIGINT)

    assert len(done) == 1
    assert (interruption.wanted, others) == (False, [signal.SIGINT])
