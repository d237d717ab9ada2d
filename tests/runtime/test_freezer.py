from actors.runtime.freezer import Freezer


def test_a_thaw_is_told_once_for_what_was_frozen() -> None:
    told: list[bool] = []
    freezer = Freezer(lambda: told.append(freezer.frozen))
    freezer.freeze()
    freezer.freeze()  # what is frozen already is frozen once
    assert freezer.frozen
    freezer.thaw()
    freezer.thaw()
    assert told == [False]


def test_what_is_not_frozen_does_not_thaw() -> None:
    told: list[bool] = []
    freezer = Freezer(lambda: told.append(True))
    freezer.thaw()
    assert not freezer.frozen
    assert told == []
