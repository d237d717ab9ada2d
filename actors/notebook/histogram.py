"""Counters of durations on a logarithmic scale: 16 buckets for each power of two.

Rules: the counters live in memory that the caller gives, so that they outlive the process that counts.
A duration is known to within 1/16 of itself; durations below 16 ns are exact.
"""

from typing import Final

SUB_BUCKET_BITS: Final = 4
SUB_BUCKETS: Final = 1 << SUB_BUCKET_BITS
NR_BUCKETS: Final = 1024
DURATION_MAX_NS: Final = (1 << 63) - 1


def bucket_of(duration_ns: int) -> int:
    """The bucket that counts a duration of 0 to `DURATION_MAX_NS`."""
    shift = duration_ns.bit_length() - SUB_BUCKET_BITS - 1
    if shift <= 0:
        return duration_ns
    return (shift << SUB_BUCKET_BITS) + (duration_ns >> shift)


def bucket_end_ns(bucket: int) -> int:
    """The longest duration that falls into a bucket."""
    if bucket < 2 * SUB_BUCKETS:
        return bucket
    shift = (bucket >> SUB_BUCKET_BITS) - 1
    return (((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS + 1) << shift) - 1


def percentile_ns(buckets: list[int], percent: float) -> int | None:
    """An upper bound of the duration that `percent` of all counted ones do not pass; None if none was.

    `buckets` may be the sum of several histograms, bucket by bucket.
    """
    total = sum(buckets)
    if not total:
        return None
    wanted = total * percent / 100
    seen = 0
    last = 0
    for bucket, count in enumerate(buckets):
        if count:
            seen += count
            last = bucket
            if seen >= wanted:
                break
    return bucket_end_ns(last)
