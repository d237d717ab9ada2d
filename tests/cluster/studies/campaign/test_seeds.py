import pytest

from cluster.studies.campaign.seeds import of_shard, parse_seeds, parse_shard


def test_seeds_are_a_range_or_one_number() -> None:
    assert parse_seeds("0:10000") == range(10000)
    assert parse_seeds("17") == range(17, 18)


@pytest.mark.parametrize("text", ["", "a", "5:", ":5", "5:5", "9:3", "-1:4", f"{1 << 64}", "0:999999999999"])
def test_what_is_no_range_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse_seeds(text)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "1/2/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shard"):
        parse_shard(text)


def test_shards_are_all_seeds_and_none_twice() -> None:
    parts = [of_shard(range(3, 25), (number, 4)) for number in range(1, 5)]

    assert sorted(seed for part in parts for seed in part) == list(range(3, 25))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
