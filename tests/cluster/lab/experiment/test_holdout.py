from types import SimpleNamespace

from cluster.lab.experiment.holdout import Holdout


def test_asks_each_guest_once_until_it_is_no_longer_so_of_it() -> None:
    guests = [SimpleNamespace(late=True, asked=0) for _ in range(100)]
    got_on: list[None] = []
    holdout = Holdout(guests, lambda: got_on.append(None))  # type: ignore[arg-type]

    def is_late(guest: SimpleNamespace) -> bool:
        guest.asked += 1
        return bool(guest.late)

    for each in guests:
        assert holdout.find(is_late) is each  # type: ignore[arg-type]
        each.late = False
    assert len(got_on) == 99
    assert holdout.find(is_late) is None  # type: ignore[arg-type]
    assert sum(each.asked for each in guests) == 3 * 100 - 1


def test_finds_one_before_the_last_and_has_got_no_further() -> None:
    guests = [SimpleNamespace(late=False), SimpleNamespace(late=True)]
    got_on: list[None] = []
    holdout = Holdout(guests, lambda: got_on.append(None))  # type: ignore[arg-type]
    assert holdout.find(lambda guest: guest.late) is guests[1]  # type: ignore[attr-defined]
    assert got_on == [None]
    guests[0].late, guests[1].late = True, False
    assert holdout.find(lambda guest: guest.late) is guests[0]  # type: ignore[attr-defined]
    guests[0].late, guests[1].late = False, True
    assert holdout.find(lambda guest: guest.late) is guests[1]  # type: ignore[attr-defined]
    assert got_on == [None]
