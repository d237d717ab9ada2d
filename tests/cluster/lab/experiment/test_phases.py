"""The phases of a run as the table that they are; `test_supervisor.py` takes a run through them."""

import pytest

from cluster.lab.experiment.phases import PHASES, Phases


def test_they_follow_one_another_in_this_order() -> None:
    assert PHASES == ("boot", "workload", "settle", "stop", "shutdown", "account", "off", "done")


@pytest.mark.parametrize(
    ("allows", "names"),
    [
        ("breakable", {"boot", "workload", "settle"}),
        ("measured", {"workload", "settle"}),
        ("powered", {"boot", "workload", "settle", "stop", "shutdown", "account"}),
    ],
)
def test_what_is_allowed_in_which_phase(allows: str, names: set[str]) -> None:
    assert {name for name, phase in Phases.rows.items() if getattr(phase, allows)} == names
