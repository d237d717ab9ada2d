from random import Random

import pytest

from actors.domu.block_choice import ATTEMPTS_MAX, BlockChoice


def test_in_order_it_goes_round_the_disk() -> None:
    choice = BlockChoice(3, Random("1"), sequential=True)
    taken = []
    for _ in range(7):
        taken.append(choice.take())
        choice.give_back(taken[-1])

    assert taken == [0, 1, 2, 0, 1, 2, 0]


def test_in_order_it_passes_over_a_block_that_is_taken() -> None:
    choice = BlockChoice(3, Random("1"), sequential=True)
    assert [choice.take() for _ in range(3)] == [0, 1, 2]
    choice.give_back(1)

    assert choice.take() == 1


def test_at_random_every_block_comes_and_each_choice_is_one_draw() -> None:
    random = Random("1")
    choice = BlockChoice(16, Random("1"), sequential=False)
    taken = []
    for _ in range(300):
        taken.append(choice.take())
        choice.give_back(taken[-1])

    assert set(taken) == set(range(16))
    assert taken == [int(random.random() * 16) for _ in taken]


@pytest.mark.parametrize("sequential", [False, True])
def test_no_block_is_taken_twice(sequential: bool) -> None:
    choice = BlockChoice(ATTEMPTS_MAX, Random("1"), sequential=sequential)
    taken = [block for _ in range(200) if (block := choice.take()) is not None]

    assert sorted(taken) == list(range(ATTEMPTS_MAX))
    assert choice.take() is None


def test_it_gives_up_after_a_few_attempts() -> None:
    choice = BlockChoice(ATTEMPTS_MAX + 1, Random("1"), sequential=True)
    for _ in range(ATTEMPTS_MAX + 1):
        choice.take()
    choice.give_back(ATTEMPTS_MAX)

    assert choice.take() is None
    assert choice.take() == ATTEMPTS_MAX
