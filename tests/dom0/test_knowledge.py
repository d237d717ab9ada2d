"""What one toolstack leaves to the next."""

from dataclasses import replace

import pytest

from actors.dom0.knowledge import Knowledge, Running
from actors.dom0.plan import DomainPlan
from actors.dom0.shutdown_actions import ShutdownActions

WEB = DomainPlan("web", b"web".ljust(16, b"."), 16, 16, 1, ShutdownActions(), (), "{}")
DB = replace(WEB, name="db", handle=b"db".ljust(16, b"."))
MAIL = replace(WEB, name="mail", handle=b"mail".ljust(16, b"."))


def left(**known: object) -> Knowledge:
    """Of a toolstack that looked after web, had db to take over, and mail to create."""
    return Knowledge(
        complete=True,
        domains={1: Running(1, WEB)},
        to_take_over={2: DB},
        unfinished=[MAIL],
        **known,  # type: ignore[arg-type]
    )


def test_the_first_toolstack_takes_over_what_is_there_and_creates_the_rest() -> None:
    known = Knowledge()
    known.find((WEB, DB), {1: WEB})

    assert known.complete
    assert (known.to_take_over, known.unfinished, known.domains) == ({1: WEB}, [DB], {})


def test_the_next_one_goes_on_where_a_killed_one_stopped() -> None:
    known = left()
    known.find_again({1: WEB, 2: DB})

    assert (known.to_take_over, known.unfinished, known.to_forget) == ({2: DB}, [MAIL], {})
    assert known.domains == {1: Running(1, WEB)}


def test_with_an_empty_store_everybody_is_taken_over_again() -> None:
    known = left(rebuilding=True)
    known.find_again({1: WEB, 2: DB})

    assert (known.to_take_over, known.domains, known.store_lost) == ({1: WEB, 2: DB}, {}, True)


def test_what_died_meanwhile_is_forgotten_and_what_was_created_is_not_created_again() -> None:
    known = left(to_forget={7: WEB})
    known.find_again({1: WEB, 3: MAIL})

    assert (known.to_forget, known.unfinished) == ({2: DB, 7: WEB}, [])
    assert known.domains == {1: Running(1, WEB), 3: Running(3, MAIL)}


@pytest.mark.parametrize("domid", [1, 5])
def test_only_who_is_looked_after_is_to_be_forgotten(domid: int) -> None:
    known = left()

    assert known.gone(domid) == (domid == 1)
    assert known.to_forget == ({1: WEB} if domid == 1 else {})
