"""What is kept for the judge while a run goes on: everything, in both directions, and in time."""

from dataclasses import replace

from cluster.lab.verdict.report import facts_of
from cluster.lab.verdict.run_facts import RunFacts
from cluster.running.run.run_state import facts_of_text, state_text


def bare(facts: RunFacts) -> RunFacts:
    """Without what is in files of its own."""
    guests = [replace(each, journals=[], store_log=None) for each in facts.guests]
    return replace(facts, guests=guests, changed_images=frozenset())


def test_the_notes_of_a_run_come_back_as_they_were(scenario, laboratory) -> None:
    supervisor = laboratory.simulate(scenario, invariants=False).supervisor
    facts = facts_of(supervisor.lab.cluster, "simulated", supervisor)

    found = facts_of_text(state_text(facts, supervisor.phase), supervisor.lab.cluster, "simulated")

    assert bare(found) == bare(facts)
    assert found.cut_short == ""
    for target in found.fault_targets:
        assert target.injection is None or target.injection in found.injections
