from random import Random

import pytest

from actors.runtime.distribution import QUANTILES, Distribution


def test_a_constant_is_always_the_same() -> None:
    draw = Distribution("constant", (7,)).drawn_from(Random(1))

    assert {draw() for _ in range(10)} == {7}


@pytest.mark.parametrize(
    ("distribution", "median", "p99"),
    [
        (Distribution("uniform", (100, 300)), 200, 298),
        (Distribution("exponential", (1000,)), 693, 4605),
        (Distribution("lognormal", (80_000, 250_000)), 80_000, 250_000),
    ],
    ids=lambda value: value.kind if isinstance(value, Distribution) else "",
)
def test_the_quantiles_are_those_of_the_distribution(
    distribution: Distribution, median: int, p99: int
) -> None:
    quantiles = distribution.quantiles()

    assert list(quantiles) == sorted(quantiles)
    assert quantiles[QUANTILES // 2] == pytest.approx(median, rel=0.01)
    assert quantiles[QUANTILES * 99 // 100] == pytest.approx(p99, rel=0.03)


def test_draws_follow_from_the_seed() -> None:
    distribution = Distribution("lognormal", (10, 100))
    one, same, other = (distribution.drawn_from(Random(seed)) for seed in (1, 1, 2))

    drawn = [one() for _ in range(50)]
    assert drawn == [same() for _ in range(50)]
    assert drawn != [other() for _ in range(50)]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("constant", (-1,)),
        ("constant", (1, 2)),
        ("uniform", (3, 2)),
        ("lognormal", (0, 2)),
        ("lognormal", (3, 2)),
        ("normal", (1, 2)),
    ],
)
def test_what_is_no_distribution_is_refused(kind: str, parameters: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="distribution"):
        Distribution(kind, parameters)


def test_a_distribution_travels_as_plain_data() -> None:
    distribution = Distribution("uniform", (1, 2))

    assert Distribution.from_row(distribution.row()) == distribution
    for wrong in (5, ["uniform"], ["uniform", 3]):
        with pytest.raises(ValueError, match="no distribution"):
            Distribution.from_row(wrong)
