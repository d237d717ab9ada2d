"""Which seeds: `0:10000`, `17`, and the part of them that a shard does."""

SEED_MAX = (1 << 64) - 1
SEEDS_MAX = 100_000_000


def parse_seeds(text: str) -> range:
    """The seeds of `FIRST:END` (END not included) or of one number. ValueError says what is right."""
    first, colon, end = text.partition(":")
    if not first.isdecimal() or (colon and not end.isdecimal()):
        raise ValueError(f"{text!r} is no range of seeds; write it as in 0:10000, or one seed as in 17")
    seeds = range(int(first), int(end) if colon else int(first) + 1)
    if not seeds:
        raise ValueError(f"{text!r} has no seed in it; the second number is the first that is not run")
    if seeds.stop - 1 > SEED_MAX or seeds.stop - seeds.start > SEEDS_MAX:
        raise ValueError(f"{text!r} is too large; seeds have 64 bits, and a sweep has at most {SEEDS_MAX:,}")
    return seeds


def parse_shard(text: str) -> tuple[int, int]:
    """`2/4`: the second of four. ValueError says what is right."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f"{text!r} is no shard; write it as in 2/4, from 1/4 to 4/4")
    return int(number), int(count)


def of_shard(seeds: range, shard: tuple[int, int]) -> range:
    """Every count-th seed, so that shards take equally long."""
    number, count = shard
    return range(seeds.start + number - 1, seeds.stop, count)
