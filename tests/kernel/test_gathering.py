"""Those that are taken over begin together: when all are connected, or when the first has waited enough."""

from actors.kernel.gathering import LIMIT_NS, Gathering
from actors.kernel.threads import Threads

ONE, TWO, THREE = (("vbd", domid, 51712) for domid in (1, 2, 3))


class Began:
    """A gathering, and who has begun."""

    def __init__(self, *expected: tuple[str, int, int]) -> None:
        self.threads = Threads()
        self.gathering = Gathering(self.threads)
        self.devices: list[tuple[str, int, int]] = []
        for each in expected:
            self.gathering.expect(each)

    def arrive(self, device: tuple[str, int, int]) -> None:
        self.gathering.arrive(device, lambda: self.devices.append(device))

    def later(self, now_ns: int) -> None:
        self.threads.run(now_ns)


def test_all_begin_when_the_last_has_come() -> None:
    began = Began(ONE, TWO, THREE)
    began.arrive(TWO)
    began.arrive(ONE)
    assert began.devices == []
    began.arrive(THREE)
    assert began.devices == [TWO, ONE, THREE]
    assert began.threads.next_deadline_ns() is None


def test_who_is_alone_does_not_wait() -> None:
    began = Began(ONE)
    began.arrive(ONE)
    assert began.devices == [ONE]


def test_where_nobody_is_expected_nobody_waits() -> None:
    began = Began()
    began.arrive(ONE)
    began.arrive(TWO)
    assert began.devices == [ONE, TWO]


def test_nobody_waits_longer_than_the_limit_after_the_first() -> None:
    began = Began(ONE, TWO, THREE)
    began.later(7)
    began.arrive(ONE)
    began.later(LIMIT_NS)
    began.arrive(TWO)
    began.later(LIMIT_NS + 6)
    assert began.devices == []
    began.later(LIMIT_NS + 7)
    assert began.devices == [ONE, TWO]
    began.arrive(THREE)
    assert began.devices == [ONE, TWO, THREE]


def test_who_will_not_come_is_not_waited_for() -> None:
    began = Began(ONE, TWO)
    began.arrive(ONE)
    began.gathering.give_up(TWO)
    assert began.devices == [ONE]


def test_what_is_over_does_not_begin_again() -> None:
    began = Began(ONE)
    began.arrive(ONE)
    began.gathering.expect(TWO)
    began.arrive(ONE)
    assert began.devices == [ONE, ONE]
