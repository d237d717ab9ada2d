"""A dom0 of one release on a hypervisor of another, in the simulated driver.

A kernel does without the calls that are not there; a toolstack of another interface version is refused.
"""

from dataclasses import replace

import pytest

from cluster.lab.config.loading import load_cluster
from cluster.running.drivers.simulated import run_simulated

DOM0 = {"memory": "16MiB"}
WATCHDOG = "watchdog: this Xen has none; a domain that hangs will not be noticed"
SETUP_GSI = "GSI 16: this Xen has no PHYSDEVOP_setup_gsi; the IO-APIC entry will do"

HALTED = "host0 halted before its guests were up: dom0 powered off; logs/host0-dom0.log says why"


def console(run) -> str:
    return (run.directory / "logs/host0-dom0.log").read_text()


@pytest.mark.parametrize("xen", ["3.4", "4.17"])
def test_a_dom0_that_speaks_both_runs_on_either(scenarios, laboratory, variant, xen) -> None:
    host = {"xen": xen, "dom0": {**DOM0, "built_for": ["3.4", "4.17"]}}
    scenario = variant(scenarios["renegotiate-dom0-crash"], host=host)

    run = laboratory.simulate(scenario)

    assert run.facts() == scenario.expected(), run.story()
    assert f"Xen version: {xen}, toolstack for 3.4, 4.17" in console(run)
    for line in (WATCHDOG, SETUP_GSI):
        assert (line in console(run)) == (xen == "3.4")


def test_by_default_a_dom0_is_of_its_hosts_release(scenarios, laboratory, variant) -> None:
    scenario = variant(scenarios["renegotiate-dom0-crash"], host={"xen": "3.4"})

    run = laboratory.simulate(scenario)

    assert run.facts() == scenario.expected(), run.story()
    assert "Xen version: 3.4, toolstack for 3.4" in console(run)


@pytest.mark.parametrize(("xen", "toolstack"), [("4.17", "3.4"), ("3.4", "4.17")])
def test_a_toolstack_of_another_release_says_so_and_powers_off(
    scenarios, laboratory, variant, xen, toolstack
) -> None:
    host = {"xen": xen, "dom0": {**DOM0, "built_for": [toolstack]}}

    run = laboratory.simulate(variant(scenarios["renegotiate-dom0-crash"], host=host))

    assert run.facts()["survived"] == (False, False)
    assert f"xc: Xen {xen} refuses the toolstack interface of {toolstack}" in console(run)
    assert run.report.facts.hosts["host0"].halted_because == "dom0 powered off"
    assert run.report.facts.unknown == [HALTED]
    assert run.check("course") == "unknown"


def test_a_xenstored_of_its_own_needs_a_xen_that_can_tell_it_of_deaths(
    scenarios, laboratory, tmp_path
) -> None:
    # A file that says so is refused, so dom0 is put on such a Xen behind its back.
    cluster = load_cluster(laboratory.write(scenarios["renegotiate-stubdom-crash"]))
    (host,) = cluster.hosts
    cluster = replace(cluster, hosts=(replace(host, xen="3.4", built_for=("3.4",)),))
    logs = tmp_path / "logs"
    logs.mkdir()

    supervisor, _ = run_simulated(cluster, lambda _what, _text: None, tmp_path, trace=False)

    assert [each.boots for each in supervisor.lab.guests.values()] == [0, 0]
    text = (logs / "host0-dom0.log").read_text()
    assert "xenstored cannot have a domain of its own on this Xen" in text
