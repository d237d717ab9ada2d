import pytest

from actors.abi.interface import ShutdownReason
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.lives import Death, Lives, death_by, death_of

KILLED = 9


def domain(*, shutdown_reason: int | None = None, stop_wanted: bool = False) -> DomainProcess:
    found = DomainProcess(1, 1, "web-0", "host0/dom1", 0)
    found.shutdown_reason = shutdown_reason
    found.stop_wanted = stop_wanted
    return found


# what the hypervisor has said, whether it wanted the process to end, how that ended, whether the power is on
ENDINGS = [
    (ShutdownReason.poweroff, True, KILLED, True, None),
    (ShutdownReason.poweroff, False, KILLED, False, None),
    (ShutdownReason.reboot, True, KILLED, True, None),
    (ShutdownReason.crash, True, KILLED, True, Death.crash),
    (ShutdownReason.watchdog, True, KILLED, True, Death.watchdog),
    (255, True, KILLED, True, None),
    (None, False, KILLED, True, Death.crash),
    (None, False, 1 << 8, True, Death.crash),
    (None, False, 0, True, None),
    (None, True, KILLED, True, Death.destroyed),
    (None, False, KILLED, False, Death.host),
    (None, True, KILLED, False, Death.host),
]


@pytest.mark.parametrize(("reason", "wanted", "status", "powered", "death"), ENDINGS)
def test_what_a_guest_died_of(
    reason: int | None, wanted: bool, status: int, powered: bool, death: Death | None
) -> None:
    gone = domain(shutdown_reason=reason, stop_wanted=wanted)

    assert death_of(gone, status, powered=powered) is death


@pytest.mark.parametrize("reason", list(ShutdownReason))
def test_only_a_crash_and_a_watchdog_are_deaths_by_the_word_of_the_hypervisor(reason: ShutdownReason) -> None:
    assert (death_by(reason) is not None) == (reason.name in {"crash", "watchdog"})


def test_every_kind_of_death_is_counted_from_the_start() -> None:
    assert Lives().deaths == dict.fromkeys(Death, 0)


def test_a_life_ends_once_by_what_is_known_first() -> None:
    lives = Lives()
    for _ in range(2):
        lives.begin(7)
        lives.die(Death.watchdog)
        lives.die(Death.destroyed)
        lives.end()
        lives.check()
    lives.begin(7)
    lives.check()
    lives.end()
    lives.check()

    assert (lives.begun, lives.ended_in_order, lives.is_alive) == (3, 1, False)
    assert lives.deaths == {**dict.fromkeys(Death, 0), Death.watchdog: 2}


def test_a_life_that_nobody_saw_the_end_of_is_noticed() -> None:
    lives = Lives()
    lives.begin(7)
    lives.begin(7)

    with pytest.raises(AssertionError, match="2 lives"):
        lives.check()
