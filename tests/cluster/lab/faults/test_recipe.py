from random import Random

import pytest

from cluster.lab.config.quantities import duration_ns
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.studies.campaign.generator import HIT

MADE = {name: each for name, each in FAULT_KINDS.items() if each.recipes}


@pytest.mark.parametrize("kind", MADE.values(), ids=MADE)
def test_a_recipe_gives_options_that_its_kind_has_and_an_end_to_what_lasts(kind: FaultKind) -> None:
    for recipe in kind.recipes:
        row = recipe.options(Random(1))
        assert row == recipe.options(Random(1))
        assert set(row) <= {"duration", "probability", *kind.option_names}
        assert ("duration" in row) is kind.lasts
        assert not kind.lasts or duration_ns(row["duration"]) > 0
        assert "probability" not in row or kind.each_time


def test_a_campaign_knows_the_targets_of_every_recipe() -> None:
    assert set(HIT) == {each.hits for kind in MADE.values() for each in kind.recipes}
