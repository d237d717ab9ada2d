"""Guests that are told to shut down or to reboot, and what their toolstack makes of it."""

from pathlib import Path

import pytest

MARK = {"kind": "link-heal", "target": "host0/hypervisor:web-0", "at": "100ms"}
"""Harmless: when it is done, something is typed."""
CRASH = {"kind": "crash", "target": "host0/dom0"}
KILL = {"kind": "toolstack-kill", "target": "host0/dom0", "duration": "1ms"}


@pytest.fixture
def case(scenarios, variant):
    def make(*faults: dict[str, object], **guest: object):
        return variant(
            scenarios["renegotiate-dom0-crash"],
            guest=guest,
            work={"rate": "200/s"},
            faults=(MARK, *faults),
            survivors=None,
        )

    return make


def guests(run) -> list[tuple[object, ...]]:
    return [(each["survived"], each["boots"]) for each in run.report.to_dict()["guests"]]


def log(run, name: str = "dom0") -> str:
    return (run.directory / "logs" / f"host0-{name}.log").read_text()


@pytest.mark.parametrize(
    ("typed", "actions", "boots", "said"),
    [
        ("xl reboot web-0", {}, 2, "ended: reboot; action restart"),
        ("xl reboot web-0", {"on_reboot": "destroy"}, 1, "ended: reboot; action destroy"),
        ("xl reboot web-0", {"on_reboot": "preserve"}, 1, "ended: reboot; action preserve"),
        ("xl shutdown web-0", {}, 1, "ended: poweroff; action destroy"),
        ("xl shutdown web-0", {"on_poweroff": "restart"}, 2, "ended: poweroff; action restart"),
        ("xl shutdown web-0", {"on_poweroff": "preserve"}, 1, "ended: poweroff; action preserve"),
    ],
)
def test_who_is_told_to_leave_has_not_died_and_comes_back_as_its_action_says(
    typed: str, actions: dict[str, str], boots: int, said: str, case, laboratory
) -> None:
    run = laboratory.simulate(case(**actions), typed=typed)

    assert run.report.verdict.value == "held", run.story()
    assert guests(run) == [(True, boots), (True, 1)]
    assert f"web-0 (domain 1) {said}" in log(run)


def test_a_reboot_is_an_outage_of_what_the_guest_had_still_to_do(case, laboratory) -> None:
    calm, reboot = (
        laboratory.simulate(case(), out="calm"),
        laboratory.simulate(case(), typed="xl reboot web-0"),
    )

    longest = [run.report.guests[0].outage_max_ns for run in (calm, reboot)]
    assert longest[1] > longest[0]
    assert reboot.report.guests[0].completed > 0.5 * calm.report.guests[0].completed


@pytest.mark.parametrize("typed", ["xl reboot web-0", "xl shutdown web-0"])
@pytest.mark.parametrize("fault", [CRASH, KILL], ids=["dom0", "toolstack"])
def test_a_dom0_or_toolstack_that_dies_meanwhile_is_followed_by_one_that_goes_on(
    typed: str, fault: dict[str, object], case, laboratory
) -> None:
    for after_us in (200, 500, 1000, 2000, 4000, 8000, 9000, 10_000, 12_000, 16_000):
        due = {**fault, "at": f"{100_000 + after_us}us"}
        run = laboratory.simulate(case(due), typed=typed, out=f"after-{after_us}", invariants=False)

        assert run.report.verdict.value == "held", f"{after_us}: {run.story()}"
        assert [survived for survived, _ in guests(run)] == [True, True]


def test_a_store_keeps_its_promises_to_a_guest_that_reboots(case, laboratory) -> None:
    run = laboratory.simulate(case(store={"nodes": 4, "rate": "400/s"}), typed="xl reboot web-0")

    assert run.report.verdict.value == "held", run.story()
    assert run.check("store writes") == "held"


def test_all_guests_that_reboot_at_once_do_not_end_the_run(case, laboratory) -> None:
    run = laboratory.simulate(case(count=1), typed="xl reboot web-0")

    assert guests(run) == [(True, 2)]
    assert run.report.guests[0].completed > 20


def test_a_checksum_is_begun_again_after_a_reboot(checksum_scenario, variant, laboratory) -> None:
    scenario = variant(checksum_scenario, faults=(MARK,))
    run = laboratory.simulate(scenario, typed="xl reboot web-0")

    assert run.report.verdict.value == "held", run.story()
    assert guests(run) == [(True, 2)]
    assert run.check("sha256") == "held"


def test_a_driver_domain_reboots_and_its_guests_go_on(scenarios, variant, laboratory) -> None:
    scenario = variant(scenarios["driver-domain-crash"], faults=(MARK,))
    run = laboratory.simulate(scenario, typed="xl reboot storage")

    assert run.report.verdict.value == "held", run.story()
    assert guests(run) == [(True, 1), (True, 1)]
    assert "storage (domain 1) ended: reboot; action restart" in log(run)


def test_what_a_guest_does_not_understand_is_left_there(case, laboratory) -> None:
    run = laboratory.simulate(case(), typed="xl sleep web-0")

    assert run.report.verdict.value == "held", run.story()
    assert "xl sleep web-0: not possible" in log(run)


@pytest.mark.processes
def test_a_live_guest_reboots(case, laboratory, control_sockets: Path) -> None:
    session = laboratory.session(case())

    def reboot() -> None:
        session.supervisor.boards["host0"].domains.type_on_console("dom0", "xl reboot web-0")

    session.when_up = reboot
    run = laboratory.run(session)

    assert run.report.verdict.value == "held", run.story()
    assert guests(run) == [(True, 2), (True, 1)]
