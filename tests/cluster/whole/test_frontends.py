"""Guests with the frontends of the world, when dom0 dies and when a disk is detached: who is served again."""

import pytest

from actors.policies import Frontend

WORK = {"rate": "400/s", "read_share": 0.3}
LATENCY = {"read": "500us", "write": "500us"}
DETACHED = {"kind": "block-detach", "target": "host0/web-0/xvda", "at": "60ms", "duration": "30ms"}
STORE = {"domain": "stubdom", "restart": "lose"}

SERVED_BY_NEW_RINGS = {Frontend.reconnect}
"""Who is served again by a backend that renegotiates; one that resumes serves everybody."""

DETACHED_IN_VAIN = dict.fromkeys([Frontend.freebsd, Frontend.mirage], (True, False))
"""How a guest ends that does not let go of the disk that is detached while it works; others have it back."""


@pytest.fixture
def run(scenarios, variant, laboratory):
    """Two guests with these frontends work while this goes on."""

    def simulate(
        frontend: Frontend, reconnect: str, fault: dict[str, object] | None = None, **changes: object
    ):
        row = scenarios["renegotiate-dom0-crash"]
        changed = variant(
            row,
            host={"memory": "96MiB", "reconnect": reconnect, "xenstore": STORE},
            guest={"frontend": frontend.value},
            faults=row.faults if fault is None else (fault,),
            latency=LATENCY,
            settle="2s",
            survivors=None,
            **{"work": WORK, **changes},
        )
        return laboratory.simulate(changed)

    return simulate


def ends(run) -> list[tuple[bool, bool]]:
    """Of each guest: whether it was served again, and whether any request failed."""
    survived = [each["survived"] for each in run.report.to_dict()["guests"]]
    return list(zip(survived, [each.errors > 0 for each in run.report.guests], strict=True))


@pytest.mark.parametrize("frontend", Frontend)
def test_who_outlives_a_dom0_that_wants_new_rings(run, frontend) -> None:
    found = run(frontend, "renegotiate")

    served = frontend in SERVED_BY_NEW_RINGS
    assert ends(found) == [(served, False)] * 2, found.story()
    assert found.check("ledger") == "held"


@pytest.mark.parametrize("frontend", Frontend)
def test_everybody_outlives_a_dom0_that_takes_up_the_old_rings(run, frontend) -> None:
    found = run(frontend, "resume")

    assert ends(found) == [(True, False)] * 2, found.story()
    assert found.report.verdict.value == "held", found.story()


@pytest.mark.parametrize("frontend", Frontend)
def test_who_lets_go_of_a_disk_and_uses_it_again(run, frontend) -> None:
    found = run(frontend, "renegotiate", DETACHED)

    guest, other = ends(found)
    assert guest == DETACHED_IN_VAIN.get(frontend, (True, True)), found.story()
    assert frontend.lets_go == (frontend not in DETACHED_IN_VAIN)
    assert other == (True, False)


@pytest.mark.parametrize("frontend", DETACHED_IN_VAIN)
def test_who_works_on_after_a_disk_was_taken_away_by_force(run, frontend) -> None:
    found = run(frontend, "renegotiate", DETACHED, duration="11s", work={"rate": "20/s"})

    assert [survived for survived, _ in ends(found)] == [frontend is not Frontend.mirage, True], found.story()
    assert "does not close within 10 s" in (found.directory / "logs/host0-dom0.log").read_text()
