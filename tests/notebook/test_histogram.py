from hypothesis import given
from hypothesis import strategies as st

from actors.notebook.histogram import DURATION_MAX_NS, NR_BUCKETS, bucket_end_ns, bucket_of, percentile_ns

durations = st.integers(0, DURATION_MAX_NS)


@given(durations)
def test_a_duration_is_known_to_within_a_sixteenth(duration: int) -> None:
    bucket = bucket_of(duration)

    assert 0 <= bucket < NR_BUCKETS
    assert duration <= bucket_end_ns(bucket) <= duration + duration // 16


@given(durations, durations)
def test_buckets_are_in_the_order_of_durations(one: int, other: int) -> None:
    if one <= other:
        assert bucket_of(one) <= bucket_of(other)


@given(durations)
def test_a_bucket_ends_where_the_next_begins(duration: int) -> None:
    end = bucket_end_ns(bucket_of(duration))

    assert bucket_of(end) == bucket_of(duration)
    assert bucket_of(end + 1) == bucket_of(duration) + 1


def test_percentiles_bound_what_was_counted() -> None:
    buckets = [0] * NR_BUCKETS
    for duration in [10] * 98 + [1000, 5_000_000]:
        buckets[bucket_of(duration)] += 1

    assert percentile_ns(buckets, 50) == 10
    assert 1000 <= (percentile_ns(buckets, 99) or 0) < 1100
    assert 5_000_000 <= (percentile_ns(buckets, 100) or 0) < 5_400_000


def test_of_nothing_there_are_no_percentiles() -> None:
    assert percentile_ns([0] * NR_BUCKETS, 99) is None
